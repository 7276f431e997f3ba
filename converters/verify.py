"""A converted model beside its source, on data: what the conversion cost, and where."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from converters.candidate import Candidate, as_scores, raw_input
from converters.errors import ConversionError, DataError
from converters.layers import LayerNoise, decibel, layer_noise
from converters.samples import Samples
from converters.scaling import Scaling
from converters.sources import Source
from converters.sources.tflite import TFLiteSource
from converters.to_tflite import run_converter

LAYER_SAMPLES = 16


class Limits(Struct, frozen=True):
    """What a conversion may cost.

    min_sqnr_db: signal to noise of each output. The others are of classifiers. min_agreement: share of samples with
    the same best label. max_mean_difference: of scores (0..1). max_accuracy_drop: as a share, where the data say
    what is right.
    """

    min_agreement: float = 0.97
    max_mean_difference: float = 0.02
    max_accuracy_drop: float = 0.01
    min_sqnr_db: float = 10.0


class OutputNoise(Struct, frozen=True):
    """One output beside the source's, in its own unit."""

    name: str
    shape: tuple[int, ...]
    mean_difference: float
    largest_difference: float
    sqnr_db: float


class Verdict(Struct, frozen=True, kw_only=True):
    """Everything measured, and a line for each limit that does not hold.

    The differences and the agreement are of scores; None where the model is no classifier. The accuracies are None
    where the data name no labels; `labelled` counts those that do.
    """

    n: int
    data: str
    split: str
    agreement: float | None
    mean_difference: float | None
    largest_difference: float | None
    labelled: int
    source_accuracy: float | None
    accuracy: float | None
    outputs: tuple[OutputNoise, ...]
    layers: tuple[LayerNoise, ...]
    layers_without_twin: int
    failures: tuple[str, ...]

    @property
    def worst_layer(self) -> LayerNoise | None:
        """The one that adds most noise to what it was given."""
        return max(self.layers, key=lambda layer: layer.added, default=None)


def verify(
    candidate: Candidate,
    source: Source,
    samples: Samples,
    scaling: Scaling,
    limits: Limits,
    *,
    labels: tuple[str, ...] | None = None,
) -> Verdict:
    """Run both on the samples. Raises ConversionError if their outputs cannot be compared."""
    labels = labels or candidate.labels
    wanted = source.predict(scaling.apply(samples.pixels))
    found = candidate.predict(samples.pixels)
    wanted = _in_order(wanted, found, str(candidate.path))
    outputs = tuple(
        OutputNoise(
            str(details["name"]),
            f.shape[1:],
            float(np.abs(w - f).mean()),
            float(np.abs(w - f).max()),
            decibel(float(np.square(w, dtype=np.float64).sum()), float(np.square(w - f, dtype=np.float64).sum())),
        )
        for details, w, f in zip(candidate.interpreter.outputs, wanted, found, strict=True)
    )
    layers, orphans = _layers(candidate, source, samples.pixels[:LAYER_SAMPLES], scaling)
    classifier = len(found) == 1 and found[0].ndim == 2 and found[0].shape[1] > 1
    verdict = Verdict(
        n=len(samples.pixels),
        data=samples.where,
        split=samples.split,
        agreement=None,
        mean_difference=None,
        largest_difference=None,
        labelled=0,
        source_accuracy=None,
        accuracy=None,
        outputs=outputs,
        layers=tuple(layers),
        layers_without_twin=orphans,
        failures=(),
    )
    if classifier:
        pair = as_scores(wanted[0], candidate.activation), as_scores(found[0], candidate.activation)
        verdict = _compare_scores(verdict, *pair, samples, labels)
    return _judge(verdict, limits)


def _compare_scores(
    verdict: Verdict,
    wanted: NDArray[np.float32],
    found: NDArray[np.float32],
    samples: Samples,
    labels: tuple[str, ...] | None,
) -> Verdict:
    import msgspec

    difference = np.abs(wanted - found)
    changes = {
        "agreement": float((wanted.argmax(axis=1) == found.argmax(axis=1)).mean()),
        "mean_difference": float(difference.mean()),
        "largest_difference": float(difference.max()),
    }
    if labels is not None and samples.labels is not None:
        if len(labels) != found.shape[1]:
            raise ConversionError(f"{len(labels)} labels for {found.shape[1]} outputs: there must be one for each")
        truth = np.array([labels.index(word) if word in labels else -1 for word in samples.labels])
        known = truth >= 0
        if not known.any():
            raise DataError(f"{samples.where}: none of its labels is one of the model's ({', '.join(labels)})")
        changes |= {
            "labelled": int(known.sum()),
            "source_accuracy": float((wanted.argmax(axis=1) == truth)[known].mean()),
            "accuracy": float((found.argmax(axis=1) == truth)[known].mean()),
        }
    return msgspec.structs.replace(verdict, **changes)


def _judge(verdict: Verdict, limits: Limits) -> Verdict:
    import msgspec

    failures = [
        f"output {output.name}: {output.sqnr_db:.1f} dB of signal to noise, below {limits.min_sqnr_db:g}"
        for output in verdict.outputs
        if output.sqnr_db < limits.min_sqnr_db
    ]
    if verdict.agreement is not None:
        if verdict.agreement < limits.min_agreement:
            failures.append(f"agreement {verdict.agreement:.4f}, below {limits.min_agreement:g}")
        if (verdict.mean_difference or 0) > limits.max_mean_difference:
            failures.append(f"mean difference {verdict.mean_difference:.4f}, above {limits.max_mean_difference:g}")
        drop = (verdict.source_accuracy or 0) - (verdict.accuracy or 0)
        if drop > limits.max_accuracy_drop:
            failures.append(f"accuracy drop {drop:.4f}, above {limits.max_accuracy_drop:g}")
    worst = verdict.worst_layer
    if failures and worst is not None:
        failures[-1] += f" (the layer that hurts: {worst.layer}, {worst.operator}, {worst.sqnr_db:.1f} dB)"
    return msgspec.structs.replace(verdict, failures=tuple(failures))


def _in_order(
    wanted: list[NDArray[np.float32]], found: list[NDArray[np.float32]], where: str
) -> list[NDArray[np.float32]]:
    """The source's outputs in the order of the file's: a converter may shuffle them."""
    if len(wanted) != len(found):
        raise ConversionError(f"{where}: {len(found)} outputs, its source has {len(wanted)}: not made from it")
    left = list(range(len(wanted)))
    ordered = []
    for array in found:
        fitting = [k for k in left if wanted[k].size == array.size and wanted[k].shape[-1] == array.shape[-1]]
        if not fitting:
            shapes = ", ".join(str(other.shape[1:]) for other in wanted)
            raise ConversionError(f"{where}: an output of shape {array.shape[1:]}, its source has {shapes}")
        best = min(fitting, key=lambda k: float(np.abs(wanted[k].reshape(array.shape) - array).mean()))
        left.remove(best)
        ordered.append(wanted[best].reshape(array.shape))
    return ordered


def _layers(
    candidate: Candidate, source: Source, pixels: NDArray[np.uint8], scaling: Scaling
) -> tuple[list[LayerNoise], int]:
    raw = [raw_input(picture, candidate.interpreter.input) for picture in pixels]
    if isinstance(source, TFLiteSource):
        return layer_noise(candidate.content, source.content, raw, scaling.apply(pixels))
    inside = np.dtype(candidate.interpreter.input["dtype"]) != np.uint8 or not scaling.scalar
    mean, std = (scaling.mean, scaling.std) if inside else ((0.0,), (1.0,))
    with tempfile.TemporaryDirectory(prefix="mien-verify-") as folder:
        source.saved_model(Path(folder), mean, std)
        twin = run_converter(Path(folder), "float32", None, str(source.path))
    return layer_noise(candidate.content, twin, raw, (Scaling() if inside else scaling).apply(pixels))
