"""The audit's list of accelerated operators, held against what the runtime really hands to XNNPACK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.audit import audit
from converters.flatbuffer import read_graph
from converters.quiet import quiet
from edge.model.interpreter import Interpreter
from edge.model.package import bundled_models, model_path, read_package


def delegated(content: bytes) -> dict[str, bool]:
    """For each operator's first output, by name: whether a delegate computes it."""
    inner = Interpreter(content)._interpreter
    names = {tensor["index"]: tensor["name"] for tensor in inner.get_tensor_details()}
    steps = inner._get_ops_details()
    plain = [step for step in steps if step["op_name"] != "DELEGATE"]
    maker = {int(index): step for step in plain for index in step["outputs"]}
    taken: set[int] = set()
    for delegate in (step for step in steps if step["op_name"] == "DELEGATE"):
        given, todo = {int(index) for index in delegate["inputs"]}, [int(index) for index in delegate["outputs"]]
        while todo:
            index = todo.pop()
            if index in given or index not in maker or maker[index]["index"] in taken:
                continue
            taken.add(maker[index]["index"])
            todo += [int(index) for index in maker[index]["inputs"]]
    return {names[int(step["outputs"][0])]: step["index"] in taken for step in plain}


def claimed(content: bytes) -> dict[str, bool]:
    graph = read_graph(content, "model")
    return {
        graph.layer(operator): step.accelerated
        for operator, step in zip(graph.operators, audit(graph).steps, strict=True)
    }


@pytest.fixture(scope="module")
def medley() -> bytes:
    """A little of everything that classifiers and detectors are made of, in int8."""
    with quiet():
        import tempfile

        import tensorflow as tf

        from converters.to_tflite import run_converter

        rng = np.random.default_rng(0)
        kernel = tf.constant(rng.normal(size=(3, 3, 1, 8)).astype(np.float32))
        depthwise = tf.constant(rng.normal(size=(3, 3, 8, 1)).astype(np.float32))
        matrix = tf.constant(rng.normal(size=(8, 8)).astype(np.float32))
        square = tf.constant(rng.normal(size=(3, 3, 8, 8)).astype(np.float32))

        class Medley(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec((1, 16, 16, 1), tf.float32)])
            def serve(self, image: Any) -> list[Any]:
                a = tf.nn.conv2d(image, kernel, 1, "SAME")
                b = tf.nn.depthwise_conv2d(a, depthwise, (1, 1, 1, 1), "SAME")
                c = tf.nn.leaky_relu(a + b)
                d = tf.concat([tf.nn.max_pool2d(c, 2, 2, "SAME"), tf.nn.avg_pool2d(b, 2, 2, "SAME")], axis=-1)
                e = tf.pad(tf.sigmoid(a) * b - a, ((0, 0), (1, 1), (1, 1), (0, 0)))
                f = tf.nn.conv2d_transpose(b, square, (1, 32, 32, 8), 2)
                g = tf.matmul(tf.reduce_mean(tf.tanh(a), (1, 2)), matrix)
                h = tf.compat.v1.image.resize_bilinear(b, (32, 32), half_pixel_centers=True)
                i = tf.compat.v1.image.resize_nearest_neighbor(a, (32, 32))
                j = tf.transpose(tf.reshape(b, (1, 256, 8)), (0, 2, 1))
                return [d, e, f, tf.nn.softmax(g), h, i, j, tf.maximum(a, b), tf.nn.space_to_depth(a, 2)]

        module = Medley()
        with tempfile.TemporaryDirectory() as folder:
            tf.saved_model.save(module, folder, signatures=module.serve)
            return run_converter(
                Path(folder), "int8", rng.uniform(size=(4, 16, 16, 1)).astype(np.float32), "medley"
            )


def test_the_audit_claims_what_the_runtime_does(medley: bytes) -> None:
    report = audit(read_graph(medley, "medley"))
    assert set(report.operators) >= {
        "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "LEAKY_RELU",
        "LOGISTIC", "MAXIMUM", "MAX_POOL_2D", "MEAN", "MUL", "PAD", "QUANTIZE", "RESHAPE", "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR", "SOFTMAX", "SPACE_TO_DEPTH", "SUB", "TANH", "TRANSPOSE", "TRANSPOSE_CONV",
    }  # fmt: skip
    assert claimed(medley) == delegated(medley)


def test_the_small_classifier_runs_on_the_accelerated_path(converted: Path) -> None:
    content = converted.read_bytes()
    assert claimed(content) == delegated(content)
    assert [name for name, taken in claimed(content).items() if not taken] == ["tfl.quantize"]


@pytest.mark.parametrize("name", bundled_models())
def test_a_bundled_model_runs_on_the_accelerated_path(name: str) -> None:
    content = read_package(model_path(name)).flatbuffer
    assert claimed(content) == delegated(content)
