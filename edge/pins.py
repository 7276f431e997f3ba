"""A push button for the privacy switch, and an LED that says whether the camera may see, on a board's GPIO pins.

Only where the settings name a pin; gpiozero is imported then.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from typing import TYPE_CHECKING, Any

from edge.errors import ConfigError, MissingPackageError, PrivacyError
from edge.messages import Phase

if TYPE_CHECKING:
    from edge.config import PrivacyConfig
    from edge.core import Core
    from edge.state import Status

log = logging.getLogger("mien.privacy")

BOUNCE_S = 0.05
"""A contact that closes chatters for some milliseconds; a hand is slower."""
MISSING = "gpiozero is not installed: sudo apt install python3-gpiozero, or pip install 'mien[button]'"


class Pins:
    """Each push turns the switch. The LED is lit unless the camera is closed for privacy, or nobody is running.

    Raises ConfigError if a pin cannot be used, MissingPackageError without gpiozero.
    """

    def __init__(self, config: PrivacyConfig, core: Core) -> None:
        self._core = core
        if config.button_gpio and config.button_gpio == config.led_gpio:
            raise ConfigError(f"privacy.led_gpio = {config.led_gpio}: is privacy.button_gpio, too")
        with contextlib.ExitStack() as stack:
            if config.led_gpio:
                self._led = opened("LED", "led_gpio", config.led_gpio)
                stack.callback(self._put_out)
                core.state.subscribe(self._show)
                self._show(core.state.status)
            if config.button_gpio:
                button = opened("Button", "button_gpio", config.button_gpio, bounce_time=BOUNCE_S)
                stack.callback(button.close)
                button.when_pressed = self._pressed
            self._closing = stack.pop_all()

    def _put_out(self) -> None:
        self._led.off()
        self._led.close()

    def _show(self, status: Status) -> None:
        if not self._led.closed:
            self._led.value = status.phase not in (Phase.PRIVATE, Phase.STOPPING)

    def _pressed(self) -> None:
        try:
            self._core.privacy.set(not self._core.privacy.on, by="button")
        except PrivacyError as error:
            log.error("%s", error)  # noqa: TRY400  (a full disk is no bug of ours)
        self._core.requests.wake.set()

    def close(self) -> None:
        """Let go of the pins; the LED goes out."""
        self._closing.close()


def opened(kind: str, key: str, gpio: int, **options: Any) -> Any:
    """A gpiozero device of this kind on the pin that the setting names. Raises as Pins does."""
    try:
        import gpiozero
    except ImportError as error:
        raise MissingPackageError(f"privacy.{key} = {gpio}: {MISSING}") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it tells of every library that it tries
            return getattr(gpiozero, kind)(gpio, **options)
    except Exception as error:  # each library for pins has errors of its own
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ConfigError(f"privacy.{key} = {gpio}: cannot be used: {reason}") from error
