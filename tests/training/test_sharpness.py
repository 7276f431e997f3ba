"""Sharpness-aware minimization takes the gradient uphill, and leaves the network where it was."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import keras

from edge.errors import ConfigError
from training.sharpness import sharpness_aware


def line(slope: float) -> keras.Model:
    entry = keras.Input((1,))
    model = keras.Model(entry, keras.layers.Dense(1, use_bias=False)(entry))
    model.layers[-1].kernel.assign([[slope]])
    return model


def one_step(rho: float) -> tuple[float, float]:
    """(weight, loss) after a step of SGD at rate 0.1 on y = 0 for x = 1, from weight 2."""
    model = sharpness_aware(line(2.0), rho)
    model.compile(keras.optimizers.SGD(0.1), loss="mse", jit_compile=False)
    logs = model.fit(np.ones((4, 1), np.float32), np.zeros((4, 1), np.float32), batch_size=4, verbose=0)
    return float(model.layers[-1].kernel[0, 0]), float(logs.history["loss"][0])


def test_the_step_uses_the_gradient_at_the_top_of_the_climb() -> None:
    # The loss is w², its gradient 2w; the climb goes from 2 to 2.5, where it is 5.
    weight, loss = one_step(0.5)
    assert weight == pytest.approx(2 - 0.1 * 5, rel=1e-5)
    assert loss == pytest.approx(4, rel=1e-5), "the loss is that of the weights before the climb"


def test_hardly_any_climb_is_a_plain_step() -> None:
    assert one_step(1e-9)[0] == pytest.approx(2 - 0.1 * 4, rel=1e-5)


def test_the_variables_are_those_of_the_network_in_its_order() -> None:
    model = line(1.0)
    assert [id(v) for v in sharpness_aware(model, 0.1).variables] == [id(v) for v in model.variables]


def test_another_backend_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ConfigError, match=r"train\.sam_rho: works on TensorFlow, and Keras runs on jax"):
        sharpness_aware(line(1.0), 0.1)
