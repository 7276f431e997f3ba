from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_keras import build_classifier

from converters.audit import audit
from converters.flatbuffer import read_graph
from converters.quiet import quiet
from edge.model.interpreter import Interpreter, dequantize

Refused = Callable[..., str]


def test_a_keras_model_becomes_whole_int8_that_takes_raw_bytes(
    run: Any, models: Path, samples: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.tflite"
    status, told, err = run("to-int8", models / "classifier.keras", "--out", out, "--calibration", samples)
    assert (status, err) == (0, "")
    assert told.startswith(f"{out}: ")
    assert "int8 throughout; agrees with its source on " in told
    report = audit(read_graph(out.read_bytes(), "out"))
    assert report.problems == ()
    assert report.float_tensors == ()
    (entry,) = report.inputs
    assert (entry.dtype, entry.shape, entry.zero_point) == ("uint8", (1, 16, 16, 1), 0)
    assert entry.scale == float(np.float32(1 / 255))
    assert [port.dtype for port in report.outputs] == ["int8"]
    assert {s.operator: s.per_channel for s in report.steps if s.per_channel is not None} == {
        "CONV_2D": True, "DEPTHWISE_CONV_2D": True, "FULLY_CONNECTED": True,
    }  # fmt: skip


def test_the_same_conversion_gives_the_same_bytes(
    run: Any, models: Path, samples: Path, converted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.tflite"
    run("to-int8", models / "classifier.keras", "--out", out, "--calibration", samples)
    assert out.read_bytes() == converted.read_bytes()


@pytest.mark.parametrize("name", ["classifier.h5", "saved", "float.tflite"])
def test_other_forms_of_the_model_become_the_same_classifier(
    name: str, run: Any, models: Path, samples: Path, converted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.tflite"
    status, _, err = run("to-int8", models / name, "--out", out, "--calibration", samples)
    assert (status, err) == (0, "")
    pictures = np.load(samples)["pixels"][..., np.newaxis]
    first, second = (
        np.stack([dequantize(i.invoke(p[np.newaxis])[0][0], i.outputs[0]) for p in pictures])
        for i in (Interpreter(converted.read_bytes()), Interpreter(out.read_bytes()))
    )
    assert np.abs(first - second).mean() < 0.02 * np.abs(first).max()
    assert audit(read_graph(out.read_bytes(), "out")).problems == ()


@pytest.mark.parametrize(
    ("option", "scale", "zero_points"),
    [
        (("--range", "-1,1"), 2 / 255, {127, 128}),
        (("--range", "0,255"), 1.0, {0}),
        (("--mean", "0.2", "--std", "0.5"), 2 / 255, {51}),
    ],
)
def test_the_range_a_model_was_trained_on_lives_in_the_inputs_quantization(
    option: tuple[str, ...],
    scale: float,
    zero_points: set[int],
    run: Any,
    models: Path,
    samples: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "out.tflite"
    status, _, err = run("to-int8", models / "saved", "--out", out, "--calibration", samples, *option)
    assert (status, err) == (0, "")
    details = Interpreter(out.read_bytes()).input
    assert details["quantization"][0] == pytest.approx(scale, rel=1e-6)
    assert details["quantization"][1] in zero_points


def test_means_by_channel_are_worked_out_inside(run: Any, samples: Path, tmp_path: Path) -> None:
    with quiet():
        build_classifier(channels=3).save(tmp_path / "colour.keras")
    out = tmp_path / "out.tflite"
    means = ("--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225")
    status, told, err = run("to-int8", tmp_path / "colour.keras", "--out", out, "--calibration", samples, *means)
    assert (status, err) == (0, "")
    details = Interpreter(out.read_bytes()).input
    assert details["quantization"] == (pytest.approx(1 / 255), 0)
    share = float(told.split("source on ")[1].split("%")[0])
    assert share >= 90


@pytest.mark.parametrize("precision", ["float16", "dynamic-range"])
def test_second_best_forms_are_called_so_and_agree_with_the_source(
    precision: str, run: Any, models: Path, samples: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.tflite"
    status, told, err = run(
        "to-int8", models / "classifier.keras", "--out", out, "--precision", precision, "--calibration", samples
    )
    assert (status, err) == (0, "")
    assert f"{precision}, second best: it computes in float" in told
    assert "100.0%" in told
    assert Interpreter(out.read_bytes()).input["dtype"] == np.float32


def test_a_quantization_aware_model_keeps_its_ranges(run: Any, tmp_path: Path) -> None:
    with quiet():
        import tensorflow as tf

        kernel = tf.constant(np.random.default_rng(2).normal(size=(3, 3, 1, 4)).astype(np.float32))

        class Aware(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec((1, 16, 16, 1), tf.float32)])
            def serve(self, image: Any) -> Any:
                fake = tf.quantization.fake_quant_with_min_max_args
                x = fake(image, 0.0, 1.0)
                weights = tf.quantization.fake_quant_with_min_max_vars_per_channel(
                    kernel, -3.0 * tf.ones(4), 3.0 * tf.ones(4), num_bits=8, narrow_range=True
                )
                return fake(tf.nn.relu(tf.nn.conv2d(x, weights, 2, "SAME")), 0.0, 5.0)

        module = Aware()
        tf.saved_model.save(module, str(tmp_path / "aware"), signatures=module.serve)
    out = tmp_path / "out.tflite"
    status, told, err = run("to-int8", tmp_path / "aware", "--out", out)
    assert (status, err) == (0, "")
    assert "int8 throughout" in told
    (output,) = Interpreter(out.read_bytes()).outputs
    assert output["quantization"][0] == pytest.approx(5 / 255, rel=1e-4)
    graph = read_graph(out.read_bytes(), "out")
    weights = next(t for t in graph.tensors if t.constant and t.dtype == "int8" and len(t.shape) == 4)
    np.testing.assert_allclose(weights.scales, 3 / 127, rtol=1e-4)


def test_only_the_rows_of_the_id_file_calibrate(run: Any, models: Path, samples: Path, tmp_path: Path) -> None:
    pixels = np.load(samples)["pixels"]
    (tmp_path / "ids.txt").write_text("# chosen\n3\n5  # five\n\n8\n")
    np.savez(tmp_path / "three.npz", pixels=pixels[[3, 5, 8]])
    outs = tmp_path / "a.tflite", tmp_path / "b.tflite"
    run("to-int8", models / "saved", "--out", outs[0], "--calibration", samples, "--ids", tmp_path / "ids.txt")
    run("to-int8", models / "saved", "--out", outs[1], "--calibration", tmp_path / "three.npz")
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_the_real_command_says_one_line_and_lets_no_chatter_through(
    models: Path, samples: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "converters.cli", "to-int8", str(models / "classifier.keras")]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "out.tflite"), "--calibration", str(samples)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


def save_layer(path: Path, function: Callable[[Any], Any], shape: tuple[int | None, ...] = (1, 16, 16, 1)) -> Path:
    """A SavedModel of one function."""
    with quiet():
        import tensorflow as tf

        module = tf.Module()
        module.serve = tf.function(function, input_signature=[tf.TensorSpec(shape, tf.float32)])
        tf.saved_model.save(module, str(path), signatures=module.serve)
    return path


def test_an_operator_that_tflite_lacks_is_named_with_its_layer(
    refused: Refused, samples: Path, tmp_path: Path
) -> None:
    import tensorflow as tf

    def serve(image: Any) -> Any:
        return tf.math.bessel_i0e(tf.reshape(image, (1, 256)), name="special/bessel")

    source, out = save_layer(tmp_path / "odd", serve), tmp_path / "out.tflite"
    line = refused("to-int8", source, "--out", out, "--calibration", samples)
    assert line.startswith(f"{source}: TFLite has no operator for tf.BesselI0e")
    assert "special/bessel" in line
    assert list(tmp_path.glob("*.tflite*")) == []


def test_an_operator_without_an_int8_kernel_is_named_with_its_layer(
    refused: Refused, samples: Path, tmp_path: Path
) -> None:
    import tensorflow as tf

    source = save_layer(
        tmp_path / "odd", lambda image: tf.nn.elu(tf.reshape(image, (1, 256)) - 0.5, name="late/elu")
    )
    line = refused("to-int8", source, "--out", tmp_path / "out.tflite", "--calibration", samples)
    assert line.startswith(f"{source}: not whole in int8: ")
    assert "float32" in line
    assert not (tmp_path / "out.tflite").exists()


@pytest.mark.parametrize(
    ("shape", "rule"),
    [
        ((1, 16, 16), "input shape (1, 16, 16): rank 3; (batch, height, width, channels) is expected"),
        ((1, 16, 16, 2), "input shape (1, 16, 16, 2): 2 channels; 1 (luma) or 3 (RGB) are expected"),
        ((4, 16, 16, 1), "input shape (4, 16, 16, 1): batch 4; 1 or an open one is expected"),
        ((None, None, None, 1), "input shape (?, ?, ?, 1) is dynamic: fix it with --size WIDTHxHEIGHT"),
    ],
)
def test_inputs_that_are_no_picture_are_refused(
    shape: Any, rule: str, refused: Refused, samples: Path, tmp_path: Path
) -> None:
    source = save_layer(tmp_path / "odd", lambda image: image + 1.0, shape)
    assert (
        refused("to-int8", source, "--out", tmp_path / "o.tflite", "--calibration", samples) == f"{source}: {rule}"
    )


def test_a_dynamic_shape_is_fixed_by_size_and_contradicted_by_another(
    run: Any, refused: Refused, models: Path, samples: Path, tmp_path: Path
) -> None:
    import tensorflow as tf

    kernel = tf.constant(np.random.default_rng(2).normal(size=(3, 3, 1, 4)).astype(np.float32))
    source = save_layer(
        tmp_path / "open", lambda image: tf.nn.conv2d(image, kernel, 1, "SAME"), (None, None, None, 1)
    )
    out = tmp_path / "out.tflite"
    status, _, err = run("to-int8", source, "--out", out, "--calibration", samples, "--size", "24x8")
    assert (status, err) == (0, "")
    assert Interpreter(out.read_bytes()).input["shape"].tolist() == [1, 8, 24, 1]
    line = refused("to-int8", models / "saved", "--out", tmp_path / "o", "--calibration", samples, "--size", "8x8")
    assert "--size 8x8 contradicts it" in line


def test_a_model_that_collapses_in_int8_is_refused(refused: Refused, samples: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    def serve(image: Any) -> Any:
        """One constant output sets the scale; the one that matters drowns in it."""
        small = tf.reduce_mean(image, (1, 2)) * 1e-4
        return tf.concat([small, small * 0.5, small * 0 + 900.0], axis=1)

    source = save_layer(tmp_path / "weak", serve)
    line = refused("to-int8", source, "--out", tmp_path / "o.tflite", "--calibration", samples)
    assert line == f"{source}: int8 has collapsed: it answers 40 different samples alike"


def test_labels_must_be_as_many_as_outputs(refused: Refused, models: Path, samples: Path, tmp_path: Path) -> None:
    options = ("--out", tmp_path / "o.tflite", "--calibration", samples, "--labels", "ferplus")
    line = refused("to-int8", models / "saved", *options)
    assert line == f"{models / 'saved'}: 8 labels for outputs of shape (1, 7): one for each is expected"


def test_int8_without_calibration_is_refused(refused: Refused, models: Path, tmp_path: Path) -> None:
    for name in ("classifier.keras", "float.tflite"):
        line = refused("to-int8", models / name, "--out", tmp_path / "o.tflite")
        assert line == f"{models / name}: --calibration is missing: int8 ranges come from samples"
    assert "--calibration, which is missing" in refused(
        "to-int8", models / "saved", "--out", tmp_path / "o.tflite", "--ids", models / "x"
    )


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        ("none.keras", None, "no such model file"),
        ("text.keras", b"hello", "no model that Keras can read: "),
        ("text.h5", b"hello", "no model that Keras can read: "),
        ("model.txt", b"hello", "no .keras, .h5, .onnx, .tflite or SavedModel folder"),
        ("model.pth", b"hello", "export it to ONNX first"),
        ("text.tflite", b"hello", "no TFLite file"),
        ("cut.tflite", b"\x1c\0\0\0TFL3" + bytes(5), "truncated or altered"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_model_is_refused(
    name: str, content: bytes | None, rule: str, refused: Refused, samples: Path, tmp_path: Path
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    line = refused("to-int8", path, "--out", tmp_path / "out", "--calibration", samples)
    assert line.startswith(f"{path}: ")
    assert rule in line


def test_truncated_models_are_refused(refused: Refused, models: Path, samples: Path, tmp_path: Path) -> None:
    for name in ("classifier.keras", "classifier.h5", "float.tflite"):
        whole = (models / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        line = refused("to-int8", tmp_path / name, "--out", tmp_path / "out", "--calibration", samples)
        assert line.startswith(f"{tmp_path / name}: ")
    shutil.copytree(models / "saved", tmp_path / "saved")
    graph = tmp_path / "saved" / "saved_model.pb"
    graph.write_bytes(graph.read_bytes()[:100])
    assert "no SavedModel that TensorFlow can read" in refused(
        "to-int8", tmp_path / "saved", "--out", tmp_path / "out", "--calibration", samples
    )
    assert "a folder without saved_model.pb" in refused("to-int8", tmp_path, "--out", tmp_path / "out")


def test_a_quantized_tflite_file_is_no_source(
    refused: Refused, converted: Path, samples: Path, tmp_path: Path
) -> None:
    line = refused("to-int8", converted, "--out", tmp_path / "out", "--calibration", samples)
    assert line == f"{converted}: input is uint8: only a float model can be converted"


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        (("--range", "1,0"), "--range 1,0: the first must be below the second"),
        (("--range", "0,1,2"), "--range: two numbers are expected: LOW,HIGH"),
        (("--range", "3,5"), "--range/--mean: 0 must lie within the input's range"),
        (("--range", "0,1", "--std", "2"), "--range and --mean/--std say the same thing twice: give one"),
        (("--mean", "0,0"), "--mean: 1 or 1 numbers are expected, got 2"),
        (("--std", "0"), "--std: must be > 0"),
        (("--std", "nan"), "--std: 1 or 1 numbers are expected"),
        (("--import", "no_such_module"), "--import no_such_module: No module named 'no_such_module'"),
    ],
)
def test_contradictory_options_are_refused(
    options: tuple[str, ...], rule: str, refused: Refused, models: Path, samples: Path, tmp_path: Path
) -> None:
    line = refused(
        "to-int8", models / "classifier.keras", "--out", tmp_path / "o", "--calibration", samples, *options
    )
    assert rule in line


def test_an_unregistered_layer_and_python_code_in_a_file_are_refused(
    refused: Refused, samples: Path, tmp_path: Path
) -> None:
    with quiet():
        import keras

        class Odd(keras.layers.Layer):  # type: ignore[misc]
            def call(self, x: Any) -> Any:
                return x * 2

        for name, layer in (("odd", Odd()), ("lambda", keras.layers.Lambda(lambda x: x * 2))):
            entry = keras.Input((16, 16, 1))
            keras.Model(entry, keras.layers.Flatten()(layer(entry))).save(tmp_path / f"{name}.keras")
    options = ("--out", tmp_path / "o", "--calibration", samples)
    assert "--import MODULE loads the module" in refused("to-int8", tmp_path / "odd.keras", *options)
    assert "a Lambda layer, which is Python code" in refused("to-int8", tmp_path / "lambda.keras", *options)
