"""`mien predict`: pictures, folders and clips."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from edge.commands.settings import config_options, model_option, settings
from edge.errors import SinkError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from edge.predict import Prediction, Predictor

CLIPS = frozenset({".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ogv"})


@click.command("predict")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IMAGE|DIR|VIDEO...")
@click.option(
    "--jsonl", is_flag=True, help="One JSON object a picture; the default where the output is no terminal."
)
@model_option
@click.option(
    "--flip", is_flag=True, help="Mean of the face and its mirror image: a little better, twice the work."
)
@click.option("--whole", is_flag=True, help="Each picture is one face that is already cropped.")
@click.option(
    "--draw", "draw_dir", type=click.Path(path_type=Path), metavar="OUT_DIR", help="Write annotated copies."
)
@config_options
def command(
    paths: tuple[Path, ...],
    *,
    jsonl: bool,
    model: str | None,
    flip: bool,
    whole: bool,
    draw_dir: Path | None,
    config_file: Path | None,
    changes: tuple[str, ...],
) -> int:
    """Classify pictures, folders and clips: boxes are in pixels of the picture, scores sum to 1.

    A picture that cannot be read is reported, the others are still classified, and the exit status is 1.
    """
    config = settings(config_file, changes, model=model)
    from edge.predict import Predictor

    predictor = Predictor(config, flip=flip, whole=whole)
    as_json = jsonl or not sys.stdout.isatty()
    copies = Copies(draw_dir) if draw_dir else None
    failures = 0
    for path in _pictures(paths):
        try:
            for prediction in _predict(path, predictor, copies):
                click.echo(msgspec.json.encode(prediction) if as_json else _line(prediction))
        except SourceError as error:
            failures += 1
            click.echo(f"mien: {error}", err=True)
    return 1 if failures else 0


def _pictures(paths: tuple[Path, ...]) -> Iterator[Path]:
    """Every picture and clip, folders opened. Raises SourceError for an empty folder."""
    from edge.sources.images import list_images

    for path in paths:
        if not path.is_dir():
            yield path
            continue
        clips = [entry for entry in sorted(path.iterdir()) if entry.suffix.lower() in CLIPS]
        yield from clips
        try:
            yield from list_images(path)
        except SourceError:
            if not clips:
                raise


def _predict(path: Path, predictor: Predictor, copies: Copies | None) -> Iterator[Prediction]:
    if path.suffix.lower() in CLIPS:
        yield from _predict_clip(path, predictor, copies)
        return
    from edge.predict import Prediction
    from edge.sources.images import read_luma

    prediction = Prediction(str(path), predictor.predict(read_luma(path)))
    if copies is not None:
        import cv2
        import numpy as np

        copies.write(np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8), prediction)
    yield prediction


def _predict_clip(path: Path, predictor: Predictor, copies: Copies | None) -> Iterator[Prediction]:
    from edge.config import SourceConfig
    from edge.predict import Prediction
    from edge.sources import open_source

    source = open_source(SourceConfig(kind="video", path=str(path), realtime=False))
    try:
        for frame in source:
            faces = predictor.predict(frame.luma)
            prediction = Prediction(str(path), faces, frame.sequence, round(frame.time_s, 4))
            if copies is not None:
                copies.write(frame.luma, prediction)
            yield prediction
    finally:
        source.close()


def _line(prediction: Prediction) -> str:
    at = "" if prediction.time_s is None else f" {prediction.time_s:.2f} s"
    faces = "; ".join(
        f"{face.emotion} {face.scores[face.emotion]:.0%} at {', '.join(map(str, face.box))}"
        for face in prediction.faces
    )
    return f"{prediction.image}{at}: {faces or 'no face'}"


class Copies:
    """Annotated copies in a folder; no picture that is being read, and none of this run, is written over."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken: set[str] = set()

    def write(self, picture: NDArray[np.uint8], prediction: Prediction) -> None:
        """Raises SinkError if the folder is the one that holds the originals, or cannot be written."""
        from edge.draw import draw_faces, write_picture

        original = Path(prediction.image)
        if self._folder.resolve() == original.resolve().parent:
            raise SinkError(f"--draw {self._folder}: holds the originals: choose another folder")
        stem = original.stem if prediction.frame is None else f"{original.stem}-{prediction.frame:06}"
        suffix = original.suffix.lower() if prediction.frame is None else ".jpg"
        captions = [(face.box, f"{face.emotion} {face.scores[face.emotion]:.0%}") for face in prediction.faces]
        write_picture(self._folder / self._free(stem, suffix or ".png"), draw_faces(picture, captions))

    def _free(self, stem: str, suffix: str) -> str:
        name, number = f"{stem}{suffix}", 1
        while name in self._taken:
            number += 1
            name = f"{stem}-{number}{suffix}"
        self._taken.add(name)
        return name
