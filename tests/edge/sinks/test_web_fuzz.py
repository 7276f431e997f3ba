"""The API fuzzed by schemathesis against its own description: no request makes it stumble or answer otherwise.

schemathesis is no dependency of ours: it is used where it is installed (pipx install schemathesis).
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cores import fresh_core
from history_days import FakeClock
from msgspec.structs import replace
from web_client import publishing, serving, settings

from edge.config import Config, FeedbackConfig, HistoryConfig
from edge.sinks.history import HistorySink
from edge.sinks.web.token import new_token

pytestmark = pytest.mark.soak

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
ENDLESS = ("/stream.mjpg", "/api/v1/events")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Everything on, and a history that is there."""
    made = replace(
        settings(),
        history=HistoryConfig(enabled=True, file=str(tmp_path / "history.db")),
        feedback=FeedbackConfig(enabled=True, folder=str(tmp_path / "kept")),
    )
    HistorySink(made, FakeClock()).close()
    return made


def fuzz(url: str, *options: str) -> None:
    program = shutil.which("schemathesis") or pytest.skip("schemathesis is not installed")
    command = [program, "run", f"{url}api/v1/openapi.json", "--checks", CHECKS, "--no-color"]
    command += ["--max-examples", "40", "--seed", "1", "--generation-database", "none", *options]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/tmp")
    assert result.returncode == 0, result.stdout + result.stderr


def test_nothing_that_fits_or_breaks_the_description_makes_it_stumble(
    config: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(fresh_core(tmp_path), config) as sink, publishing(sink):
        # The switch has its own turn: while it is on, the state is rightly a 503.
        left_out = [word for path in (*ENDLESS, "/api/v1/privacy") for word in ("--exclude-path", path)]
        fuzz(sink.url, *left_out)
        fuzz(sink.url, "--include-path", "/api/v1/privacy")
    assert "could not be answered" not in caplog.text


def test_with_a_token_it_does_not_stumble_either(
    config: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token = new_token(tmp_path / "token")
    web = replace(config.web, require_token=True, token_file=str(tmp_path / "token"))
    with serving(fresh_core(tmp_path), replace(config, web=web)) as sink, publishing(sink):
        left_out = [word for path in (*ENDLESS, "/api/v1/privacy") for word in ("--exclude-path", path)]
        fuzz(sink.url, "--header", f"Authorization: Bearer {token}", *left_out)
    assert "could not be answered" not in caplog.text
