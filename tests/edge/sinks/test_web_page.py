"""The page in a real browser: what it shows, what it says when there is nothing to show, and for whom it works."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from chromium import Browser, chromium
from history_days import FakeClock
from msgspec.structs import replace
from numpy.typing import NDArray
from web_client import BOX, ask, happened, publishing, reading, serving, settings, until

from edge.config import FeedbackConfig, HistoryConfig
from edge.model.labels import FERPLUS
from edge.model.package import DEFAULT_MODEL
from edge.sinks.history import HistorySink
from edge.sinks.web.app import PAGE
from edge.sinks.web.token import new_token

FACE_SHOWN = "document.body.dataset.state === 'running' && document.querySelectorAll('.face').length === 1"
TEXT = "document.getElementById('{}').innerText"
PIXEL = """
    const canvas = document.getElementById('{canvas}');
    const [x, y] = [{x}, {y}].map((place) => Math.round(place * canvas.width / {width}));
    return [...canvas.getContext('2d').getImageData(x, y, 1, 1).data];
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def portrait() -> NDArray[np.uint8]:
    """scikit-image's astronaut (NASA, public domain), 512 x 512; the happy face's box lies somewhere in it."""
    from skimage import data

    return np.asarray(cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2GRAY), np.uint8)


@pytest.mark.system
def test_picture_boxes_scores_and_events_appear_and_nothing_complains(
    browser: Browser, portrait: NDArray[np.uint8]
) -> None:
    browser.console()
    browser.look(1280, 860)
    with serving(fps=30) as sink:
        sink.publish(reading(1, happened("appeared"), happened("changed"), luma=portrait))
        with publishing(sink, portrait):
            browser.open(sink.url)
            browser.until(FACE_SHOWN)
            # The picture is the frame, and the box's edge lies on it in its emotion's colour.
            for x, y in ((256, 100), (60, 400), (450, 30)):
                red, green, blue, alpha = browser.run(PIXEL.format(canvas="picture", x=x, y=y, width=512))
                assert red == green == blue
                assert alpha == 255
                assert abs(red - float(portrait[y, x])) < 24
            edge = {"x": BOX[0], "y": (BOX[1] + BOX[3]) / 2, "width": 512}
            red, green, blue, alpha = browser.run(PIXEL.format(canvas="overlay", **edge))
            assert (alpha, red > 200, 130 < green < 190, blue < 60) == (255, True, True, True)
            assert browser.run(PIXEL.format(canvas="overlay", x=400, y=400, width=512))[3] == 0
            looks = browser.run("return document.querySelector('.looks').innerText")
            assert looks == "Expression looks like happiness"
            bars = browser.run(
                "return [...document.querySelectorAll('.bar')].map((bar) => bar.innerText.split('\\n'))"
            )
            assert bars == [["happiness", "80 %"], ["neutral", "15 %"], ["fear", "5 %"]]
            widths = browser.run("return [...document.querySelectorAll('.fill')].map((fill) => fill.style.cssText)")
            assert widths == ["--score: 0.8;", "--score: 0.15;", "--score: 0.05;"]
            events = browser.run(
                "return [...document.querySelectorAll('#events .what')].map((what) => what.innerText)"
            )
            assert events == ["Face 1 looks like happiness", "Face 1 came into view"]
            facts = browser.run(
                "return ['camera', 'size', 'model'].map((id) => document.getElementById(id).innerText)"
            )
            assert facts == ["door", "512 \u00d7 512", DEFAULT_MODEL]
            loads = browser.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
            assert loads
            assert all(load.startswith(sink.url) for load in loads)
        assert browser.console() == []


@pytest.mark.system
def test_a_screen_reader_hears_the_decided_emotion_once(browser: Browser) -> None:
    with serving(fps=30) as sink:
        browser.open(sink.url)
        browser.run("""
            window.heard = [];
            const spoken = document.querySelector('[aria-live=polite]');
            new MutationObserver(() => window.heard.push(spoken.textContent))
                .observe(spoken, { childList: true, characterData: true, subtree: true });
        """)
        with publishing(sink):
            browser.until(FACE_SHOWN)
            frames = "document.querySelector('.who').innerText"
            before = browser.run(f"return {frames}")
            browser.until(f"{frames} !== {before!r}")
            assert browser.run("return window.heard") == ["Face 1: expression looks like happiness"]
            label = browser.run("return document.getElementById('picture').getAttribute('aria-label')")
            assert label == "Live picture. Face 1: happiness"


@pytest.mark.system
def test_it_comes_back_by_itself_when_the_service_restarts(browser: Browser) -> None:
    with serving(fps=30) as sink, publishing(sink):
        browser.open(sink.url)
        browser.until(FACE_SHOWN)
        port = urlsplit(sink.url).port
    browser.until("document.body.dataset.state === 'disconnected'")
    assert browser.run(f"return {TEXT.format('notice')}") == "Mien does not answer. Trying again …"
    assert browser.run(PIXEL.format(canvas="picture", x=50, y=50, width=320))[3] == 0
    with serving(fps=30, port=port) as sink, publishing(sink):
        browser.until(FACE_SHOWN)
    browser.console()  # refused connections are told there


@pytest.mark.system
def test_it_says_when_no_frames_come_and_shows_no_old_picture(browser: Browser) -> None:
    with serving(fps=30) as sink:
        sink._hub.stale_s = 0.5
        with publishing(sink):
            browser.open(sink.url)
            browser.until(FACE_SHOWN)
        browser.until("document.body.dataset.state === 'no-frames'")
        assert browser.run(f"return {TEXT.format('notice')}").startswith("No frame from the camera for ")
        assert browser.run(f"return {TEXT.format('nobody')}") == "No picture to look at"
        for canvas in ("picture", "overlay"):
            assert browser.run(PIXEL.format(canvas=canvas, x=50, y=50, width=320))[3] == 0
        with publishing(sink):
            browser.until(FACE_SHOWN)


@pytest.mark.system
def test_one_viewer_too_many_reads_why_and_gets_the_next_free_seat(browser: Browser) -> None:
    with serving(fps=30, max_watchers=1) as sink, publishing(sink):
        with ask(sink, "/stream.mjpg"):
            browser.open(sink.url)
            browser.until("document.body.dataset.state === 'full'")
            assert "seat is taken (1)" in browser.run(f"return {TEXT.format('notice')}")
        browser.until(FACE_SHOWN)
    browser.console()


@pytest.mark.system
def test_the_keyboard_reaches_pause_which_gives_the_seat_back(browser: Browser) -> None:
    with serving(fps=30) as sink, publishing(sink):
        browser.open(sink.url)
        browser.until(FACE_SHOWN)
        order = []
        for _ in range(4):
            browser.press("Tab", 9)
            order.append(browser.run("return document.activeElement.innerText"))
        assert order == ["Skip to what the faces look like", "Privacy", "Pause", "Boxes"]
        browser.press(" ", 32)
        edge = {"x": BOX[0], "y": (BOX[1] + BOX[3]) / 2, "width": 320}
        assert browser.run(PIXEL.format(canvas="overlay", **edge))[3] == 0
        browser.run("document.getElementById('pause').focus()")
        browser.press(" ", 32)
        browser.until("document.body.dataset.state === 'paused'")
        until(lambda: sink._hub.watchers == 0)
        browser.press(" ", 32)
        browser.until(FACE_SHOWN)


@pytest.mark.system
@pytest.mark.parametrize("width", [320, 390, 768, 1920])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_every_width_and_follows_the_colour_scheme(browser: Browser, width: int, dark: bool) -> None:
    browser.look(width, 800, dark=dark)
    with serving(fps=30) as sink, publishing(sink):
        browser.open(sink.url)
        browser.until(FACE_SHOWN)
        assert browser.run("return document.documentElement.scrollWidth") <= width
        paper = browser.run("return getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", paper))) < 100) == dark
    browser.look(1280, 860)


# ---- privacy

IS = "document.body.dataset.state === '{}'"
CANVASES = ("picture", "overlay", "lines")


def shown(browser: Browser, canvas: str) -> bool:
    """Whether anything bright or coloured is left on a canvas."""
    return bool(
        browser.run(f"""
        const canvas = document.getElementById('{canvas}');
        const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        for (let place = 3; place < pixels.length; place += 4) if (pixels[place]) return true;
        return false;
    """)
    )


def told(browser: Browser, path: str) -> Any:
    """What the API tells the page."""
    script = "const ask = new XMLHttpRequest(); ask.open('GET', '/api/v1/{}', false); ask.send();"
    return json.loads(browser.run(f"{script.format(path)} return ask.responseText"))


@pytest.mark.system
def test_a_face_then_privacy_then_the_face_again_with_the_real_command(browser: Browser, tmp_path: Path) -> None:
    browser.open("about:blank")
    browser.console()
    browser.look(1280, 860)
    with running(tmp_path) as url:
        browser.open(url)
        browser.until("document.querySelectorAll('.face').length === 1", timeout_s=60)
        browser.until("document.querySelectorAll('#events li').length > 0")
        assert shown(browser, "picture")
        browser.run("document.getElementById('privacy').focus()")
        browser.press(" ", 32)
        browser.until(IS.format("private"))
        assert browser.run("return document.getElementById('privacy').getAttribute('aria-checked')") == "true"
        assert browser.run(f"return {TEXT.format('notice')}") == "Privacy is on: the camera is closed"
        assert browser.run(f"return {TEXT.format('faces')}") == ""
        assert browser.run("return document.querySelectorAll('#events li').length") == 0
        assert not shown(browser, "picture")
        assert not shown(browser, "overlay")
        # What the service itself says, and that nothing comes any more.
        assert told(browser, "privacy")["by"] == "web"
        until(lambda: told(browser, "device")["phase"] == "private")
        frames = told(browser, "device")["frames"]
        browser.run("document.getElementById('pause').click()")
        browser.until(IS.format("paused"))
        browser.run("document.getElementById('pause').click()")
        browser.until(IS.format("private"))
        assert told(browser, "device")["frames"] == frames
        browser.run("document.getElementById('privacy').click()")
        browser.until(IS.format("running"))
        browser.until("document.querySelectorAll('.face').length === 1", timeout_s=60)
        browser.until("document.querySelectorAll('#events li').length > 0", timeout_s=60)
        assert shown(browser, "picture")
        assert browser.run("return document.getElementById('privacy').getAttribute('aria-checked')") == "false"
        assert browser.console() == []


@pytest.mark.system
def test_a_paused_page_loses_its_picture_when_privacy_is_turned_on(browser: Browser) -> None:
    with serving(fps=30) as sink:
        sink.publish(reading(0, happened("appeared")))
        with publishing(sink):
            browser.open(sink.url)
            browser.until(FACE_SHOWN)
            browser.run("document.getElementById('pause').click()")
            until(lambda: sink._hub.watchers == 0)
        browser.until(IS.format("paused"))
        assert shown(browser, "picture")
        sink.core.privacy.set(on=True, by="test")
        browser.until(IS.format("private"))
        assert not any(shown(browser, canvas) for canvas in ("picture", "overlay"))
        left = "return document.querySelectorAll('.face, #events li').length"
        assert browser.run(left) == 0
        assert sink._hub.watchers == 0, "it asked without a seat"
        sink.core.privacy.set(on=False, by="test")
        browser.until(IS.format("paused"))
        assert not shown(browser, "picture")


@pytest.mark.system
def test_a_paused_page_keeps_no_picture_of_a_service_that_does_not_answer(browser: Browser) -> None:
    with serving(fps=30) as sink, publishing(sink):
        browser.open(sink.url)
        browser.until(FACE_SHOWN)
        browser.run("document.getElementById('pause').click()")
        assert shown(browser, "picture")
    browser.until(IS.format("disconnected"))
    assert not shown(browser, "picture")
    browser.console()  # refused connections are told there


@pytest.mark.system
def test_a_page_that_was_hidden_comes_back_without_its_old_picture(browser: Browser) -> None:
    hide = """
        Object.defineProperty(document, "visibilityState", {{ value: "{}", configurable: true }});
        document.dispatchEvent(new Event("visibilitychange"));
    """
    with serving(fps=30) as sink, publishing(sink):
        browser.open(sink.url)
        browser.until(FACE_SHOWN)
        browser.run(hide.format("hidden"))
        until(lambda: sink._hub.watchers == 0)
        assert not shown(browser, "picture")
        browser.run(hide.format("visible"))
        browser.until(FACE_SHOWN)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """The real command, playing its demo; the address of its page."""
    changes = ["web.port=0", "jsonl.stdout=false", "source.loop=true", "service.control=false"]
    options = [word for change in changes for word in ("--set", change)]
    command = [sys.executable, "-m", "edge.cli", "run", "--source", "demo", *options]
    environment = os.environ | {"XDG_STATE_HOME": str(folder)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True) as process:
        try:
            assert process.stderr
            yield next(line.split()[-1] for line in process.stderr if "page at" in line)
        finally:
            process.terminate()
            process.communicate()


# ---- signing in


@pytest.mark.system
def test_the_token_in_the_address_lets_in_and_does_not_stay_there(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "token"
    token = new_token(file)
    with serving(fps=30, require_token=True, token_file=str(file)) as sink, publishing(sink):
        browser.open(sink.url)
        browser.until(IS.format("signed-out"))
        assert browser.run("return document.getElementById('signin').hidden") is False
        assert not shown(browser, "picture")
        browser.run(
            "document.getElementById('token').value = 'x'; document.querySelector('#signin button').click()"
        )
        browser.until(f"{TEXT.format('refused')} === 'This token is not the right one'")
        browser.run(f"location.hash = '{token}'")
        browser.until(FACE_SHOWN)
        assert browser.run("return location.hash + location.href") == sink.url
        assert browser.run("return document.cookie") == ""
        browser.open(sink.url)
        browser.until(FACE_SHOWN)
        assert browser.run("return document.getElementById('signin').hidden") is True
        new_token(file)
        browser.run("document.getElementById('privacy').click()")
        browser.until("document.getElementById('signin').hidden === false")
    browser.console()


# ---- what stands around the picture


@pytest.mark.system
def test_lines_grow_by_face_and_say_in_words_what_they_show(browser: Browser) -> None:
    with serving(fps=30) as sink, publishing(sink):
        browser.open(sink.url)
        browser.until(FACE_SHOWN)
        browser.until("document.getElementById('lines').getAttribute('aria-label') === 'Face 1: happiness'")
        assert shown(browser, "lines")


@pytest.mark.system
def test_the_history_is_drawn_and_read_out_by_hour_and_day(browser: Browser, tmp_path: Path) -> None:
    config = replace(settings(fps=30), history=HistoryConfig(enabled=True, file=str(tmp_path / "history.db")))
    noon = datetime.now().astimezone().replace(hour=12, minute=0, second=0, microsecond=0)
    history = HistorySink(config, FakeClock(noon.timestamp()))
    for number in range(61):
        shown = reading(15 * number)
        history.publish(replace(shown, frame=replace(shown.frame, captured_at=noon.timestamp() + number)))
    history.close()
    with serving(config=config) as sink, publishing(sink):
        browser.open(sink.url)
        browser.until("document.querySelectorAll('#columns li').length >= 23")
        total = browser.run(f"return {TEXT.format('history-total')}")
        assert total == "A face in view for 1 min"
        words = "return [...document.querySelectorAll('#columns .unseen')].map((one) => one.textContent)"
        assert "12:00: happiness 59 s" in browser.run(words) or "12:00: happiness 1 min" in browser.run(words)
        assert browser.run("return document.querySelectorAll('#columns .stack span').length") in {1, 2}
        browser.run("document.getElementById('by-day').click()")
        browser.until("document.querySelectorAll('#columns li').length === 14")


@pytest.mark.system
def test_without_a_history_the_page_says_how_to_start_one(browser: Browser) -> None:
    with serving(fps=30) as sink, publishing(sink):
        browser.open(sink.url)
        browser.until(FACE_SHOWN)
        assert "history.enabled" in browser.run(f"return {TEXT.format('no-history')}")


@pytest.mark.system
def test_the_devices_health_is_listed(browser: Browser) -> None:
    with serving(fps=30) as sink, publishing(sink):
        browser.open(sink.url)
        browser.until("document.querySelectorAll('#device dt').length > 5")
        facts = browser.run(f"return {TEXT.format('device')}")
        for word in ("State", "Running for", "Memory", "1 of 8"):
            assert word in facts


@pytest.mark.system
def test_a_still_picture_is_looked_at_and_drawn(browser: Browser) -> None:
    portrait = Path(__file__).parents[3] / "edge/assets/portrait.jpg"
    with serving(fps=30) as sink:
        browser.open(sink.url)
        browser.until("document.getElementById('still') !== null")
        browser.choose("still", portrait)
        says = TEXT.format("still-says")
        browser.until(f"{says} !== '' && {says} !== 'Looking …'", timeout_s=60)
        assert re.fullmatch(r"The face looks like happiness, \d+ %\.", browser.run(f"return {says}"))
        assert shown(browser, "still-picture")
        browser.choose("still", Path(__file__))
        browser.until(f"{says} === 'This is no picture that can be read'")


@pytest.mark.system
def test_a_wrong_label_is_corrected_from_the_card(browser: Browser, tmp_path: Path) -> None:
    config = replace(settings(fps=30), feedback=FeedbackConfig(enabled=True, folder=str(tmp_path / "kept")))
    with serving(config=config) as sink, publishing(sink):
        browser.open(sink.url)
        browser.until(FACE_SHOWN)
        browser.run("document.querySelector('.wrong').click()")
        assert browser.run("return document.activeElement.tagName") == "SELECT"
        offered = browser.run("return [...document.activeElement.options].map((option) => option.value)")
        assert set(offered) == set(FERPLUS) - {"happiness"}
        browser.run("document.activeElement.value = 'surprise'")
        browser.run("document.querySelector('.correction [type=submit]').click()")
        browser.until(f"{TEXT.format('spoken')} === 'Kept as surprise'")
        assert len(list((tmp_path / "kept/surprise").glob("*.png"))) == 1


@pytest.mark.system
def test_nothing_can_be_corrected_while_feedback_is_off(browser: Browser) -> None:
    with serving(fps=30) as sink, publishing(sink):
        browser.open(sink.url)
        browser.until(FACE_SHOWN)
        assert browser.run("return document.querySelector('.wrong').hidden") is True


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it, of "#rgb" or "#rrggbb"."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_words_and_bars_stand_out_from_what_they_lie_on(scheme: int) -> None:
    style = (PAGE / "style.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([\w-]+): (#\w+)", re.findall(r":root \{(.*?)\}", style, re.DOTALL)[scheme]))
    for words in ("ink", "soft", "accent"):
        assert min(contrast(colours[words], colours[ground]) for ground in ("card", "paper")) >= 4.5
    for mark in ("good", "warn", "bad", *FERPLUS):
        assert contrast(colours[mark], colours["card"]) >= 3
    for label in FERPLUS:
        assert contrast(colours[label], colours["groove"]) >= 3
    assert len({colours[label] for label in FERPLUS}) == len(FERPLUS)


def test_every_label_has_its_words_and_its_colour_on_the_picture() -> None:
    for file, words in (("words.js", r"(\w+): \"(?:looks|is) "), ("colours.js", r"(\w+): \"#")):
        assert set(FERPLUS) <= set(re.findall(words, (PAGE / file).read_text(encoding="utf-8")))
