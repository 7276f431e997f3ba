"""A run's history for TensorBoard, beside the CSV. Writing needs TensorFlow alone; looking needs TensorBoard."""

from __future__ import annotations

from pathlib import Path

from edge.errors import MissingPackageError, SinkError


class EventLog:
    """One event file in a folder; every row of the history becomes its scalars.

    Raises MissingPackageError without TensorFlow, SinkError if the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        try:
            import tensorflow as tf
        except ImportError as error:
            raise MissingPackageError(
                "--tensorboard: needs TensorFlow to write its files: ./setup.sh train"
            ) from error
        self._folder, self._summary = folder, tf.compat.v1.Summary
        try:
            with tf.Graph().as_default():  # the writer that needs no TensorBoard refuses to work outside one
                self._writer = tf.compat.v1.summary.FileWriter(str(folder))
        except (OSError, tf.errors.OpError) as error:
            raise SinkError(f"{folder}: cannot be written: {error}") from error

    def add(self, row: dict[str, float]) -> None:
        """Write an epoch's row."""
        values = [self._summary.Value(tag=key, simple_value=value) for key, value in row.items() if key != "epoch"]
        self._writer.add_summary(self._summary(value=values), int(row["epoch"]))
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()
