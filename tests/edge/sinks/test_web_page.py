"""The page in a real browser: what it shows, what it says when there is nothing to show, and for whom it works."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from chromium import Browser, chromium
from numpy.typing import NDArray
from web_client import BOX, ask, happened, publishing, reading, serving, until

from edge.model.labels import FERPLUS
from edge.model.package import DEFAULT_MODEL
from edge.sinks.web.app import PAGE

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
        for _ in range(3):
            browser.press("Tab", 9)
            order.append(browser.run("return document.activeElement.innerText"))
        assert order == ["Skip to what the faces look like", "Pause", "Boxes"]
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
