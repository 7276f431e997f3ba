"""mien-train fit-detector: from labelled photos to a float face detector."""

from __future__ import annotations

from pathlib import Path

import click

from edge.errors import MissingPackageError
from training.commands.fit import keep_recipe
from training.commands.options import check_run, detector_data_options, run_options
from training.detector.recipe import check_start, load_detector_recipe
from training.readers import read_faces
from training.recipe import RECIPE_COPY

CALIBRATION = "calibration.npz"
CALIBRATION_SIZE = (320, 256)
CALIBRATION_COUNT = 300


@click.command("fit-detector")
@click.argument("recipe", default="face")
@detector_data_options
@click.option(
    "--labels", type=click.Path(path_type=Path), required=True, metavar="DIR", help="What label-faces wrote."
)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Where results go [runs/NAME].")
@click.option("--start", type=click.Path(path_type=Path), metavar="FILE", help="A face.keras to begin with.")
@run_options
def command(
    *,
    recipe: str,
    photos: Path,
    fer: Path,
    labels: Path,
    out: Path | None,
    start: Path | None,
    resume: bool,
    overwrite: bool,
) -> None:
    """Train a face detector by RECIPE, a bundled recipe's name or a TOML file.

    Writes face.keras and calibration.npz, from which mien-convert to-int8 makes the file that ships.
    """
    chosen, path = load_detector_recipe(recipe)
    check_start(chosen, start, resume=resume)
    folder = out or Path("runs") / chosen.name
    try:
        from training.detector.fit import CHECKPOINT, HISTORY, MODEL, fit_detector
    except ImportError as error:
        raise MissingPackageError(f"{error}: ./setup.sh train, or pip install 'mien[train]'") from error
    from training.detector.compose import calibration_set
    from training.detector.labelling import save
    from training.detector.material import read_material, read_validation, read_validation_scenes

    check_run(folder / CHECKPOINT, resume=resume, overwrite=overwrite)
    validation = read_validation(photos)
    material = read_material(photos, labels, read_faces(fer))
    click.echo(f"{len(material.photos)} photos, {len(material.scenes)} scenes, {len(material.crops)} FER faces")
    click.echo(f"  {material.peopled} scenes left out, because they show people")
    for name, found in validation.items():
        click.echo(f"  validation: {len(found)} photos of {name}")
    if not resume:
        for name in (CHECKPOINT, HISTORY, MODEL):
            (folder / name).unlink(missing_ok=True)
        keep_recipe(path, folder / RECIPE_COPY)
    pictures = calibration_set(material, CALIBRATION_SIZE, CALIBRATION_COUNT, chosen.train.seed)
    save(folder / CALIBRATION, pixels=pictures)
    scenes = read_validation_scenes(photos)
    fit_detector(chosen, material, validation, folder, scenes=scenes, start=start, resume=resume, tell=click.echo)
    click.echo(f"saved {folder / MODEL}")
