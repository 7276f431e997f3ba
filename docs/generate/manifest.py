"""The records of a model file's model.json, from edge/model/package.py."""

from __future__ import annotations

from typing import Any

import msgspec

from docs.generate.tables import code, table
from edge.model.package import Manifest, Tensor
from edge.model.preprocess import CropContract

MEANINGS = {
    "format": "of the manifest; another one is refused",
    "name": "of the model, as `mien models` shows it",
    "version": "of the model",
    "description": "in a few words",
    "licence": "of the weights",
    "origin": "who trained it, how, and on what",
    "sha256": "of the flatbuffer alone, without the zip",
    "input": "the raw tensor that goes in",
    "output": "the raw tensor that comes out",
    "activation": "logits (softmax follows), scores (they sum to 1), or a face detector's cells",
    "crop": "how a face box becomes the square that goes in",
    "parameters": "how many weights the network has",
    "runtime": "what made the golden case",
    "runtime_version": "its version; under the same one the golden outputs must be equal to the last bit",
    "tools": "versions of what made the file",
    "metrics": "what was measured, each with its data and N, as the evaluation wrote it",
    "shape": "batch first",
    "dtype": "uint8, int8 or float32",
    "scale": "",
    "zero_point": "real value = (raw - zero_point) * scale; a float tensor has scale 0",
    "size_px": "side of the square, in pixels of the model",
    "offset_x": "of the square's centre, in widths of the box, to the right",
    "offset_y": "in heights of the box, down",
}
SCALES: dict[type[Any], str] = {
    Tensor: "size of a step",
    CropContract: "side of the square, in longer sides of the box",
}


def tables() -> str:
    """The manifest, a tensor, the crop."""
    return "\n\n".join(
        f"## {title}\n\n{_table(record)}"
        for title, record in (("model.json", Manifest), ("input, output", Tensor), ("crop", CropContract))
    )


def _table(record: type[Any]) -> str:
    rows = [
        (
            code(entry.name),
            _words(entry.type),
            "yes" if entry.default is msgspec.NODEFAULT and entry.default_factory is msgspec.NODEFAULT else "no",
            SCALES[record] if entry.name == "scale" else MEANINGS[entry.name],
        )
        for entry in msgspec.structs.fields(record)
    ]
    return table(("Field", "Type", "Required", "Meaning"), rows)


def _words(annotated: Any) -> str:
    """JSON's word for a type, with its bounds."""
    (schema,), _ = msgspec.json.schema_components([annotated], ref_template="{name}")
    if "$ref" in schema:
        return "record " + ("crop" if schema["$ref"] == "CropContract" else "tensor")
    if "enum" in schema:
        return ", ".join(map(code, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(one["type"] for one in schema["anyOf"])
    bounds = [f"{word} {schema[key]:g}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
    return " ".join([schema["type"], *bounds])
