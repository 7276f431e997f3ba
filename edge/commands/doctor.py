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
@click.option("--unit", is_flag=True, help="Look from inside the installed service's unit (root).")
def command(config_file: Path | None, changes: tuple[str, ...], *, as_json: bool, unit: bool) -> int:
    """Say what is there, what is missing, and the cure. Exit status 1 if Mien cannot run as configured."""
    if unit:
        from edge.unit import examine_inside

        told = examine_inside()
        click.echo(told, nl=False)
        return 1 if "\nfail" in f"\n{told}" else 0
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
