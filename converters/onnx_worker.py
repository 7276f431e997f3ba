"""Runs inside the ONNX environment, never inside Mien's: everything it needs is imported where it is used.

    python onnx_worker.py look MODEL                         input and outputs as JSON
    python onnx_worker.py convert MODEL FOLDER [WIDTH HEIGHT]  a SavedModel, channels last
    python onnx_worker.py predict MODEL INPUTS.npy OUTPUTS.npz what ONNX Runtime makes of NHWC inputs

A failure is one line on standard error and status 2.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np


def main(arguments: list[str]) -> int:
    """One of the three jobs; returns the exit status."""
    job, model, *rest = arguments
    try:
        if job == "look":
            print(json.dumps(look(Path(model))))  # noqa: T201  the answer to the caller
        elif job == "convert":
            convert(Path(model), Path(rest[0]), tuple(int(side) for side in rest[1:]))
        else:
            predict(Path(model), Path(rest[0]), Path(rest[1]))
    except SystemExit as end:  # onnx2tf ends the process itself
        print("onnx2tf gave up on it", file=sys.stderr)  # noqa: T201
        return 2 if end.code else 0
    except Exception as error:  # noqa: BLE001  whatever it is, the caller shows it
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def look(path: Path) -> dict[str, Any]:
    """The model's inputs and its operators outside ONNX's own domain."""
    onnx = importlib.import_module("onnx")
    model = onnx.load(str(path))
    onnx.checker.check_model(model)
    constants = {constant.name for constant in model.graph.initializer}
    inputs = [entry for entry in model.graph.input if entry.name not in constants]
    return {
        "inputs": [
            {
                "name": entry.name,
                "type": onnx.TensorProto.DataType.Name(entry.type.tensor_type.elem_type),
                "shape": [side.dim_value or None for side in entry.type.tensor_type.shape.dim],
            }
            for entry in inputs
        ],
        "foreign": [
            f"{node.domain}.{node.op_type} ({node.name or node.output[0]})"
            for node in model.graph.node
            if node.domain not in ("", "ai.onnx", "ai.onnx.ml")
        ],
    }


def convert(path: Path, folder: Path, size: tuple[int, ...]) -> None:
    """Writes a SavedModel whose picture is NHWC and whose outputs keep ONNX's order."""
    onnx2tf: Any = importlib.import_module("onnx2tf.onnx2tf")
    # It would fetch pictures from the network to compare its layers with; any will do.
    pictures = np.random.default_rng(0).uniform(size=(20, 128, 128, 3)).astype(np.float32)
    if hasattr(onnx2tf, "download_test_image_data"):
        onnx2tf.download_test_image_data = lambda: pictures
    fixed = folder.with_suffix(".onnx")
    fix_shapes(path, fixed, size)
    options: dict[str, Any] = {"output_signaturedefs": True, "non_verbose": True}
    if int(importlib.metadata.version("onnx2tf").split(".")[0]) >= 2:
        options["tflite_backend"] = "tf_converter"
    onnx2tf.convert(input_onnx_file_path=str(fixed), output_folder_path=str(folder), **options)


def fix_shapes(path: Path, fixed: Path, size: tuple[int, ...]) -> None:
    """A copy with batch 1 and this (width, height) written into its input, and what follows from them.

    It must be a copy: onnx2tf writes over the file that it is given.
    """
    onnx, onnxsim = importlib.import_module("onnx"), importlib.import_module("onnxsim")
    model = onnx.load(str(path))
    entry = look(path)["inputs"][0]
    _, channels, height, width = entry["shape"]
    shape = [1, channels, size[1], size[0]] if size else [1, channels, height, width]
    simple, _ = onnxsim.simplify(model, overwrite_input_shapes={entry["name"]: shape})
    onnx.save(simple, str(fixed))


def predict(path: Path, inputs: Path, outputs: Path) -> None:
    """Outputs for NHWC inputs, each with the n first, as arrays 0, 1, ... of an .npz."""
    runtime = importlib.import_module("onnxruntime")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    values = np.load(inputs).transpose(0, 3, 1, 2)
    each = [session.run(None, {name: value[np.newaxis]}) for value in values]
    stacked = [np.concatenate(arrays) for arrays in zip(*each)]  # noqa: B905  every run gives as many
    np.savez(outputs, **{str(number): array for number, array in enumerate(stacked)})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
