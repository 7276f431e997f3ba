"""What goes wrong in a year, on the real loop: what is said, what goes on, and what is lost (docs/FAULTS.md)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from loops import Ear
from msgspec.structs import replace
from numpy.typing import NDArray

from edge.config import AdaptConfig, Config, DecideConfig, JsonlConfig, ServiceConfig, SourceConfig, WebConfig
from edge.errors import SourceError, StuckError
from edge.messages import Box, EmotionChanged, Face, FaceAppeared, FaceLeft, Reading, State
from edge.notify import Notifier
from edge.service import Service
from edge.sources import Source, demo, picamera, v4l2
from edge.sources.fake import FakeCapture, FakeClock, FakeVideoDevice
from edge.sources.fake_picamera import FakePicamera2, fake_library
from edge.sources.newest import LiveSource, Shot

CAMERA = SourceConfig(kind="v4l2", width=320, height=240)
# No limit on memory: what is resident here is the tests'.
QUIET = Config(
    source=CAMERA,
    jsonl=JsonlConfig(stdout=False),
    web=WebConfig(enabled=False),
    service=ServiceConfig(max_rss_mb=0),
)
Opener = Callable[[FakeClock], Source]


def portrait(number: int = 35) -> NDArray[np.uint8]:
    """A frame of the demo, with a face in it."""
    return demo.Scene(CAMERA).render(number)


def jpeg(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.imencode(".jpg", luma)[1], np.uint8)


class OneFace:
    """A detector that knows where the face is, for these tests are not about finding it."""

    def detect(self, luma: NDArray[np.uint8]) -> list[Face]:
        box = demo.expected(35, CAMERA)
        assert box is not None
        return [Face(box, 0.9)]


class Ticking(FakeClock):
    """Every look at the clock lets a tenth of a second pass, so that frames of a fake camera have times."""

    def monotonic(self) -> float:
        self.pass_by(0.1)
        return self.monotonic_s


class Enough(Ear):
    """Asks to stop after so many readings."""

    def __init__(self, running: Service, most: int) -> None:
        super().__init__()
        self.running, self.most = running, most

    def publish(self, reading: Reading) -> None:
        super().publish(reading)
        if len(self.readings) >= self.most:
            self.running.core.stop.ask()


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("edge.build.load_detector", lambda _config: OneFace())


@pytest.fixture
def life(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[Service, Enough]]:
    """Runs a service on cameras that follow each other; an error in their list is a failed attempt to open."""

    def live(
        cameras: Sequence[Opener | Exception], readings: int, config: Config = QUIET
    ) -> tuple[Service, Enough]:
        clock, waiting = Ticking(), iter(cameras)

        def open_source(_config: SourceConfig) -> Source:
            camera = next(waiting)
            if isinstance(camera, Exception):
                raise camera
            return camera(clock)

        monkeypatch.setattr("edge.build.open_source", open_source)
        notifier = Notifier(str(tmp_path / "nobody"))
        with Service(config, clock=clock, notifier=notifier) as running:
            ear = Enough(running, readings)
            running.pipeline.sinks = [*running.pipeline.sinks, ear]
            running.run()
        return running, ear

    return live


def webcam(buffers: int, ending: str = "unplugged", pixel_format: str = "MJPG") -> Opener:
    def open_it(clock: FakeClock) -> Source:
        device = FakeVideoDevice([jpeg(portrait())] * buffers, {pixel_format: 30.0}, ending=ending)  # type: ignore[arg-type]
        return v4l2.open_device(device, "/dev/v4l/by-id/fake", CAMERA, clock)

    return open_it


def ribbon_camera(frames: int, *, goes_on: bool = False) -> Opener:
    def open_it(clock: FakeClock) -> Source:
        camera = FakePicamera2([portrait()] * frames, goes_on=goes_on)
        capture = picamera.PicameraCapture(fake_library(camera), CAMERA, clock)
        return LiveSource(capture, clock, frozen_s=0.2)

    return open_it


AWAY = SourceError("no such camera: plug it in")


@pytest.mark.parametrize("camera", [webcam, ribbon_camera])
def test_a_camera_that_is_unplugged_and_plugged_in_again_comes_back_by_itself(
    camera: Callable, life: Callable
) -> None:
    last = webcam(1, "goes on") if camera is webcam else ribbon_camera(1, goes_on=True)
    running, ear = life([camera(3), AWAY, AWAY, last], 12)
    assert running.core.counts.lost == 1
    assert running.core.counts.reopened == 1
    assert [phase for phase in ear.phases() if phase != "starting"] == [
        "running",
        "no-source",
        "running",
        "stopping",
    ]
    kinds = [event for event in ear.events if not isinstance(event, State)]
    left = [number for number, event in enumerate(kinds) if isinstance(event, FaceLeft)]
    assert isinstance(kinds[-1], FaceLeft)
    appeared = [event.track for event in kinds if isinstance(event, FaceAppeared)]
    assert len(set(appeared)) == len(appeared) == len(left), "who is in view afterwards is somebody new"


def test_a_driver_that_is_frozen_for_good_ends_the_process_for_a_new_start(life: Callable) -> None:
    frozen = FakeCapture([Shot(portrait(), 1000.0)], "frozen")
    with pytest.raises(StuckError, match="its driver has not answered"):
        life([lambda clock: LiveSource(frozen, clock, frozen_s=0.05, close_wait_s=0.01)], 100)
    frozen.thaw.set()
    assert StuckError.status == 75


def test_a_driver_that_is_frozen_for_a_while_is_opened_again(life: Callable) -> None:
    frozen = FakeCapture([Shot(portrait(), 1000.0)], "frozen")

    def thawing(clock: FakeClock) -> Source:
        source = LiveSource(frozen, clock, frozen_s=0.05, close_wait_s=0.01)
        close = source.close

        def close_and_thaw() -> bool:
            frozen.thaw.set()
            source._close_wait_s = 10.0
            return close()

        source.close = close_and_thaw  # type: ignore[method-assign]
        return source

    running, ear = life([thawing, webcam(1, "goes on")], 5)
    assert frozen.closed.is_set()
    assert len(ear.readings) == 5
    assert running.core.counts.reopened == 1


def test_damaged_frames_in_mid_stream_are_left_out_and_counted(life: Callable) -> None:
    def spoilt(clock: FakeClock) -> Source:
        whole = jpeg(portrait())
        # The source gives the newest frame: in twelve readings some damage is, thirty times in a row it never is.
        buffers = itertools.cycle([whole, whole[:200], whole[:200]])
        device = FakeVideoDevice(buffers, {"MJPG": 30.0})
        return v4l2.open_device(device, "/dev/v4l/by-id/fake", CAMERA, clock)

    running, ear = life([spoilt], 12)
    assert running.core.counts.lost == 0
    assert running.core.counts.dropped > 0
    assert all(reading.frame.luma.shape == (240, 320) for reading in ear.readings)


def test_a_camera_that_sends_nothing_but_damage_is_lost_and_opened_again(life: Callable) -> None:
    def broken(clock: FakeClock) -> Source:
        buffers = itertools.chain([jpeg(portrait())], itertools.repeat(jpeg(portrait())[:200]))
        return v4l2.open_device(FakeVideoDevice(buffers, {"MJPG": 30.0}), "/dev/v4l/by-id/fake", CAMERA, clock)

    running, ear = life([broken, webcam(1, "goes on")], 4)
    assert running.core.counts.lost == 1
    assert len(ear.readings) == 4


def test_a_full_disk_stops_no_other_sink_and_is_counted(life: Callable, caplog: pytest.LogCaptureFixture) -> None:
    config = replace(
        QUIET, jsonl=JsonlConfig(stdout=False, file="/dev/full"), decide=DecideConfig(state_every_s=0.1)
    )
    running, ear = life([webcam(1, "goes on")], 20, config)
    assert len(ear.readings) == 20
    assert running.core.counts.sink_failures["JsonlSink"] > 0
    assert caplog.text.count("No space left on device") == 1, "said once, not with every event"


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, 1.7e9, -1.7e9], ids=["+1 h", "-1 h", "1970 to now", "to 1970"])
def test_a_wall_clock_that_is_set_changes_dates_and_nothing_else(step_s: float, life: Callable) -> None:
    def camera(clock: FakeClock) -> Source:
        if step_s > 1e6:
            clock.epoch_s = 100.0  # a Pi without a network, just started

        class Stepping(FakeVideoDevice):
            grabs = 0

            def grab(self) -> bool:
                self.grabs += 1
                if self.grabs == 20:
                    clock.epoch_s += step_s
                return super().grab()

        device = Stepping([jpeg(portrait())], {"MJPG": 30.0})
        return v4l2.open_device(device, "/dev/v4l/by-id/fake", CAMERA, clock)

    _, ear = life([camera], 30)
    events = [event for event in ear.events if not isinstance(event, State)]
    assert [type(event) for event in events] == [FaceAppeared, EmotionChanged, FaceLeft]
    first, _, last = events
    assert last.duration_s == pytest.approx(last.time_s - first.time_s, abs=5), "of the monotonic clock"  # type: ignore[union-attr]
    dates = [event.time.timestamp() for event in ear.events]
    assert max(abs(later - earlier) for earlier, later in itertools.pairwise(dates)) > abs(step_s) * 0.9


class Crowd:
    """A detector that finds two hundred faces."""

    def detect(self, luma: NDArray[np.uint8]) -> list[Face]:
        places = itertools.product(range(20), range(10))
        return [Face(Box(16 * x, 24 * y, 16 * x + 14, 24 * y + 18), 0.9) for x, y in places]


def test_two_hundred_faces_take_turns_and_each_gets_its_emotion(
    life: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.build.load_detector", lambda _config: Crowd())
    config = replace(QUIET, adapt=AdaptConfig(crops_per_frame=25, max_load=0.0))
    running, ear = life([webcam(1, "goes on")], 40, config)
    assert running.core.counts.crops == 39 * 25
    last = ear.readings[-1]
    assert len({estimate.track.id for estimate in last.estimates}) == 200
    assert all(estimate.scores for estimate in last.estimates)
    assert sum(isinstance(event, FaceAppeared) for event in ear.events) == 200
