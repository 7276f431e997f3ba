"""Variations of a recipe trained one after the other with equal budgets, and the table of what each buys."""

from __future__ import annotations

from pathlib import Path

import keras
import msgspec
from msgspec import Struct

from edge.errors import ConfigError, ModelError
from training.dataset import Faces
from training.distil import SoftTargets
from training.evaluate import VALIDATION, Sample, judge, sample_of
from training.experiment import Experiment, Row
from training.fit import Tell, TrainingError, fit
from training.history import read_history
from training.models import multiply_adds
from training.predictor import Predictor, load_keras, open_predictor
from training.quantize.graph import observe, with_fake_quantization
from training.quantize.tune import Tuning, observed, tune
from training.recipe import RECIPE_COPY, Recipe, as_toml
from training.run import CHECKPOINT, HISTORY, MODEL, fingerprint, save_model
from training.splits import Splits, split
from training.whole import write_bytes

RESULT, TABLE = "result.json", "table.md"


class Result(Struct, frozen=True):
    """What a row gave on the validation tenth. recipe: its digest. seconds: of its epochs, together.
    failed: why there is nothing else.
    """

    recipe: str
    parameters: int = 0
    multiply_adds: int = 0
    seconds: float = 0.0
    n: int = 0
    accuracy: float = 0.0
    mean_recall: float = 0.0
    macro_f1: float = 0.0
    failed: str = ""


def compare(
    experiment: Experiment,
    recipes: dict[str, Recipe],
    faces: Faces,
    out: Path,
    *,
    teacher: SoftTargets | None = None,
    tell: Tell = print,
) -> dict[str, Result]:
    """Train and measure each row that lacks a result, in out/ROW; the table is written anew after each.

    A row that was stopped goes on where it was; one whose loss is no number is told as failed, and the rest go on.
    Raises ConfigError without a teacher that a row learns from, ModelError if another recipe left a result there,
    SinkError if nothing can be written.
    """
    for name, recipe in recipes.items():
        if recipe.distil.weight and teacher is None:
            raise ConfigError(f"{name}: learns from a teacher: give --teacher FILE")
    splits = split(faces)
    results: dict[str, Result] = {}
    samples: dict[tuple[str, ...], Sample] = {}  # finding copies takes longer than judging
    for row in experiment.rows:
        recipe, folder = recipes[row.name], out / row.name
        digest = f"{fingerprint(recipe)}-{row.tune_epochs}" if row.after else fingerprint(recipe)
        found = _read(folder / RESULT, digest)
        if found is None:
            tell(f"{row.name}: {row.says}")
            keras.backend.clear_session()
            try:
                _make(row, recipe, splits, out, results, teacher=teacher, tell=tell)
                predictor = open_predictor(str(folder / MODEL))
                if predictor.labels not in samples:
                    samples[predictor.labels] = sample_of(predictor.labels, faces, VALIDATION)
                found = _measured(folder, digest, predictor, samples[predictor.labels])
            except TrainingError as error:
                found = Result(digest, failed=str(error))
                tell(f"{row.name}: {error}")
            write_bytes(folder / RESULT, msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
        results[row.name] = found
        write_bytes(out / TABLE, as_table(experiment, results).encode())
    return results


def _make(
    row: Row,
    recipe: Recipe,
    splits: Splits,
    out: Path,
    results: dict[str, Result],
    *,
    teacher: SoftTargets | None,
    tell: Tell,
) -> None:
    """Leave the row's model in its folder; results: of the rows above. Raises TrainingError."""
    folder = out / row.name
    resume = (folder / CHECKPOINT).is_file()
    if row.after is None:
        write_bytes(folder / RECIPE_COPY, as_toml(recipe).encode())
        said = teacher if recipe.distil.weight else None
        fit(recipe, splits, folder, resume=resume, teacher=said, tell=tell)
        return
    if results[row.after].failed:
        raise TrainingError(f"there is nothing to go on from: {row.after} failed")
    parent = out / row.after / MODEL
    if row.tune_epochs:
        tune(parent, recipe, splits, folder, Tuning(epochs=row.tune_epochs), resume=resume, tell=tell)
        return
    rounded = with_fake_quantization(load_keras(parent), str(parent))
    observe(rounded, observed(splits.training, recipe.train.seed))
    save_model(rounded, folder / MODEL)


def _measured(folder: Path, digest: str, predictor: Predictor, sample: Sample) -> Result:
    network = load_keras(folder / MODEL)
    metrics = judge(predictor.labels, sample, predictor.scores(sample.faces.pixels)).all
    history = read_history(folder / HISTORY) if (folder / HISTORY).is_file() else []
    return Result(
        recipe=digest,
        parameters=network.count_params(),
        multiply_adds=multiply_adds(network),
        seconds=sum(epoch["seconds"] for epoch in history),
        n=metrics.n,
        accuracy=metrics.accuracy,
        mean_recall=metrics.mean_recall,
        macro_f1=metrics.macro_f1,
    )


def as_table(experiment: Experiment, results: dict[str, Result]) -> str:
    """In Markdown, one line a row that has a result; differences are to the first row's."""
    lines = [
        "| Change | Parameters | Multiply-adds | Epochs' time | Accuracy | Mean recall | Macro-F1 |",
        "|---|---|---|---|---|---|---|",
    ]
    first = results[experiment.rows[0].name]
    for row in experiment.rows:
        found = results.get(row.name)
        if found is None:
            continue
        cells = [f"failed: {found.failed}", *[""] * 5] if found.failed else _cells(found, first)
        lines.append(f"| {' | '.join([row.says, *cells])} |")
    return "\n".join(
        [*lines, "", f"Validation tenth, N = {first.n}; in brackets the difference to the first row.", ""]
    )


def _cells(found: Result, first: Result) -> list[str]:
    cells = [f"{found.parameters:,}", f"{found.multiply_adds / 1e6:.1f} M", f"{found.seconds:.0f} s"]
    for name in ("accuracy", "mean_recall", "macro_f1"):
        value, before = 100 * getattr(found, name), 100 * getattr(first, name)
        more = "" if found is first or first.failed else f" ({value - before:+.1f})"
        cells.append(f"{value:.1f} %{more}")
    return cells


def _read(path: Path, digest: str) -> Result | None:
    if not path.is_file():
        return None
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Result)
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelError(f"{path}: no result that can be read: remove it to make the row again") from error
    if found.recipe != digest:
        raise ModelError(f"{path}: was made by another recipe: remove its folder, or choose another --out")
    return found
