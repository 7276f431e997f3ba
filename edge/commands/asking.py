"""Speaking to the running service from a command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.control import ask
from edge.errors import ControlError
from edge.places import control_sockets

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = Callable[..., Any]


def socket_option(function: Function) -> Function:
    """Adds --socket."""
    return click.option(
        "--socket",
        type=click.Path(path_type=Path),
        envvar="MIEN_SOCKET",
        help="The service's control socket, where it is not in its usual place.",
    )(function)


def ask_service(socket: Path | None, request: dict[str, Any]) -> Any:
    """What the running service answers. Raises ControlError where none runs or it refuses."""
    places = [socket] if socket else control_sockets()
    for place in places:
        try:
            return ask(place, request)
        except FileNotFoundError:
            continue
    raise ControlError(f"no Mien is running here: nobody listens at {', '.join(map(str, places))}")
