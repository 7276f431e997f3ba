"""A lamp that is on while somebody in view looks happy.

    sudo apt install python3-gpiozero        # on Raspberry Pi OS it is there already
    python3 examples/led.py                  # an LED, with its resistor, between GPIO 17 and ground
    python3 examples/led.py --pin 27 --emotion surprise

It asks the service on this machine, which has to run. Without a Pi: GPIOZERO_PIN_FACTORY=mock.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable

from api_client import AGAIN_S, AwayError, Event, Mien
from gpiozero import LED


def looks(event: Event, emotion: str) -> bool:
    """Whether anybody in a state event does."""
    return any(person["emotion"] == emotion for person in event["people"])


def follow(events: Iterable[Event], led: LED, emotion: str) -> None:
    """A state comes every second, and at once when the camera is closed: nobody is in it then."""
    for event in events:
        if event["type"] == "state":
            led.value = looks(event, emotion)


def main() -> None:
    parser = argparse.ArgumentParser(description="An LED that is on while somebody looks so.")
    parser.add_argument("--address", default="http://127.0.0.1:8321/")
    parser.add_argument("--pin", type=int, default=17, help="in Broadcom's numbering, as gpiozero counts")
    parser.add_argument("--emotion", default="happiness", help="a label of the model")
    asked = parser.parse_args()
    mien = Mien(asked.address, os.environ.get("MIEN_TOKEN"))
    with LED(asked.pin) as led:
        while True:
            try:
                follow(mien.events(), led, asked.emotion)
            except AwayError:
                led.off()  # what nobody sees any more is not shown
                time.sleep(AGAIN_S)


if __name__ == "__main__":
    main()
