"""Builds the pipeline from the settings and keeps it running.

Everything is proved before the first frame; after it a lost camera is opened again rather than given up.
"""

from __future__ import annotations

import contextlib
import logging
import os
from typing import TYPE_CHECKING, Self

from edge.build import LIVE_KINDS, Opener, build_classifier, build_parts, build_sinks, take_place
from edge.commanding import commands
from edge.control import Control
from edge.core import new_core
from edge.errors import AgainError, ConfigError, ControlError, MienError, SourceError, StuckError
from edge.intake import Intake
from edge.loop import Loop
from edge.notify import Notifier
from edge.pins import Pins
from edge.pipeline import Pipeline
from edge.places import runtime_folder, state_folder
from edge.signals import passed_on
from edge.sources.pace import SystemClock
from edge.starts import count_start
from edge.vitals import give_back

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.config import Config
    from edge.core import Core
    from edge.sinks import Sink
    from edge.sources.pace import Clock

log = logging.getLogger("mien.service")

PART_SECTIONS = ("detect", "classify", "adapt", "track", "decide", "source")
SINK_SECTIONS = ("jsonl", "web", "mqtt", "history", "feedback", "track", "classify", "source")
"""Whose change makes the parts, or the sinks, anew. `source` holds the camera's name, which events carry."""


def run(config: Config, *, frames: int | None = None, reread: Callable[[], Config] | None = None) -> None:
    """Run until the source ends, `frames` are through or a signal asks to stop.

    reread: gives the settings anew, for a reload.
    Raises ConfigError, ModelError, SourceError or SinkError if something does not prove itself before the first
    frame, AgainError where the end is meant for a new start.
    """
    take_place(config.service)
    try:
        with Service(config, frames=frames, reread=reread) as service:
            service.run()
    except StuckError as error:
        # A thread inside a driver would hold up the interpreter's own way out.
        log.critical("%s", error)
        logging.shutdown()
        os._exit(error.status)
    if service.core.stop.again:
        raise AgainError(service.core.stop.again)


class Service:
    """One running Mien, and how it changes while it runs. The settings are proved when it is made."""

    def __init__(
        self,
        config: Config,
        *,
        frames: int | None = None,
        reread: Callable[[], Config] | None = None,
        core: Core | None = None,
        clock: Clock | None = None,
        notifier: Notifier | None = None,
    ) -> None:
        self.config = config
        self.core = core or new_core(config)
        self.core.counts.starts = count_start(state_folder())
        self._reread = reread
        self._clock = clock or SystemClock()
        self._notifier = notifier or Notifier.from_environment()
        self._closing = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            stack.callback(self._notifier.close)
            self.pipeline = Pipeline(build_parts(config), [], self.core)
            self._name_model()
            self.intake = Intake(self._opener(config), self._clock, self.core.counts)
            stack.callback(self.intake.close)
            self.core.privacy.subscribe(self._privacy_turned)
            stack.callback(Pins(config.privacy, self.core).close)
            self._open_first()
            self.pipeline.sinks = self._open_sinks(config)
            stack.callback(self._close_sinks)
            self.loop = Loop(self.core, self.pipeline, self.intake, self._notifier, self._clock, frames=frames)
            self._set_limits(config)
            stack.callback(self.loop.stopping)
            if control := self._listen(config):
                stack.callback(control.close)
            stack.enter_context(passed_on(self.stop, self._reload_or_say))
            self._closing = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._closing.close()

    def run(self) -> None:
        """See the module's `run`."""
        parts = self.pipeline.parts
        log.info(
            "%s, detector %s, model %s",
            self.intake.note or "privacy is on: no camera",
            self.config.detect.backend,
            parts.classifier.name,
        )
        self._notifier.ready(self.core.state.status.line)
        self.loop.run()

    def stop(self) -> None:
        """End after the frame in hand. From any thread."""
        self.core.stop.ask()
        self.intake.close()  # the loop may wait for a frame

    def reload(self) -> str:
        """Take the settings anew; in the loop's thread. Raises MienError, and then all is as it was."""
        if self._reread is None:
            raise ControlError("there is no settings file to read again")
        self._notifier.reloading()
        try:
            changed = self._change_to(self._reread())
        except MienError:
            self.core.counts.reloads_refused += 1
            raise
        finally:
            self._notifier.ready(self.core.state.status.line)
        self.core.counts.reloads += 1
        line = f"settings reloaded, changed: {', '.join(changed) or 'nothing'}"
        log.info("%s", line)
        return line

    def use_model(self, name: str) -> str:
        """Classify with another model from the next frame on; not in the loop's thread. Raises ModelError."""
        classifier = build_classifier(self.config, name)

        def swap() -> str:
            self.pipeline.use(classifier)
            self._name_model()
            give_back()
            return f"model {classifier.name}"

        line = self.core.requests.ask(swap)
        log.info("%s", line)
        return line

    def _name_model(self) -> None:
        classifier, said = self.pipeline.parts.classifier, self.core.model
        said.name, said.version = classifier.name, classifier.version

    def _opener(self, config: Config) -> Opener:
        # A service that was set to find its camera must not show the demo because that came up late.
        return Opener(config.source, demo=not self._notifier.listens)

    def _open_first(self) -> None:
        if self.core.privacy.on:
            return
        try:
            source = self.intake.open()
        except SourceError as error:
            if not (self._notifier.listens and self.config.source.kind in LIVE_KINDS):
                raise
            self.intake.lose(error)
        else:
            self.core.state.enter(self.core.state.phase, source.name)

    def _privacy_turned(self, on: bool) -> None:  # noqa: FBT001  (a hook)
        if on:
            self.intake.close()
        self.core.requests.wake.set()

    def _listen(self, config: Config) -> Control | None:
        folder = runtime_folder()
        if not config.service.control or folder is None:
            return None
        ask = self.core.requests.ask
        try:
            return Control(
                folder / "control.sock",
                commands(self.core, reload=lambda: ask(self.reload, 30.0), use_model=self.use_model),
            )
        except ControlError as error:
            log.warning("%s: this one takes no commands", error)
            return None

    def _reload_or_say(self) -> None:
        try:
            self.core.requests.ask(self.reload, 30.0)
        except MienError as error:
            log.error("%s: the settings stay as they were", error)  # noqa: TRY400

    def _change_to(self, config: Config) -> list[str]:
        changed = [name for name in config.__struct_fields__ if getattr(config, name) != getattr(self.config, name)]
        parts = build_parts(config) if set(changed) & set(PART_SECTIONS) else None
        opener = self._opener(config) if "source" in changed else None
        if opener is not None and config.source.kind not in LIVE_KINDS:
            opener().close()  # a file has to be there; a camera may come later
        if set(changed) & set(SINK_SECTIONS):
            self._change_sinks(config)
        if parts is not None:
            self.loop.tell_without_frames()  # the tracks are given up
            self.pipeline.parts = parts
            self._name_model()
        if opener is not None:
            self.intake.replace(opener)
        self._set_limits(config)
        self.config = config
        give_back()  # the old parts are gone
        return changed

    def _change_sinks(self, config: Config) -> None:
        # The old ones hold ports and files that the new ones want.
        self._close_sinks()
        try:
            self.pipeline.sinks = self._open_sinks(config)
        except MienError as error:
            self.pipeline.sinks = self._open_sinks(self.config)
            raise ConfigError(str(error)) from error

    def _open_sinks(self, config: Config) -> list[Sink]:
        live = config.source.kind in LIVE_KINDS or (config.source.kind == "demo" and config.source.realtime)
        return build_sinks(config, self.core, live=live)

    def _close_sinks(self) -> None:
        sinks, self.pipeline.sinks = self.pipeline.sinks, []
        for sink in reversed(sinks):
            sink.close()

    def _set_limits(self, config: Config) -> None:
        self.loop.max_rss_mb = config.service.max_rss_mb
        self.loop.fps = config.adapt.fps
