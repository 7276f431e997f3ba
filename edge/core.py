"""What the loop shares with sinks, metrics and commands: to be read by any thread, and asked through `requests`."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as LateError
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, field

from edge.errors import ControlError
from edge.places import state_folder
from edge.privacy import FILE_NAME, Privacy
from edge.stages import Stages
from edge.state import LoopState

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.config import Config

Answer = TypeVar("Answer")

WAITING_MAX = 8


class Counts(Struct):
    """Since the start; the loop's thread alone writes.

    frames: published. dropped: the source had them and nobody fetched them. skipped: fetched and left out, for
    adapt.fps or under load. detections: how often faces were looked for. faces: in view, summed over the frames.
    crops: faces classified. lost: how often the source was. sink_failures: by the sink's name.
    starts: which start of the service this is, 0 where nobody counts them. rss_bytes, celsius, throttled: as last
    looked at, a few seconds ago.
    """

    frames: int = 0
    dropped: int = 0
    skipped: int = 0
    detections: int = 0
    faces: int = 0
    crops: int = 0
    events: int = 0
    lost: int = 0
    reopened: int = 0
    reloads: int = 0
    reloads_refused: int = 0
    sink_failures: dict[str, int] = field(default_factory=dict)
    starts: int = 0
    rss_bytes: int = 0
    celsius: float | None = None
    throttled: bool = False


class Stop:
    """Asked for by a signal, a command, a number of frames reached, or a limit that was passed. Any thread may."""

    def __init__(self, wake: threading.Event) -> None:
        self._wake = wake
        self.asked = False
        self.again = ""

    def ask(self) -> None:
        """End after the frame in hand."""
        self.asked = True
        self._wake.set()

    def ask_again(self, reason: str) -> None:
        """End in order to be started again; reason: in words, for people."""
        self.again = self.again or reason
        self.ask()


class Requests:
    """What other threads want done between two frames; the loop's thread does it. Bounded."""

    def __init__(self) -> None:
        self.wake = threading.Event()
        self.stop = Stop(self.wake)
        self._waiting: Queue[tuple[Callable[[], Any], Future[Any]]] = Queue(WAITING_MAX)

    def ask(self, act: Callable[[], Answer], timeout_s: float = 5.0) -> Answer:
        """What `act` gave in the loop's thread, or raised. Raises ControlError if the loop does not get to it.

        Not for the loop's own thread.
        """
        future: Future[Answer] = Future()
        try:
            self._waiting.put_nowait((act, future))
        except Full as error:
            raise ControlError("the service has too many commands waiting") from error
        self.wake.set()
        try:
            return future.result(timeout_s)
        except LateError as error:
            if future.cancel():
                raise ControlError(f"the service did not get to it within {timeout_s:g} s") from error
            return future.result(timeout_s)

    def run(self) -> None:
        """Do what waits."""
        while True:
            try:
                act, future = self._waiting.get_nowait()
            except Empty:
                return
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(act())
            except Exception as error:  # noqa: BLE001  (it is the asker's)
                future.set_exception(error)


class Model(Struct):
    """The emotion model that classifies just now; empty before one does. The loop's thread alone writes."""

    name: str = ""
    version: str = ""


class Waiting(Struct, frozen=True):
    """A queue at one moment: how many wait, how many may, and how many had to give way since the start."""

    length: int
    capacity: int
    dropped: int


class Core(Struct, frozen=True, eq=False):
    """One running Mien. Sinks get it when they are opened.

    queues: by the name of the sink that waits for something slow; each call looks at it anew.
    """

    privacy: Privacy
    state: LoopState = field(default_factory=LoopState)
    stages: Stages = field(default_factory=Stages)
    counts: Counts = field(default_factory=Counts)
    requests: Requests = field(default_factory=Requests)
    queues: dict[str, Callable[[], Waiting]] = field(default_factory=dict)
    model: Model = field(default_factory=Model)

    @property
    def stop(self) -> Stop:
        """Ends the loop."""
        return self.requests.stop

    def join(
        self, *switched: Callable[[bool], None], queue: str = "", waiting: Callable[[], Waiting] | None = None
    ) -> Callable[[], None]:
        """Let the privacy switch call these, and show a queue by this name. Returns what undoes both."""
        for hook in switched:
            self.privacy.subscribe(hook)
        if waiting:
            self.queues[queue] = waiting

        def leave() -> None:
            for hook in switched:
                self.privacy.unsubscribe(hook)
            if waiting and self.queues.get(queue) is waiting:
                del self.queues[queue]

        return leave


def new_core(config: Config) -> Core:
    """As the settings say; reads the privacy switch."""
    return Core(Privacy(state_folder() / FILE_NAME, default_on=config.privacy.default_on))
