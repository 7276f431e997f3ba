"""Who is answered: this machine's own page and programs, and nobody who only borrowed its address."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
from web_client import TIMEOUT_S, ask, ask_json, live_url, publishing, reading, serving
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from edge.sinks.web import WebSink
from edge.sinks.web.app import PAGE
from edge.sinks.web.guard import HEADERS
from edge.sinks.web.names import is_named

PATHS = ["/", "/page/style.css", "/healthz", "/api/v1/state", "/stream.mjpg", "/api/v1/events", "/nowhere"]


@pytest.fixture(scope="module")
def sink() -> Iterator[WebSink]:
    with serving(fps=60) as sink, publishing(sink):
        yield sink


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8321", "127.0.0.1", "127.0.0.1:80", "[::1]:8321", "127.1.2.3"]
)
def test_loopback_by_any_name_and_port_is_this_machine(host: str) -> None:
    assert is_named(host, None)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.1.5", "0.0.0.0", "", ":80",
     "localhost:", "localhost:1x", "::1", "[::1", "[::2]", "127.1", "2130706433", "localhost localhost"],
)  # fmt: skip
def test_every_other_host_is_another_machine(host: str) -> None:
    assert not is_named(host, None)


@pytest.mark.parametrize("path", PATHS)
def test_a_rebound_name_is_refused_everywhere(sink: WebSink, path: str) -> None:
    with ask(sink, path, headers={"Host": "evil.example:8321"}) as answer:
        assert answer.status == 421
        assert b"evil" not in answer.read()


@pytest.mark.parametrize("hosts", [b"", b"Host: localhost\r\nHost: evil.example\r\n"])
def test_no_host_or_two_of_them_are_refused(sink: WebSink, hosts: bytes) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(sink.url).port or 0), TIMEOUT_S) as plain:
        plain.sendall(b"GET /healthz HTTP/1.0\r\n" + hosts + b"\r\n")
        assert plain.recv(100).split()[1] in {b"400", b"421"}


@pytest.mark.parametrize("path", PATHS[:-1])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"])
def test_what_only_tells_is_only_asked_with_get(sink: WebSink, path: str, method: str) -> None:
    with ask(sink, path, method) as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET"


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_security_headers_and_invites_no_other_site(sink: WebSink, path: str) -> None:
    with ask(sink, path) as answer:
        for name, value in HEADERS.items():
            assert answer.headers.get_all(name) == [value]
        assert not any(name.lower().startswith("access-control") for name in answer.headers)
        assert answer.headers["Server"] is None


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_time(sink: WebSink, path: str) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    with ask(sink, path) as answer:
        (date,) = answer.headers.get_all("Date") or []
    assert before <= parsedate_to_datetime(date) <= datetime.now(UTC)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1"])
def test_another_sites_page_is_refused(sink: WebSink, origin: str) -> None:
    for path in PATHS:
        with ask(sink, path, headers={"Origin": origin}) as answer:
            assert answer.status == 403
    with pytest.raises(InvalidStatus) as refusal, connect(live_url(sink), origin=origin, proxy=None):  # type: ignore[arg-type]
        pass
    assert refusal.value.response.status_code == 403


def test_our_own_page_and_programs_without_an_origin_are_let_in(sink: WebSink) -> None:
    own = sink.url.rstrip("/")
    for origin in (own, None):
        with connect(live_url(sink), origin=origin, proxy=None) as viewer:  # type: ignore[arg-type]
            assert viewer.recv(TIMEOUT_S)
    with ask(sink, "/api/v1/state", headers={"Origin": own, "Sec-Fetch-Site": "same-origin"}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_from_elsewhere_opens_but_nothing_can_be_embedded(sink: WebSink, site: str) -> None:
    link = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    with ask(sink, "/", headers=link) as answer:
        assert answer.status == 200
    for embedded in ({"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, {"Sec-Fetch-Dest": "iframe"}):
        with ask(sink, "/stream.mjpg", headers=link | embedded) as answer:
            assert answer.status == 403


def test_malformed_requests_leave_it_running_and_the_log_quiet(
    sink: WebSink, caplog: pytest.LogCaptureFixture
) -> None:
    address = ("127.0.0.1", urlsplit(sink.url).port or 0)
    for request in (b"\x00\xff\xfe\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 100_000):
        for _ in range(25):
            with socket.create_connection(address, TIMEOUT_S) as plain:
                plain.sendall(request)
    assert ask_json(sink, "/healthz")[0] == 200
    assert not caplog.records


@pytest.mark.parametrize(
    "path", ["/page/", "/page/../app.py", "/page/..%2fapp.py", "/page/%2e%2e/hub.py", "/page/x"]
)
def test_only_the_pages_own_files_are_served(sink: WebSink, path: str) -> None:
    with ask(sink, path) as answer:
        assert answer.status == 404


def test_the_page_loads_nothing_from_elsewhere_and_holds_no_inline_code() -> None:
    for file in PAGE.iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//[a-z]+\.|\binnerHTML\b|\beval\b", text), file.name
        assert not re.search(r"\son[a-z]+=|<style|\sstyle=|<script(?![^>]*\ssrc=)", text), file.name


def test_every_file_that_the_page_names_is_served(sink: WebSink) -> None:
    with ask(sink, "/") as answer:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        names = set(re.findall(r"/page/([\w.]+)", answer.read().decode()))
    names |= {name for file in PAGE.glob("*.js") for name in re.findall(r'from "\./([\w.]+)"', file.read_text())}
    assert {"main.js", "style.css", "icon.svg", "words.js"} <= names
    for name in names:
        with ask(sink, f"/page/{name}") as answer:
            assert (answer.status, answer.read()) == (200, (PAGE / name).read_bytes())


def test_the_sink_takes_readings_all_the_while(sink: WebSink) -> None:
    sink.publish(reading(1))
