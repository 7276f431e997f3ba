"""The TFLite runtime: the only module that imports it.

ai-edge-litert is first choice; tflite-runtime is the second (32-bit boards; no XNNPACK for int8, so it is slower).
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.errors import MissingPackageError, ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from numpy.typing import NDArray

RUNTIMES = (
    ("ai-edge-litert", "ai_edge_litert.interpreter"),
    ("tflite-runtime", "tflite_runtime.interpreter"),
)


def find_runtime() -> tuple[str, str, ModuleType]:
    """(name, version, module) of the runtime in use. Raises MissingPackageError where there is none."""
    reasons = []
    for name, module in RUNTIMES:
        try:
            return name, importlib.metadata.version(name), importlib.import_module(module)
        except (
            ImportError
        ) as error:  # a wheel for another libc or numpy fails here too, with a reason worth showing
            reasons.append(f"{name}: {error}")
    raise MissingPackageError(f"no TFLite runtime: install ai-edge-litert ({'; '.join(reasons)})")


@contextlib.contextmanager
def native_notes_left_out() -> Iterator[None]:
    """Keeps the runtime's C++ notes ("INFO: Created ... delegate") off standard error; the rest gets there."""
    sys.stderr.flush()
    terminal = os.dup(2)
    caught = os.memfd_create("native-notes")
    os.dup2(caught, 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.lseek(caught, 0, os.SEEK_SET)
        with open(caught, "rb") as notes:  # noqa: PTH123  (a descriptor)
            for line in notes:
                if not line.startswith(b"INFO:"):
                    os.write(terminal, line)
        os.close(terminal)


class Interpreter:
    """One TFLite model with one input, ready to run.

    every_tensor: keep what each layer gives, for `tensor`; slower, and without the accelerated kernels.
    Raises ModelError if the flatbuffer cannot be loaded.
    """

    def __init__(
        self, flatbuffer: bytes, *, threads: int = 1, where: str = "model", every_tensor: bool = False
    ) -> None:
        self.runtime, self.runtime_version, module = find_runtime()
        keep: dict[str, Any] = {}
        if every_tensor:
            plain = module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            keep = {"experimental_preserve_all_tensors": True, "experimental_op_resolver_type": plain}
        try:
            with native_notes_left_out():
                self._interpreter: Any = module.Interpreter(model_content=flatbuffer, num_threads=threads, **keep)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, SystemError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ModelError(f"{where}: no model that {self.runtime} can load: {reason}") from error
        inputs = self._interpreter.get_input_details()
        if len(inputs) != 1:
            raise ModelError(f"{where}: {len(inputs)} inputs: one is expected")
        self.input: dict[str, Any] = inputs[0]
        self.outputs: list[dict[str, Any]] = self._interpreter.get_output_details()

    def resize(self, shape: tuple[int, ...]) -> None:
        """Run on inputs of another shape from now on; nothing happens where it is the same."""
        if tuple(self.input["shape"]) != shape:
            self._interpreter.resize_tensor_input(self.input["index"], shape)
            self._interpreter.allocate_tensors()
            self.input = self._interpreter.get_input_details()[0]
            self.outputs = self._interpreter.get_output_details()

    @property
    def accelerated(self) -> bool:
        """True if the runtime handed operators to XNNPACK's kernels instead of the slow reference ones."""
        # The only place where the runtime tells of its delegates; what it says of their tensors is not used.
        operators = self._interpreter._get_ops_details()  # noqa: SLF001
        return any(operator["op_name"] == "DELEGATE" for operator in operators)

    def invoke(self, tensor: NDArray[Any]) -> list[NDArray[Any]]:
        """Raw outputs for a raw input of the model's own shape and dtype; the arrays are copies."""
        self._interpreter.set_tensor(self.input["index"], tensor)
        self._interpreter.invoke()
        return [self.tensor(output["index"]) for output in self.outputs]

    def tensor(self, index: int) -> NDArray[Any]:
        """A copy of an output, or with `every_tensor` of what any layer gave in the last `invoke`."""
        return np.asarray(self._interpreter.get_tensor(index))


def dequantize(tensor: NDArray[Any], details: dict[str, Any]) -> NDArray[np.float32]:
    """A raw tensor as real numbers; a float tensor comes back as it is."""
    if np.issubdtype(tensor.dtype, np.floating):
        return tensor.astype(np.float32, copy=False)
    scale, zero_point = details["quantization"]
    return np.asarray((tensor.astype(np.float32) - zero_point) * scale, np.float32)
