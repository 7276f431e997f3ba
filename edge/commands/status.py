"""`mien status`: what the running service is doing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec

from edge.commands.asking import ask_service, socket_option

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for machines.")
@socket_option
def command(*, as_json: bool, socket: Path | None) -> None:
    """Say what the running service is doing, what it has done, and how long each stage takes."""
    status = ask_service(socket, {"command": "status"})
    if as_json:
        click.echo(msgspec.json.encode(status))
        return
    for line in lines(status):
        click.echo(line)


def lines(status: dict[str, Any]) -> Iterator[str]:
    """For people."""
    note = f", {status['note']}" if status["note"] else ""
    yield f"{status['phase']}{note}, for {status['seconds']:.0f} s"
    if status["reduced"]:
        yield f"reduced: {', '.join(status['reduced'])}"
    yield f"privacy {'on' if status['privacy']['on'] else 'off'} (by {status['privacy']['by']})"
    yield (
        f"{status['frames']} frames, {status['dropped']} dropped, {status['skipped']} left out, "
        f"{status['crops']} faces classified, {status['events']} events"
    )
    yield f"source lost {status['lost']} times, {status['reloads']} reloads, {status['reloads_refused']} refused"
    for sink, failures in status["sink_failures"].items():
        yield f"{sink} failed {failures} times"
    celsius = "" if status["celsius"] is None else f", {status['celsius']:.0f} degrees Celsius"
    yield f"{status['rss_bytes'] / 1e6:.0f} MB resident{celsius}{', throttled' if status['throttled'] else ''}"
    if status["mean_ms"]:
        yield "mean ms: " + ", ".join(f"{stage} {mean:g}" for stage, mean in status["mean_ms"].items())
    if status["latency_ms"]:
        yield "sensor to publication, at most ms: " + ", ".join(
            f"{name} {value:g}" for name, value in status["latency_ms"].items()
        )
