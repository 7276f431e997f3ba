"""The thread that carries MQTT: how it ends."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from paho.mqtt.client import CallbackAPIVersion, Client

from edge.sinks.mqtt.network import Network


@pytest.fixture
def network() -> Network:
    nothing = lambda *_: None  # noqa: E731
    client = Client(CallbackAPIVersion.VERSION2)
    return Network(client, 60.0, send=nothing, written=nothing, lost=nothing)


class SlowBell:
    """A bell that is being rung until somebody closes it, or has had the time to."""

    def __init__(self, bell: Any) -> None:
        self._bell = bell
        self.rung, self._closing = threading.Event(), threading.Event()
        self.closed_while_rung = False

    @property
    def closed(self) -> bool:
        return bool(self._bell.closed)

    def fileno(self) -> int:
        return int(self._bell.fileno())

    def write(self, data: bytes) -> None:
        self.rung.set()
        self.closed_while_rung = self._closing.wait(0.3)
        if not self.closed_while_rung:
            self._bell.write(data)

    def close(self) -> None:
        self._closing.set()
        self._bell.close()


def test_the_bell_is_not_closed_under_a_hand_that_rings_it(network: Network) -> None:
    bell = SlowBell(network._bell)
    network._bell = bell
    ringing = threading.Thread(target=network.wake)
    ringing.start()
    bell.rung.wait(10)
    network._finishing = network._ending = True  # as `end` does, which would ring as well
    network.start()
    ringing.join(10)
    network._thread.join(10)
    assert bell.closed
    assert not bell.closed_while_rung


def test_ringing_after_the_end_does_nothing(network: Network) -> None:
    network.end()
    network.start()
    network._thread.join(10)
    assert network.ended
    network.wake()
    network.finish()
