"""mien-convert verify."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from converters.commands.options import FILE, SourceChoice, prepare, source_options
from converters.output import check_output, write_whole
from converters.quiet import quiet
from converters.tables import table
from converters.verify import Limits, Verdict, verify

DEFAULTS = Limits()


@click.command("verify")
@click.argument("file", type=FILE)
@click.option("--against", type=FILE, required=True, metavar="SOURCE", help="The model that FILE was made from.")
@click.option(
    "--data",
    type=FILE,
    required=True,
    metavar="DIR|FILE",
    help="Samples, best with labels: a folder (of folders named by label), an .npz, fer2013.npz or fer2013.csv.",
)
@click.option("--split", default="PublicTest", show_default=True, help="Which rows of a FER-2013 file.")
@click.option("--samples", type=click.IntRange(2), help="At most so many, evenly spaced [all].")
@click.option("--labels", metavar="LABELS", help="In the order of the outputs, where FILE does not say.")
@click.option("--min-agreement", type=click.FloatRange(0, 1), default=DEFAULTS.min_agreement, show_default=True)
@click.option(
    "--max-mean-difference", type=click.FloatRange(0, 1), default=DEFAULTS.max_mean_difference, show_default=True
)
@click.option(
    "--max-accuracy-drop", type=click.FloatRange(-1, 1), default=DEFAULTS.max_accuracy_drop, show_default=True
)
@click.option("--min-sqnr-db", type=float, default=DEFAULTS.min_sqnr_db, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--metrics", type=FILE, metavar="FILE", help="Write the main figures there, for package --metrics.")
@source_options
def command(
    *,
    file: Path,
    against: Path,
    data: Path,
    split: str,
    samples: int | None,
    labels: str | None,
    min_agreement: float,
    max_mean_difference: float,
    max_accuracy_drop: float,
    min_sqnr_db: float,
    as_json: bool,
    metrics: Path | None,
    choice: SourceChoice,
    verbose: bool,
) -> int:
    """Run FILE and its SOURCE on the same samples. Ends with status 1 if a limit does not hold."""
    limits = Limits(min_agreement, max_mean_difference, max_accuracy_drop, min_sqnr_db)
    if metrics is not None:
        check_output(metrics, force=True)
    prepare(against)
    with quiet(verbose=verbose):
        from converters.candidate import open_candidate
        from converters.package import parse_labels
        from converters.samples import read_samples

        words = None if labels is None else parse_labels(labels)
        candidate = open_candidate(file)
        source, scaling = choice.open(against)
        pictures = read_samples(data, candidate.shape, split=split, limit=samples, bgr=choice.bgr)
        verdict = verify(candidate, source, pictures, scaling, limits, labels=words)
    if metrics is not None:
        write_whole(metrics, as_metrics(verdict), force=True)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(verdict), indent=2))
    else:
        click.echo(as_text(verdict))
    return 1 if verdict.failures else 0


def as_metrics(verdict: Verdict) -> bytes:
    """The figures that a manifest keeps; the data by name, not by where they lie here."""
    figures = {
        "data": f"{Path(verdict.data).name} {verdict.split}".strip(),
        "truth": "the labels in the data",
        "n": verdict.n,
        "agreement": verdict.agreement,
        "mean_score_difference": verdict.mean_difference,
        "largest_score_difference": verdict.largest_difference,
        "float_accuracy": verdict.source_accuracy,
        "int8_accuracy": verdict.accuracy,
    }
    return msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n"


def as_text(verdict: Verdict) -> str:
    """The verdict for the terminal."""
    lines = [f"{verdict.n} samples of {verdict.data} {verdict.split}".rstrip()]
    if verdict.agreement is not None:
        lines += [
            f"same best label: {verdict.agreement:.2%}",
            f"scores: mean difference {verdict.mean_difference:.4f}, largest {verdict.largest_difference:.4f}",
        ]
    if verdict.accuracy is not None and verdict.source_accuracy is not None:
        drop = 100 * (verdict.source_accuracy - verdict.accuracy)
        lines.append(
            f"accuracy: {verdict.source_accuracy:.2%} before, {verdict.accuracy:.2%} after "
            f"({drop:+.2f} points lost, {verdict.labelled} labelled samples)"
        )
    outputs = [(o.name, o.shape, o.mean_difference, o.largest_difference, o.sqnr_db) for o in verdict.outputs]
    lines += ["", table(("output", "shape", "mean difference", "largest", "SQNR dB"), outputs)]
    layers = [(each.layer, each.operator, each.sqnr_db, 100 * each.added) for each in verdict.layers]
    lines += ["", table(("layer", "operator", "SQNR dB", "noise added %"), layers)] if layers else []
    if verdict.worst_layer is not None:
        lines.append(f"the layer that adds most noise: {verdict.worst_layer.layer}")
    if verdict.layers_without_twin:
        lines.append(f"{verdict.layers_without_twin} steps have no twin of the same name in the float model")
    lines += [f"failed: {failure}" for failure in verdict.failures] or ["every limit holds"]
    return "\n".join(lines)
