"""`mien doctor`: what is there, what is missing, and the cure."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from edge.commands.settings import config_options, settings

MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("fail", "red")}


@click.command("doctor")
@config_options
@click.option("--json", "as_json", is_flag=True, help="One JSON array for machines.")
def command(config_file: Path | None, changes: tuple[str, ...], *, as_json: bool) -> int:
    """Say what is there, what is missing, and the cure. Exit status 1 if Mien cannot run as configured."""
    config = settings(config_file, changes)
    from edge.doctor import examine

    findings = examine(config)
    if as_json:
        click.echo(msgspec.json.encode(findings))
    else:
        for finding in findings:
            word, colour = MARKS[finding.level]
            cure = f" -> {finding.cure}" if finding.cure else ""
            click.echo(f"{click.style(word, fg=colour)}  {finding.part}: {finding.found}{cure}")
    return 1 if any(finding.level == "fail" for finding in findings) else 0
