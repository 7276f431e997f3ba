"""mien-train label-faces: what a teacher finds in the detector's training photos and in FER's faces."""

from __future__ import annotations

from pathlib import Path

import click
import cv2

from edge.errors import SourceError
from training.commands.options import detector_data_options
from training.detector.labelling import label_fer, label_sets
from training.detector.opening import open_detector
from training.readers import read_faces

WIDTHS_PX = (320, 640, 960)


@click.command("label-faces")
@click.argument("teacher", default="yunet")
@detector_data_options
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Where the labels go.")
def command(teacher: str, photos: Path, fer: Path, out: Path) -> None:
    """Let TEACHER (yunet, or its ONNX file) label every photo enlarged and mirrored, and every FER face.

    Writes photos.npz and fer.npz into DIR. A set that is there already is not labelled again.
    """
    cv2.setNumThreads(1)
    opened = open_detector(teacher, width_px=1920, min_score=0.05)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(f"{out}: cannot be written: {error.strerror}") from error
    label_sets(opened, photos, out, WIDTHS_PX, tell=click.echo)
    label_fer(opened, read_faces(fer), out, tell=click.echo)
