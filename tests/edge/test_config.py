"""Settings: every refusal names key, value and rule; the printed example is complete and valid."""

import tomllib
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from edge.config import Config, commented_example, load_config, parse_config
from edge.errors import ConfigError


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"source": {"fps": 0}}, "source.fps = 0: must be > 0"),
        ({"source": {"fps": "fast"}}, 'source.fps = "fast": must be float, not str'),
        ({"source": {"kind": "webcam"}}, 'source.kind = "webcam": must be one of auto, demo, images'),
        ({"source": {"camera": "Front Door"}}, 'source.camera = "Front Door": must be'),
        ({"web": {"port": 70000}}, "web.port = 70000: must be <= 65535"),
        ({"web": {"bind": "the LAN"}}, 'web.bind = "the LAN": must be str matching regex'),
        ({"detect": {"min_score": 1.5}}, "detect.min_score = 1.5: must be <= 1"),
        ({"decide": {"window": 2}}, "decide.window: no such setting"),
        ({"detector": {}}, "detector: no such setting"),
        ({"web": 8080}, "web = 8080: must be object, not int"),
        ({"jsonl": {"stdout": "yes"}}, 'jsonl.stdout = "yes": must be bool, not str'),
    ],
)
def test_a_bad_setting_is_refused_with_key_value_and_rule(table: dict, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(table)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[source\n", "no TOML"),
        (b"\xff\xfe", "no UTF-8 text"),
        (b"[source]\nfps = -1\n", "source.fps = -1"),
    ],
)
def test_a_bad_file_is_refused_by_its_name(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "mien.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(file)
    assert str(file) in str(caught.value)


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="Is a directory"):
        load_config(tmp_path)


def test_the_printed_example_sets_every_field_to_its_default() -> None:
    table = tomllib.loads(commented_example())
    assert parse_config(table) == Config()
    assert table == msgspec.json.decode(msgspec.json.encode(Config()))


def test_every_setting_says_what_it_means() -> None:
    lines = commented_example().splitlines()
    for before, line in pairwise(lines):
        if " = " in line and not line.startswith("#"):
            assert before.startswith("# "), line
            assert len(before) > 10, f"{line} is not explained"


def test_numbers_may_be_written_as_whole_ones() -> None:
    assert parse_config({"source": {"fps": 30}}).source.fps == 30.0
