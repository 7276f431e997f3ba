"""Bringing a model to a device: proved before it is kept, switched by the real /opt/mien/trial."""

from __future__ import annotations

import functools
import hashlib
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge import model_store
from edge.commands.models import command
from edge.errors import ControlError, ModelError
from edge.model.package import BUNDLED
from edge.model_store import Store, fetch

ROOT = Path(__file__).resolve().parents[2]
MODEL = BUNDLED / "emotion-fer2013.tflite"
DIGEST = hashlib.sha256(MODEL.read_bytes()).hexdigest()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """/opt/mien as it is installed, with the default model in use, and the settings of that."""
    home = tmp_path / "opt"
    (home / "models").mkdir(parents=True)
    (home / "current/edge").mkdir(parents=True)
    (home / "current/edge/assets").symlink_to(BUNDLED)
    shutil.copy(ROOT / "deploy/trial.py", home / "trial")
    (home / "models/active.tflite").symlink_to(home / "current/edge/assets/emotion.tflite")
    settings = tmp_path / "mien.toml"
    settings.write_text(f'[classify]\nmodel = "{home}/models/active.tflite"\n')
    monkeypatch.setattr(model_store, "HOME", home)
    monkeypatch.setattr(Store.__init__, "__defaults__", (home, settings))
    return home


def active(home: Path) -> bytes:
    return (home / "models/active.tflite").read_bytes()


@pytest.fixture
def address() -> Iterator[str]:
    """Where the bundled models are served, on loopback."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=BUNDLED)
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_file_is_proved_kept_and_used_and_can_be_rolled_back(home: Path) -> None:
    result = CliRunner().invoke(
        command, ["install", str(MODEL), "--sha256", DIGEST.upper()], catch_exceptions=False
    )
    name = f"emotion-fer2013-{DIGEST[:8]}"
    assert result.output.splitlines()[0] == f"{name}: hash and golden case hold"
    assert active(home) == MODEL.read_bytes()
    listed = CliRunner().invoke(command, [], catch_exceptions=False).output
    assert f"* {name}: " in listed
    assert "  emotion: " in listed
    CliRunner().invoke(command, ["use", "emotion"], catch_exceptions=False)
    assert active(home) == (BUNDLED / "emotion.tflite").read_bytes()


def test_it_is_fetched_by_its_hash(home: Path, address: str) -> None:
    assert fetch(f"{address}/{MODEL.name}", DIGEST) == MODEL.read_bytes()
    with pytest.raises(ModelError, match=f"its SHA-256 is {DIGEST}, not {'0' * 64}"):
        fetch(f"{address}/{MODEL.name}", "0" * 64)
    with pytest.raises(ModelError, match="404 File not found"):
        fetch(f"{address}/none.tflite", DIGEST)


@pytest.mark.parametrize(
    ("origin", "sha256", "line"),
    [
        ("https://example.org/m.tflite", None, "needs --sha256"),
        ("ftp://example.org/m.tflite", DIGEST, "must begin with https:// or http://"),
        ("file:///etc/passwd", DIGEST, "must begin with https:// or http://"),
        (str(MODEL), "abc", "--sha256 abc: must be 64 hexadecimal digits"),
        ("/nonexistent.tflite", None, "cannot be read: No such file"),
        ("http://127.0.0.1:1/m.tflite", DIGEST, "http://127.0.0.1:1/m.tflite: "),
    ],
)
def test_what_cannot_be_fetched_is_one_line(origin: str, sha256: str | None, line: str) -> None:
    with pytest.raises(ModelError) as refused:
        fetch(origin, sha256)
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_larger_file_than_any_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_store, "MAX_BYTES", 10)
    with pytest.raises(ModelError, match="larger than"):
        fetch(str(MODEL), None)


@pytest.mark.parametrize("spoil", [lambda content: content[:-1], lambda content: b"nothing", lambda content: b""])
def test_what_does_not_prove_itself_leaves_nothing(home: Path, spoil: object) -> None:
    before = sorted((home / "models").iterdir())
    with pytest.raises(ModelError, match=r"^mine\.tflite: "):
        Store().add(spoil(MODEL.read_bytes()), "mine.tflite")  # type: ignore[operator]
    assert sorted((home / "models").iterdir()) == before
    assert active(home) == (BUNDLED / "emotion.tflite").read_bytes()


def test_a_model_that_is_not_here_is_refused_with_those_that_are(home: Path) -> None:
    with pytest.raises(ModelError, match=r"sad: no such model: .*emotion-fer2013"):
        Store().use("sad")
    with pytest.raises(ControlError, match="nothing is known of what was before"):
        Store().roll_back()


def test_settings_that_name_another_model_are_not_overruled(home: Path, tmp_path: Path) -> None:
    (tmp_path / "mien.toml").write_text('[classify]\nmodel = "emotion"\n')
    with pytest.raises(ModelError, match=r'mien\.toml: classify\.model = "emotion": set it to ".*active\.tflite"'):
        Store().use("emotion")


def test_without_a_service_there_is_nothing_to_switch(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Mien is not installed as a service"):
        Store(tmp_path).use("emotion")
