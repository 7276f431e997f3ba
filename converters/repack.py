"""Writing a changed flatbuffer, with its constants aligned as TFLite's own writer aligns them."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.flatbuffer import IDENTIFIER

ALIGNMENT = 16
"""Of constants, in bytes, from the file's start: kernels load them where they lie (schema: force_align)."""


def unpack_model(content: bytes) -> Any:
    """The schema's mutable ModelT of a flatbuffer."""
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))


def pack_model(model: Any) -> bytes:
    """A flatbuffer of a ModelT; the same model gives the same bytes."""
    import flatbuffers

    for buffer in model.buffers:
        buffer.Pack = _aligned(buffer)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _aligned(buffer: Any) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    data = b"" if buffer.data is None else np.asarray(buffer.data, np.uint8).tobytes()

    def pack(builder: Any) -> int:
        vector = None
        if data:  # what Builder.CreateByteVector does, but for the alignment
            builder.StartVector(1, len(data), ALIGNMENT)
            builder.head -= len(data)
            builder.Bytes[builder.head : builder.head + len(data)] = data
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        return int(schema.BufferEnd(builder))

    return pack
