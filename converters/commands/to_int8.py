"""mien-convert to-int8."""

from __future__ import annotations

from pathlib import Path

import click

from converters.commands.options import FILE, SourceChoice, prepare, source_options
from converters.errors import ConversionError
from converters.output import check_output, write_whole
from converters.package import parse_labels
from converters.proof import prove_conversion
from converters.quiet import quiet
from converters.samples import Samples, check_calibration, read_samples
from converters.sources import Source
from converters.to_tflite import PRECISIONS, Precision, convert


@click.command("to-int8")
@click.argument("source", type=FILE)
@click.option("--out", type=FILE, required=True, metavar="FILE", help="The .tflite file to write.")
@click.option(
    "--calibration",
    type=FILE,
    metavar="DIR|FILE",
    help="Samples that show the ranges: a folder of images, an .npz with `pixels`, fer2013.npz or fer2013.csv.",
)
@click.option("--ids", type=FILE, metavar="FILE", help="Take these rows of it, one number a line.")
@click.option("--samples", type=click.IntRange(1), default=500, show_default=True, help="At most so many.")
@click.option("--labels", metavar="LABELS", help="Check that there is one for each output (see package).")
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="int8",
    show_default=True,
    help="float16 and dynamic-range are second best: float inside, larger or slower on a Pi.",
)
@click.option("--force", is_flag=True, help="Replace --out.")
@source_options
def command(
    *,
    source: Path,
    out: Path,
    calibration: Path | None,
    ids: Path | None,
    samples: int,
    labels: str | None,
    precision: Precision,
    force: bool,
    choice: SourceChoice,
    verbose: bool,
) -> None:
    """Convert SOURCE (.keras, .h5, .onnx, float .tflite or a SavedModel folder) to whole int8.

    The file takes the bytes of a picture as they are and gives int8.
    """
    check_output(out, force=force)
    prepare(source)
    with quiet(verbose=verbose):
        model, scaling = choice.open(source)
        pictures = _samples(model, calibration, ids, samples, bgr=choice.bgr)
        words = None if labels is None else parse_labels(labels)
        content = convert(model, scaling, precision, None if pictures is None else pictures.pixels)
        note = prove_conversion(content, model, scaling, pictures, labels=words, precision=precision)
    write_whole(out, content, force=force)
    click.echo(f"{out}: {len(content):,} bytes; {note}")


def _samples(model: Source, calibration: Path | None, ids: Path | None, limit: int, *, bgr: bool) -> Samples | None:
    if calibration is None:
        if ids is not None:
            raise ConversionError(f"--ids {ids}: lists rows of --calibration, which is missing")
        return None
    samples = read_samples(calibration, model.shape, ids=ids, limit=limit, bgr=bgr)
    check_calibration(samples)
    return samples
