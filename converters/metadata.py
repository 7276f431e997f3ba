"""What other tools read: TFLite's own metadata, a small flatbuffer ("M001") among the model's buffers.

Netron shows it, MediaPipe and Android Studio read it; Mien itself reads only its own manifest.
Source of the layout: metadata_schema.fbs of TensorFlow Lite, the slots below in its order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from converters.repack import pack_model, unpack_model

ENTRY = b"TFLITE_METADATA"
IDENTIFIER = b"M001"
GRAYSCALE, IMAGE, NORMALIZATION, AXIS_LABELS = 2, 2, 1, 2
"""ColorSpaceType, ContentProperties, ProcessUnitOptions and AssociatedFileType of the schema."""
PARSER = "1.0.0"


class Description(Struct, frozen=True, kw_only=True):
    """What the metadata say. size: (width, height). labels_file: among the associated files."""

    name: str
    version: str
    description: str
    author: str
    licence: str
    size: tuple[int, int]
    takes_bytes: bool
    activation: str
    labels_file: str


def with_metadata(content: bytes, description: Description) -> bytes:
    """The flatbuffer with this metadata in place of any it had; tensors and operators stay as they are."""
    from ai_edge_litert import schema_py_generated as schema

    model = unpack_model(content)
    data = np.frombuffer(metadata_bytes(description), np.uint8)
    for entry in model.metadata or []:
        if entry.name == ENTRY:
            model.buffers[entry.buffer].data = data
            return pack_model(model)
    buffer = schema.BufferT()
    buffer.data = data
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = ENTRY, len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]
    return pack_model(model)


def metadata_bytes(about: Description) -> bytes:
    """The metadata flatbuffer; the same words give the same bytes."""
    import flatbuffers

    build = flatbuffers.Builder(1024)
    graph = _table(
        build,
        (2, _tables(build, [_input(build, about)])),
        (3, _tables(build, [_output(build, about)])),
    )
    root = _table(
        build,
        (0, build.CreateString(about.name)),
        (1, build.CreateString(about.description)),
        (2, build.CreateString(about.version)),
        (3, _tables(build, [graph])),
        (4, build.CreateString(about.author)),
        (5, build.CreateString(about.licence)),
        (7, build.CreateString(PARSER)),
    )
    build.Finish(root, file_identifier=IDENTIFIER)
    return bytes(build.Output())


def _input(build: Any, about: Description) -> int:
    width, height = about.size
    size = _table(build, (0, _uint(width)), (1, _uint(height)))
    image = _table(build, (0, _byte(GRAYSCALE)), (1, size))
    content = _table(build, (0, _byte(IMAGE)), (1, image))
    # The tensor takes the bytes themselves; a float model takes byte / 255.
    mean, std = _floats(build, [0.0]), _floats(build, [1.0 if about.takes_bytes else 255.0])
    unit = _table(build, (0, _byte(NORMALIZATION)), (1, _table(build, (0, mean), (1, std))))
    top = _floats(build, [255.0 if about.takes_bytes else 1.0])
    stats = _table(build, (0, top), (1, _floats(build, [0.0])))
    return _table(
        build,
        (0, build.CreateString("face")),
        (1, build.CreateString("one face, luma, full range")),
        (3, content),
        (4, _tables(build, [unit])),
        (5, stats),
    )


def _output(build: Any, about: Description) -> int:
    labels = _table(
        build,
        (0, build.CreateString(about.labels_file)),
        (1, build.CreateString("one label a line, in the order of the output")),
        (2, _byte(AXIS_LABELS)),
    )
    return _table(
        build,
        (0, build.CreateString(about.activation)),
        (1, build.CreateString("one number a label; softmax makes logits scores")),
        (6, _tables(build, [labels])),
    )


Slot = int | Callable[[Any, int], None]


def _table(build: Any, *slots: tuple[int, Slot]) -> int:
    """A table; a slot's value is an offset or a scalar that writes itself. All offsets are made before."""
    build.StartObject(max(slot for slot, _ in slots) + 1)
    for slot, value in slots:
        if isinstance(value, int):
            build.PrependUOffsetTRelativeSlot(slot, value, 0)
        else:
            value(build, slot)
    return int(build.EndObject())


def _tables(build: Any, offsets: Sequence[int]) -> int:
    build.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        build.PrependUOffsetTRelative(offset)
    return int(build.EndVector())


def _floats(build: Any, values: Sequence[float]) -> int:
    return int(build.CreateNumpyVector(np.asarray(values, np.float32)))


def _byte(value: int) -> Callable[[Any, int], None]:
    return lambda build, slot: build.PrependInt8Slot(slot, value, 0)


def _uint(value: int) -> Callable[[Any, int], None]:
    return lambda build, slot: build.PrependUint32Slot(slot, value, 0)
