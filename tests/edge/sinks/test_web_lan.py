"""The page with a token: who is let in, what a browser must do for its cookie, and who is told no how often."""

from __future__ import annotations

import contextlib
import http.cookies
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cores import fresh_core
from web_client import ask, ask_json, live_url, next_text, publishing, reading, serving, settings
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from edge.cli import cli
from edge.errors import SinkError
from edge.sinks.web import WebSink
from edge.sinks.web.access import FAILURES, REQUESTS, Access
from edge.sinks.web.endpoints import Refusal
from edge.sinks.web.names import is_named, own_names
from edge.sinks.web.rates import ADDRESSES_MAX, Rate
from edge.sinks.web.token import SESSION_S, Keeper, new_token

PROTECTED = [
    "/metrics",
    "/stream.mjpg",
    "/api/v1/state",
    "/api/v1/privacy",
    "/api/v1/events",
    "/api/v1/openapi.json",
]
OPEN = ["/", "/page/style.css", "/healthz"]
SESSION = "/api/v1/session"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "web-token"


@pytest.fixture
def token(file: Path) -> str:
    return new_token(file)


@pytest.fixture
def sink(file: Path, token: str) -> Iterator[WebSink]:
    """As on the LAN, but for the address: no test listens to the network."""
    with serving(require_token=True, token_file=str(file)) as sink:
        yield sink


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def cookie_for(sink: WebSink, token: str) -> str:
    """What a browser would send from then on."""
    body = f'{{"token": "{token}"}}'.encode()
    headers = {"Content-Type": "application/json", "Origin": sink.url.rstrip("/")}
    with ask(sink, SESSION, "POST", headers, body) as answer:
        assert answer.status == 204
        jar = http.cookies.SimpleCookie(answer.headers["Set-Cookie"])
    return f"mien_session={jar['mien_session'].value}"


# ---- the token


def test_only_the_hash_is_kept_and_nobody_else_may_read_it(file: Path, token: str) -> None:
    assert token not in file.read_text()
    assert file.read_text().startswith("sha256:")
    assert stat.S_IMODE(file.stat().st_mode) & 0o007 == 0
    assert len(token) >= 43
    assert new_token(file) != token


@pytest.mark.parametrize(
    ("content", "mode", "complaint"),
    [
        (None, 0o600, "no token is there: sudo mien token new"),
        ("", 0o600, "holds no hash of a token"),
        ("secret\n", 0o600, "holds no hash of a token"),
        ("sha256:" + "0" * 63, 0o600, "holds no hash of a token"),
        ("sha256:" + "0" * 64, 0o644, "others can read it: chmod o-rwx"),
    ],
)
@pytest.mark.parametrize("web", [{"require_token": True}, {"bind": "0.0.0.0"}, {"bind": "::"}])
def test_it_does_not_listen_without_a_good_token(
    file: Path, content: str | None, mode: int, complaint: str, web: dict[str, Any]
) -> None:
    if content is not None:
        file.write_text(content)
        file.chmod(mode)
    before = threading.active_count()
    with pytest.raises(SinkError, match=complaint) as caught:
        WebSink(settings(token_file=str(file), **web), fresh_core())
    assert "\n" not in str(caught.value)
    assert threading.active_count() == before


def test_a_new_token_holds_at_once_and_ends_every_session(sink: WebSink, file: Path, token: str) -> None:
    cookie = cookie_for(sink, token)
    assert ask_json(sink, "/api/v1/privacy", Cookie=cookie)[0] == 200
    newer = new_token(file)
    assert ask_json(sink, "/api/v1/privacy", Cookie=cookie)[0] == 401
    assert ask_json(sink, "/api/v1/privacy", **bearer(token))[0] == 401
    assert ask_json(sink, "/api/v1/privacy", **bearer(newer))[0] == 200
    file.unlink()
    assert ask_json(sink, "/api/v1/privacy", **bearer(newer))[0] == 401


def test_the_command_prints_a_token_that_is_right(file: Path) -> None:
    options = ["--set", f"web.token_file={file}", "--set", "web.bind=0.0.0.0"]
    result = CliRunner().invoke(cli, ["token", "new", *options])
    assert result.exit_code == 0, result.output
    token, url, plain = result.output.splitlines()
    assert Keeper(file).knows(token)
    assert url.endswith(f":8321/#{token}")
    assert "Plain HTTP" in plain


def test_a_folder_that_cannot_be_written_is_one_line(file: Path) -> None:
    file.parent.joinpath("plain").touch()
    with pytest.raises(SinkError, match="cannot be written"):
        new_token(file.parent / "plain" / "token")


# ---- sessions


def test_a_session_ends_by_itself_and_cannot_be_made_up(file: Path, token: str) -> None:
    now = [1e9]
    keeper = Keeper(file, lambda: now[0])
    session = keeper.session()
    assert keeper.remembers(session)
    until, rest = session.split(".", 1)
    for forged in ("", ".", "..", session[:-1], f"{int(until) + 1}.{rest}", f"x.{rest}", token, session.upper()):
        assert not keeper.remembers(forged)
    now[0] += SESSION_S + 1
    assert not keeper.remembers(session)


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(sink: WebSink, token: str) -> None:
    body = f'{{"token": "{token}"}}'.encode()
    with ask(sink, SESSION, "POST", {"Content-Type": "application/json"}, body) as answer:
        told = answer.headers["Set-Cookie"].lower()
    assert "httponly" in told
    assert "samesite=strict" in told
    assert "path=/" in told
    with ask(sink, SESSION, "DELETE") as answer:
        assert 'mien_session=""' in answer.headers["Set-Cookie"]
        assert "Max-Age=0" in answer.headers["Set-Cookie"]


# ---- doors


@pytest.mark.parametrize("path", PROTECTED)
def test_nothing_is_told_without_the_token(sink: WebSink, path: str) -> None:
    sink.publish(reading(1))
    for headers in ({}, bearer("wrong"), {"Authorization": "Basic eDp5"}, {"Cookie": "mien_session=1.2.3"}):
        with ask(sink, path, headers=headers) as answer:
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    with ask(sink, f"{path}?token=x") as answer:
        assert answer.status == 401


@pytest.mark.parametrize("path", OPEN)
def test_the_page_itself_and_its_health_are_open(sink: WebSink, path: str) -> None:
    with ask(sink, path) as answer:
        assert answer.status in {200, 503}


@pytest.mark.parametrize("path", PROTECTED)
def test_bearer_and_cookie_open_everything(sink: WebSink, token: str, path: str) -> None:
    sink.publish(reading(1))
    for headers in (bearer(token), {"Cookie": f"a=b; {cookie_for(sink, token)}"}):
        with publishing(sink), ask(sink, path, headers=headers) as answer:
            assert answer.status == 200


def test_the_live_channel_asks_too(sink: WebSink, token: str) -> None:
    with pytest.raises(InvalidStatus) as refusal, connect(live_url(sink), proxy=None):
        pass
    assert refusal.value.response.status_code == 401
    headers = {"Cookie": cookie_for(sink, token)}
    with connect(live_url(sink), proxy=None, additional_headers=headers) as viewer:
        assert next_text(viewer)["type"] == "hello"


def test_what_changes_something_by_cookie_must_come_from_our_own_page(sink: WebSink, token: str) -> None:
    cookie = cookie_for(sink, token)
    own = sink.url.rstrip("/")
    put = ("/api/v1/privacy", "PUT", {"on": False})
    assert ask_json(sink, *put, Cookie=cookie)[0] == 403
    assert ask_json(sink, *put, Cookie=cookie, Origin="http://evil.example")[0] == 403
    assert ask_json(sink, *put, Cookie=cookie, Origin=own, Sec_Fetch_Site="cross-site")[0] == 403
    assert ask_json(sink, *put, Cookie=cookie, Origin=own)[0] == 200
    assert ask_json(sink, *put, **bearer(token))[0] == 200


def test_openapi_says_that_a_token_is_needed(sink: WebSink, token: str) -> None:
    _, document = ask_json(sink, "/api/v1/openapi.json", **bearer(token))
    assert set(document["components"]["securitySchemes"]) == {"token", "session"}
    assert document["paths"]["/api/v1/state"]["get"]["security"] == [{"token": []}, {"session": []}]
    assert document["paths"][SESSION]["post"]["security"] == [{}]


# ---- how often


def test_guessing_is_slowed_down_to_a_stop_and_the_right_token_waits_along(sink: WebSink, token: str) -> None:
    found = [ask_json(sink, "/api/v1/state", **bearer(f"guess {number}"))[0] for number in range(FAILURES + 5)]
    assert found == [401] * FAILURES + [429] * 5
    assert ask_json(sink, SESSION, "POST", {"token": token})[0] == 429
    assert ask_json(sink, "/api/v1/state", **bearer(token))[0] == 429


def test_an_address_that_asks_without_pause_is_told_to_wait(file: Path, token: str) -> None:
    access = Access(Keeper(file))
    access.requests = Rate(REQUESTS, 1, lambda: 100.0)
    scope = {"path": "/healthz", "client": ("10.0.0.1", 5)}
    for _ in range(REQUESTS):
        access.check(scope, {})
    with pytest.raises(Refusal) as refusal:
        access.check(scope, {})
    assert refusal.value.status == 429
    access.check(scope | {"client": ("10.0.0.2", 5)}, {})


def test_a_rate_refills_and_forgets_whom_it_has_not_seen_for_long() -> None:
    now = [0.0]
    rate = Rate(2, 0.5, lambda: now[0])
    assert [rate.take("a") for _ in range(3)] == [True, True, False]
    assert not rate.has_left("a")
    now[0] = 2.0
    assert [rate.take("a") for _ in range(2)] == [True, False]
    for number in range(ADDRESSES_MAX):
        rate.take(str(number))
    assert len(rate._left) == ADDRESSES_MAX
    assert rate.has_left("a")


# ---- names


def test_on_the_lan_addresses_and_this_machines_names_are_known() -> None:
    name = socket.gethostname().lower()
    names = ("Emotions.example.org",)
    for host in ("localhost", "192.168.1.5:8321", "[fe80::1]", f"{name}:80", f"{name.split('.')[0]}.local",
                 f"{name.split('.')[0].upper()}.LOCAL.", "emotions.example.org"):  # fmt: skip
        assert is_named(host, names), host
    for host in ("evil.example", f"{name}.evil.example", "other.local", "example.org", "192.168.1.5.evil.example",
                 "", "localhost.evil.example"):  # fmt: skip
        assert not is_named(host, names), host


def test_a_machine_that_is_renamed_is_known_under_its_new_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "Hall-Pi.lan")
    assert own_names() == {"hall-pi.lan", "hall-pi.local"}
    assert is_named("hall-pi.local:8321", ())


def test_a_rebound_name_is_refused_on_the_lan_too(sink: WebSink, token: str) -> None:
    for path in [*PROTECTED, *OPEN]:
        with ask(sink, path, headers=bearer(token) | {"Host": "evil.example:8321"}) as answer:
            assert answer.status == 421


def test_the_log_says_that_plain_http_is_plain(
    file: Path, token: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge.sinks import web

    # The socket stays on loopback; only the setting says otherwise.
    listen_on = web.listen_on
    monkeypatch.setattr(web, "listen_on", lambda _host, port: listen_on("127.0.0.1", port))
    with contextlib.closing(
        WebSink(settings(bind="0.0.0.0", announce=False, token_file=str(file)), fresh_core())
    ) as sink:
        assert sink.url.startswith(f"http://{socket.gethostname().partition('.')[0]}.local:")
    assert "plain HTTP" in caplog.text
    assert token not in caplog.text
