"""What a run found, as a file: everything that is needed to judge it, to repeat it and to compare it.

`python -m edge.bench.result` prints the JSON Schema; benchmarks/schema.json is this output.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from edge.bench.record import Timing
from edge.bench.scenes import HEADLINE, WORKLOAD
from edge.errors import SinkError, SourceError

if TYPE_CHECKING:
    from pathlib import Path


class Record(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the file."""


class Machine(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What it ran on, and with what. features: of the processor, those that int8 kernels use."""

    board: str
    processor: str
    architecture: str
    cores: int
    memory_bytes: int
    system: str
    kernel: str
    python: str
    runtime: str
    packages: dict[str, str]
    features: tuple[str, ...] = ()


class Condition(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The machine at one moment; null where it does not say.

    throttled: what slows it down now. throttled_since_boot: what did, whenever. others_cores: how many processors
    the rest of the machine kept busy.
    """

    governor: str | None = None
    mhz: float | None = None
    celsius: float | None = None
    throttled: tuple[str, ...] = ()
    throttled_since_boot: tuple[str, ...] = ()
    others_cores: float | None = None


class ModelFile(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model: name and version as it says of itself; sha256 of the network alone."""

    name: str
    version: str = ""
    sha256: str = ""
    accelerated: bool | None = None


class SceneResult(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One scene, all its rounds together.

    faces: shown in each frame, null of a live camera. found: how many of them the detector found, a frame;
    false_boxes: what else it took for a face. stages: a frame, crop and classify summed over its faces.
    rounds_p50_ms: the median end to end of each round. curve_ms: end to end at the percentiles 0, 2, ... 100.
    cpu_ms: processor time of all threads, a frame. waited_share: of the time, how much the process stood ready
    while another ran; null where the system does not say.
    """

    name: str
    size: tuple[int, int]
    faces: int | None
    found: float | None = None
    false_boxes: float | None = None
    frames: int
    seconds: float
    fps: float
    cpu_ms: float
    waited_share: float | None = None
    stages: dict[str, Timing]
    end_to_end: Timing
    rounds_p50_ms: list[float]
    curve_ms: list[float]


class Energy(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By the board's power controller: watts of all its rails, at rest and at work on the headline scene.

    frame_mj: what a frame costs beyond rest.
    """

    idle_w: float
    work_w: float
    frame_mj: float


class Accuracy(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """data: the file's or folder's name. n: pictures with a label that the model knows. found: with a face found.

    accuracy: of n, a face that was not found is wrong. mean_recall: over the labels that are shown.
    """

    data: str
    split: str
    rule: str
    whole: bool
    n: int
    found: int
    accuracy: float
    accuracy_of_found: float
    mean_recall: float
    recalls: dict[str, float]
    stages: dict[str, Timing]


class Result(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run. marks: why it must not be quoted as it is; empty for a run by the rules.

    stages, end_to_end: of the headline scene. rss_bytes: the peak of `mien run` with these settings on the demo.
    start_s: from the start of its process to its first line, the median of start_runs_s.
    """

    format: Literal["mien-bench"] = "mien-bench"
    version: Literal[1] = 1
    workload: int = WORKLOAD
    made_at: str
    mien: str
    command: str
    complete: bool
    marks: tuple[str, ...] = ()
    machine: Machine
    before: Condition
    after: Condition
    detector: str
    model: ModelFile
    detector_model: ModelFile | None = None
    threads: dict[str, int]
    settings: dict[str, Any]
    rounds: int
    round_s: float
    headline: str = HEADLINE
    stages: dict[str, Timing] = field(default_factory=dict)
    end_to_end: Timing | None = None
    rss_bytes: Annotated[int, Meta(ge=0)] | None = None
    start_s: Annotated[float, Meta(ge=0)] | None = None
    start_runs_s: tuple[float, ...] = ()
    scenes: tuple[SceneResult, ...] = ()
    energy: Energy | None = None
    accuracy: Accuracy | None = None

    def scene(self, name: str) -> SceneResult | None:
        """The scene of this name; None if it was not measured."""
        return next((scene for scene in self.scenes if scene.name == name), None)


def as_json(result: Result) -> bytes:
    """As it is written to files, to be read by people too."""
    return msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n"


def write_result(path: Path, result: Result) -> None:
    """The whole file, or what was there before. Raises SinkError."""
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.write_bytes(as_json(result))
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise SinkError(f"{path}: cannot be written: {error.strerror}") from error


def read_result(path: Path) -> Result:
    """A run from its file. Raises SourceError in one line if it is none, or one of another workload."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        result = msgspec.json.decode(content, type=Result)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: no result of mien bench: {error}") from error
    if result.workload != WORKLOAD:
        raise SourceError(f"{path}: made with workload {result.workload}, this is {WORKLOAD}: measure again")
    return result


def schema_text() -> str:
    """The JSON Schema (2020-12) of such a file."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A result of mien bench",
        **msgspec.json.schema(Result),
    }
    return json.dumps(schema, indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
