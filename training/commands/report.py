"""mien-train report: a page that shows what a model can do."""

from __future__ import annotations

from pathlib import Path

import click

from edge.errors import SinkError
from training.commands.options import data_options, sample_options
from training.evaluate import judge, sample_of
from training.history import read_history
from training.predictor import open_predictor
from training.readers import read_faces
from training.recipe import RECIPE_COPY
from training.report import Page, make_page


@click.command("report")
@click.argument("model")
@data_options
@sample_options
@click.option(
    "--out", type=click.Path(path_type=Path), default="report", show_default=True, help="The folder to write."
)
def command(
    *,
    model: str,
    data_path: Path,
    votes: Path | None,
    split_name: str,
    labels: str | None,
    out: Path,
    crop: bool,
) -> None:
    """Write OUT/report.html and its pictures for MODEL; curves and recipe are taken from beside the model."""
    predictor = open_predictor(model)
    faces = read_faces(data_path, votes, crop=crop)
    sample = sample_of(predictor.labels, faces, split_name, labels)
    scores = predictor.scores(sample.faces.pixels)
    result = judge(predictor.labels, sample, scores)
    folder = Path(model).parent
    history = read_history(folder / "history.csv") if (folder / "history.csv").is_file() else None
    recipe = (folder / RECIPE_COPY).read_text() if (folder / RECIPE_COPY).is_file() else None
    write(
        make_page(f"{Path(model).name} on {split_name}", result, sample, scores, history=history, recipe=recipe),
        out,
    )
    click.echo(f"wrote {out / 'report.html'}")


def write(page: Page, out: Path) -> None:
    """Raises SinkError if the folder cannot be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in page.pictures.items():
            (out / name).write_bytes(content)
        (out / "report.html").write_text(page.html, encoding="utf-8")
    except OSError as error:
        raise SinkError(f"{out}: cannot be written: {error.strerror}") from error
