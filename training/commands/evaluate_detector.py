"""mien-train evaluate-detector: how well a detector finds known faces."""

from __future__ import annotations

from pathlib import Path

import click
import cv2
import msgspec

from edge.errors import SourceError
from training.commands.options import detector_options, width_option
from training.detector.evaluate import Evaluation, evaluate
from training.detector.opening import open_detector
from training.detector.photos import read_photos
from training.detector.validation import validation_names

LOWEST_SCORE = 0.02
"""Average precision wants the weak finds, too; below this there are only false ones."""


@click.command("evaluate-detector")
@detector_options
@width_option
@click.option(
    "--min-face-px",
    type=click.FloatRange(1, 1920),
    default=16,
    show_default=True,
    help="Smaller faces, at that width, are ignored.",
)
@click.option("--validation", is_flag=True, help="Only the set's photos on the committed validation list.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for each detector.")
def command(
    detectors: tuple[str, ...], data: Path, width_px: int, min_face_px: float, *, validation: bool, as_json: bool
) -> None:
    """Average precision at IoU 0.5, and recall at 0.1 false boxes an image, of each detector named."""
    cv2.setNumThreads(1)  # as on the device; times are one thread's
    opened = [(word, open_detector(word, width_px=width_px, min_score=LOWEST_SCORE)) for word in detectors]
    photos = read_photos(data)
    if validation:
        names = validation_names()
        photos = [photo for photo in photos if f"{data.resolve().name}/{photo.path.name}" in names]
        if not photos:
            raise SourceError(f"{data}: none of its photos is on the validation list")
    for word, detector in opened:
        result = evaluate(detector, photos, width_px=width_px, min_face_px=min_face_px)
        click.echo(as_line(word, result) if as_json else as_text(word, result))


def as_line(word: str, result: Evaluation) -> str:
    """One line of JSON."""
    return msgspec.json.encode({"detector": Path(word).name, **msgspec.to_builtins(result)}).decode()


def as_text(word: str, result: Evaluation) -> str:
    """A few lines for people."""
    sizes = ", ".join(
        f"{size} px {recall:.3f} of {result.faces_by_size[size]}" for size, recall in result.recall_by_size.items()
    )
    return (
        f"{Path(word).name}: {result.images} images, {result.faces} faces\n"
        f"  AP {result.ap:.4f}\n"
        f"  recall at 0.1 false boxes an image {result.recall_at_0p1_fp_per_image:.4f} ({sizes or 'no faces'})\n"
        f"  at the default threshold: recall {result.recall_at_default:.4f}, "
        f"{result.false_per_image_at_default:.4f} false boxes an image\n"
        f"  {result.p50_ms:.2f} ms an image (median, one thread)"
    )
