"""mien-convert compare."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from converters.commands.options import FILE
from converters.compare import Line, compare, count_on_pi
from converters.tables import table


@click.command("compare")
@click.argument("files", type=FILE, nargs=-1, required=True)
@click.option("--data", type=FILE, metavar="DIR|FILE", help="Labelled samples for the accuracy (see verify).")
@click.option("--split", default="PublicTest", show_default=True, help="Which rows of a FER-2013 file.")
@click.option("--labels", metavar="LABELS", help="For files that are no packages.")
@click.option("--pi/--no-pi", default=True, help="Count Arm instructions where the emulated Pi is set up.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    *, files: tuple[Path, ...], data: Path | None, split: str, labels: str | None, pi: bool, as_json: bool
) -> None:
    """Set FILES (.tflite, packaged or bare) side by side: size, cost, accuracy, speed here and on a Pi."""
    from converters.candidate import open_candidate
    from converters.package import parse_labels
    from converters.samples import read_samples

    words = None if labels is None else parse_labels(labels)
    candidates = [open_candidate(file) for file in files]
    samples = [None if data is None else read_samples(data, c.shape, split=split) for c in candidates]
    instructions, lacking = count_on_pi(files) if pi else ({}, "not asked for")
    lines = compare(candidates, samples, words, instructions)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(lines), indent=2))
    else:
        click.echo(as_text(lines, lacking))


def as_text(lines: Sequence[Line], lacking: str) -> str:
    """The table for the terminal."""
    processors = list(dict.fromkeys(name for line in lines for name in line.pi_instructions))
    rows = [
        (
            Path(line.file).name,
            line.size_bytes,
            line.parameters,
            line.multiply_adds,
            line.whole_int8,
            None if line.accuracy is None else round(100 * line.accuracy, 2),
            round(line.latency_ms, 3),
            *(round(line.pi_instructions.get(name, 0) / 1e6, 2) for name in processors),
        )
        for line in lines
    ]
    heads = ["file", "bytes", "parameters", "multiply-adds", "int8", "accuracy %", "ms here"]
    text = table([*heads, *(f"{name} M instr." for name in processors)], rows)
    labelled = {line.labelled for line in lines if line.labelled}
    if labelled:
        text += f"\naccuracy on {', '.join(f'{count:,}' for count in sorted(labelled))} labelled samples"
    return f"{text}\nno Arm instructions: {lacking}" if lacking else text
