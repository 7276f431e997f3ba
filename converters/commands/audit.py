"""mien-convert audit."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from converters.audit import Audit, audit
from converters.commands.options import FILE
from converters.flatbuffer import read_file, read_graph
from converters.tables import table


@click.command("audit")
@click.argument("file", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(*, file: Path, as_json: bool) -> int:
    """Read FILE's flatbuffer: operators, tensors, types, quantization, cost, float leftovers.

    Ends with status 1 if something keeps it from being a whole int8 model.
    """
    report = audit(read_graph(read_file(file), str(file)))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report), indent=2))
    else:
        click.echo(as_text(report))
    return 1 if report.problems else 0


def as_text(report: Audit) -> str:
    """The report for the terminal."""
    steps = [
        (
            s.index,
            s.operator,
            s.layer,
            s.types,
            s.shape,
            s.parameters,
            s.multiply_adds,
            s.per_channel,
            s.accelerated,
        )
        for s in report.steps
    ]
    heads = (
        "",
        "operator",
        "layer",
        "types",
        "output",
        "parameters",
        "multiply-adds",
        "per channel",
        "accelerated",
    )
    lines = [table(heads, steps), ""]
    for which, ports in (("input", report.inputs), ("output", report.outputs)):
        lines += [
            f"{which}: {p.dtype} {'x'.join(map(str, p.shape))}, scale {p.scale:.8g}, zero point {p.zero_point}"
            for p in ports
        ]
    types = ", ".join(f"{count} {name}" for name, count in report.tensor_types.items())
    lines += [
        (
            f"size: {report.size_bytes:,} bytes; {report.parameters:,} parameters; "
            f"{report.multiply_adds:,} multiply-adds"
        ),
        f"tensors: {types}; {len(report.float_tensors)} are not of integers",
        f"outside the Arm CPU path: {', '.join(report.not_accelerated) or 'nothing'}",
    ]
    lines += [f"problem: {problem}" for problem in report.problems] or ["whole in int8"]
    return "\n".join(lines)
