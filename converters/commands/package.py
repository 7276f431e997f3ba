"""mien-convert package."""

from __future__ import annotations

from pathlib import Path

import click

from converters.commands.options import FILE
from converters.output import check_output, write_whole
from edge.model.preprocess import FER_CROP


@click.command("package")
@click.argument("file", type=FILE)
@click.option("--out", type=FILE, required=True, metavar="FILE", help="The model file to write.")
@click.option(
    "--labels",
    metavar="LABELS",
    help="In the order of the outputs: fer2013, ferplus, words with commas, or a file with one a line.",
)
@click.option("--name", required=True, help="What people call it.")
@click.option("--version", required=True, help="Of the model, for instance 1.0.0.")
@click.option("--description", required=True, help="One sentence.")
@click.option("--licence", required=True, help="Of the weights, for instance MIT.")
@click.option("--origin", required=True, help="Who trained it, on what data.")
@click.option(
    "--metrics",
    multiple=True,
    metavar="[NAME=]JSON",
    help="What was measured, as the evaluation wrote it; repeatable.",
)
@click.option(
    "--activation", type=click.Choice(["logits", "scores"]), help="Of the output [told from what it gives]."
)
@click.option(
    "--crop-scale",
    type=float,
    default=FER_CROP.scale,
    show_default=True,
    help="Side of the crop over the face box's.",
)
@click.option(
    "--crop-offset-x", type=float, default=FER_CROP.offset_x, show_default=True, help="In box widths, to the right."
)
@click.option(
    "--crop-offset-y", type=float, default=FER_CROP.offset_y, show_default=True, help="In box heights, down."
)
@click.option("--detector", is_flag=True, help="FILE finds faces: it has no --labels.")
@click.option("--second-best", is_flag=True, help="Take a file that computes in float.")
@click.option("--force", is_flag=True, help="Replace --out.")
def command(
    *,
    file: Path,
    out: Path,
    labels: str | None,
    metrics: tuple[str, ...],
    detector: bool,
    second_best: bool,
    force: bool,
    **facts: str,
) -> None:
    """Append labels, manifest and golden cases to FILE, and prove the result before it gets its name."""
    from converters.candidate import open_candidate
    from converters.detector import build_detector_package
    from converters.package import build_package, parse_labels, read_metrics
    from converters.seal import Facts
    from edge.model.package import prove_model

    if detector != (labels is None):
        raise click.UsageError("--labels: a classifier needs them, a --detector has none")
    check_output(out, force=force)
    about = Facts(metrics=read_metrics(metrics), **facts)  # type: ignore[arg-type]
    if labels is None:
        content = build_detector_package(open_candidate(file), about)
    else:
        content = build_package(open_candidate(file), parse_labels(labels), about, second_best=second_best)
    write_whole(out, content, force=force, prove=prove_model)
    click.echo(f"{out}: {len(content):,} bytes, proved")
