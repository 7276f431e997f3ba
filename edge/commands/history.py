"""`mien history`: what was recorded, as rows for machines and as a picture for people."""

from __future__ import annotations

import csv
import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from edge.command_line import reader_may_leave
from edge.commands.settings import config_options, settings
from edge.errors import ConfigError, SinkError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.sinks.history.read import History, StoredEvent, StoredMinute


@click.group("history")
def command() -> None:
    """Export what was recorded, draw a day."""


@command.command()
@click.option("--format", "kind", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--minutes", is_flag=True, help="Seconds in view by minute and emotion, instead of events.")
@click.option("--since", metavar="TIME", help="From then on: 2026-01-31 or 2026-01-31T18:00, in local time.")
@click.option("--until", metavar="TIME", help="Before then.")
@config_options
def export(
    *,
    kind: str,
    minutes: bool,
    since: str | None,
    until: str | None,
    config_file: Path | None,
    changes: tuple[str, ...],
) -> None:
    """Write what was recorded to standard output, the oldest first, times in UTC."""
    first, end = parse_time("--since", since), parse_time("--until", until)
    history = opened(config_file, changes)
    rows = history.minutes(first, end) if minutes else history.events(first, end)
    try:
        with reader_may_leave():
            (write_csv if kind == "csv" else write_jsonl)(rows, history.columns(minutes=minutes))
    finally:
        history.close()


@command.command()
@click.option("--day", metavar="DATE", help="A day of local time, as 2026-01-31; today if none is given.")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE.png", help="The picture.")
@config_options
def plot(*, day: str | None, out: Path, config_file: Path | None, changes: tuple[str, ...]) -> None:
    """Draw a day: which emotions were in view, and for how long."""
    from edge.commands.history_plot import as_png, draw_day, new_figure

    since = parse_day(day)
    until = midnight(since.date() + timedelta(days=1))
    if out.suffix.lower() != ".png":
        raise ConfigError(f"--out {out}: must end in .png")
    figure = new_figure()
    history = opened(config_file, changes)
    try:
        draw_day(figure, since, until, history.minutes(since, until))
    finally:
        history.close()
    write_whole(out, as_png(figure))


def opened(config_file: Path | None, changes: tuple[str, ...]) -> History:
    """The history that the settings name. Raises ConfigError, SourceError."""
    from edge.sinks.history import history_path
    from edge.sinks.history.read import History

    return History(history_path(settings(config_file, changes).history))


def write_jsonl(rows: Iterator[StoredEvent | StoredMinute], _columns: tuple[str, ...]) -> None:
    encoder = msgspec.json.Encoder()
    for row in rows:
        sys.stdout.buffer.write(encoder.encode(row) + b"\n")


def write_csv(rows: Iterator[StoredEvent | StoredMinute], columns: tuple[str, ...]) -> None:
    writer = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(msgspec.to_builtins(row) for row in rows)


def parse_time(option: str, text: str | None) -> datetime | None:
    """A moment, in local time unless it says otherwise. Raises ConfigError."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        raise ConfigError(f"{option} {text}: must be a date or time, as 2026-01-31 or 2026-01-31T18:00") from error


def parse_day(text: str | None) -> datetime:
    """When the day began here; today without a text. Raises ConfigError."""
    try:
        return midnight(date.fromisoformat(text) if text else datetime.now().astimezone().date())
    except (ValueError, OverflowError) as error:
        raise ConfigError(f"--day {text}: must be a date, as 2026-01-31") from error


def midnight(day: date) -> datetime:
    return datetime.combine(day, time()).astimezone()


def write_whole(path: Path, content: bytes) -> None:
    """The file, or what was there before. Raises SinkError."""
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise SinkError(f"{path}: cannot be written: {error.strerror}") from error
