"""The command `mien-train`. Each subcommand is a file in training/commands, imported only when it is called."""

from __future__ import annotations

import os
from typing import NoReturn

import click

from edge import __version__
from edge.command_line import CONTEXT, run, subcommands

COMMANDS = {
    "fit": "Train a model by a recipe.",
    "teach": "Write what larger networks say of the training faces.",
    "average": "Write the mean of models that were trained alike.",
    "quantize": "Tune a trained model for int8.",
    "calibrate": "Make the scores of an int8 model true.",
    "evaluate": "Measure a model on a split.",
    "compare": "Tell what each part of a recipe buys.",
    "folds": "Judge a recipe by cross-validation.",
    "report": "Write a page that shows what a model can do.",
    "data": "Show what is in a data set.",
    "models": "List the networks, their parameters and multiply-adds.",
    "calibration-ids": "List the training faces that calibrate a quantized model.",
    "fit-detector": "Train a face detector by a recipe.",
    "evaluate-detector": "Measure how well a detector finds known faces.",
    "time-detectors": "Time detectors side by side.",
    "label-faces": "Let a teacher label the photos that a detector is trained on.",
    "measure-crop": "Measure which crop of a detector's box a classifier was trained on.",
    "prove-crop": "Measure what a classifier loses between a scene and its crop.",
}


@click.command(cls=subcommands("training.commands", COMMANDS), context_settings=CONTEXT)
@click.version_option(__version__, prog_name="mien-train")
def cli() -> None:
    """Train emotion models and prove what they can."""
    # Keras reads these when it is first imported, which is in the subcommand.
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def main() -> NoReturn:
    """The entry point."""
    run(cli, "mien-train")


if __name__ == "__main__":
    main()
