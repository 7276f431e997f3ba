"""A valid model file, and the parts to make a broken one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from tiny_flatbuffer import OUTPUTS, SIDE, tiny_flatbuffer

from edge.model.interpreter import Interpreter
from edge.model.labels import FER2013
from edge.model.package import (
    GOLDEN,
    LABELS,
    MANIFEST,
    Golden,
    Manifest,
    describe_tensor,
    golden_case,
    pack,
    write_golden,
)
from edge.model.preprocess import CropContract


class Parts:
    """What a model file is packed from; every part may be replaced before `write`."""

    def __init__(self, flatbuffer: bytes, labels: tuple[str, ...] = FER2013) -> None:
        self.flatbuffer = flatbuffer
        self.labels = "".join(f"{label}\n" for label in labels).encode()
        interpreter = Interpreter(flatbuffer)
        entry, output = describe_tensor(interpreter.input), describe_tensor(interpreter.outputs[0])
        rng = np.random.default_rng(7)
        inputs = rng.integers(0, 256, (3, *entry.shape[1:])).astype(np.uint8)
        if entry.dtype == "float32":
            inputs = inputs.astype(np.float32) / np.float32(255)
        self.golden, runtime, version = golden_case(flatbuffer, inputs)
        self.manifest = Manifest(
            name="tiny",
            version="1.0.0",
            description="for tests",
            licence="MIT",
            origin="random numbers",
            sha256=hashlib.sha256(flatbuffer).hexdigest(),
            input=entry,
            output=output,
            activation="logits",
            crop=CropContract(size_px=entry.shape[1]),
            runtime=runtime,
            runtime_version=version,
        )

    def files(self) -> dict[str, bytes]:
        return {
            LABELS: self.labels,
            MANIFEST: msgspec.json.encode(self.manifest),
            GOLDEN: write_golden(self.golden),
        }

    def change(self, **fields: Any) -> None:
        self.manifest = msgspec.structs.replace(self.manifest, **fields)

    def expect(self, inputs: Any = None, outputs: Any = None) -> None:
        golden = self.golden
        self.golden = Golden(
            golden.inputs if inputs is None else inputs, golden.outputs if outputs is None else outputs
        )

    def write(self, path: Path) -> Path:
        path.write_bytes(pack(self.flatbuffer, self.files()))
        return path


@pytest.fixture
def parts() -> Parts:
    return Parts(tiny_flatbuffer(side=SIDE, outputs=OUTPUTS))


@pytest.fixture
def float_parts() -> Parts:
    from tiny_flatbuffer import tiny_float_flatbuffer

    return Parts(tiny_float_flatbuffer())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.tflite"
