"""`setup.sh update` and `repair`: another release, or the same one for a changed system, on trial."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from deploy import install, release
from deploy.checks import check_host, look
from deploy.machine import Machine, Refusal, say

if TYPE_CHECKING:
    from deploy.install import Wishes


def update(machine: Machine, wishes: Wishes, source: Path = install.SOURCE) -> None:
    """Bring what is installed to the release of this source tree. Raises Refusal."""
    check_host(look(machine), "update")
    if release.current(machine) is None:
        raise Refusal("nothing is installed here: sudo ./setup.sh install")
    install.install(machine, wishes, source)


def repair(machine: Machine, wishes: Wishes) -> None:
    """Build the installed release anew where the system underneath it changed. Raises Refusal."""
    check_host(look(machine), "repair")
    name = release.current(machine)
    if name is None:
        raise Refusal("nothing is installed here: sudo ./setup.sh install")
    folder = machine.path(f"{release.RELEASES}/{name}")
    around = release.surroundings()
    if release.whole(folder) and release.made_for(folder) == around and release.works(folder):
        say(f"{name} fits this system: nothing to repair")
        return
    with tempfile.TemporaryDirectory() as kept:
        source = Path(kept)
        release.copy(folder, source)
        if release.name_of(source, around) == name:
            machine.remove(f"{release.RELEASES}/{name}/{release.STAMP}")  # damaged: made anew in its place
        install.install(machine, wishes, source)
