"""mien-train prove-crop: what a classifier loses between a whole scene and the crop it was trained on."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
import numpy as np

from edge.classify import Classifier
from edge.config import DetectConfig
from edge.model.labels import FER2013
from edge.model.package import model_path, open_model
from training.commands.options import photos_option, width_option
from training.detector.crops import prove_crop
from training.detector.opening import open_detector
from training.detector.photos import read_photos
from training.readers import read_faces
from training.splits import split

SCENES = 400


@click.command("prove-crop")
@click.argument("model")
@click.argument("detector")
@click.option("--data", type=click.Path(path_type=Path), required=True, metavar="PATH", help="FER-2013's faces.")
@photos_option("--scenes", "scenes", "; those without a face are the scenes")
@click.option("--count", type=click.IntRange(1), default=2000, show_default=True, help="Faces of each size.")
@click.option(
    "--scene-width",
    "scene_px",
    type=click.IntRange(320, 1920),
    default=640,
    show_default=True,
    help="Scenes are so wide and three quarters as high.",
)
@width_option
@click.option("--seed", type=int, default=5, show_default=True)
def command(
    model: str, detector: str, data: Path, scenes: Path, *, count: int, scene_px: int, width_px: int, seed: int
) -> None:
    """Classify validation faces directly, and placed into scenes at 40, 80, 160 and 240 px.

    MODEL names FER-2013's emotions. One line of JSON a size; a face not found is classified wrongly.
    """
    classifier = Classifier(open_model(model_path(model)))
    if classifier.labels != FER2013:
        raise click.ClickException(f"{model}: its labels are not FER-2013's")
    opened = open_detector(detector, width_px=width_px, min_score=DetectConfig().min_score)
    validation = split(read_faces(data)).validation
    rows = np.random.default_rng(seed).permutation(len(validation))[:count]
    truths = [FER2013[i] for i in validation.targets["fer2013"][rows].argmax(axis=1)]
    empty = [photo for photo in read_photos(scenes) if len(photo.boxes) == 0]
    if not empty:
        raise click.ClickException(f"{scenes}: holds no photo without a face")
    lumas = [photo.read_luma() for photo in empty[:SCENES]]
    size = scene_px, scene_px * 3 // 4
    for detour in prove_crop(
        classifier, opened, validation.pixels[rows], truths, lumas, scene_size=size, seed=seed
    ):
        click.echo(msgspec.json.encode(detour).decode())
