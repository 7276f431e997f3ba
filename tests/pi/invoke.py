"""Runs in the emulated Pi: invokes a model on seeded inputs, each invocation marked for icount.c.

    invoke.py MODEL N

One line an invocation: the SHA-256 of its raw outputs.
"""

# ruff: noqa: T201  (what is printed goes to the test that started it)

from __future__ import annotations

import ctypes
import hashlib
import sys

import numpy as np

MARK = 0x4D49454E
_prctl = ctypes.CDLL(None).prctl


def mark(number: int) -> None:
    """Tell icount.c: even numbers begin what is counted, odd ones end it. No processor or kernel minds it."""
    _prctl(MARK, number)


def main(model: str, runs: int) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model, num_threads=1)
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    low, high = (-128, 128) if given["dtype"] is np.int8 else (0, 256)
    for run in range(runs):
        tensor = np.random.default_rng(run).integers(low, high, given["shape"])
        if given["dtype"] is np.float32:
            tensor = tensor / 255
        interpreter.set_tensor(given["index"], tensor.astype(given["dtype"]))
        mark(2 * run)
        interpreter.invoke()
        mark(2 * run + 1)
        digest = hashlib.sha256()
        for result in interpreter.get_output_details():
            digest.update(interpreter.get_tensor(result["index"]).tobytes())
        print(digest.hexdigest())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
