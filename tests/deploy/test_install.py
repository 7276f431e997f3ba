"""Installing, as far as it goes without root: what would be done, and the files that are written."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from deploy import release, settings
from deploy.install import FILES, SOURCE, Wishes, files
from deploy.machine import Machine, Refusal
from deploy.release import name_of, shipped

ROOT = Path(__file__).resolve().parents[2]


def test_only_the_standard_library_is_imported() -> None:
    for path in sorted((ROOT / "deploy").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert str(name).split(".")[0] in {"deploy", *sys.stdlib_module_names}, path


def test_every_file_that_is_installed_stands_in_the_tree() -> None:
    held = {str(path.relative_to(ROOT)) for path in shipped(ROOT)}
    assert set(FILES) <= held
    assert {"systemd/mien.service", "edge/assets/emotion.tflite", "requirements/pip.lock", "setup.sh"} <= held
    assert not any(name.startswith(("training/", "converters/", "tests/")) for name in held)


def test_a_release_is_named_by_all_that_it_is_made_from(tmp_path: Path) -> None:
    release.copy(ROOT, tmp_path)
    first = name_of(tmp_path, {"python": "3.11"})
    assert first == name_of(ROOT, {"python": "3.11"})
    assert first != name_of(tmp_path, {"python": "3.13"})
    (tmp_path / "edge/__pycache__").mkdir(exist_ok=True)
    (tmp_path / "edge/__pycache__/x.pyc").write_text("")
    assert first == name_of(tmp_path, {"python": "3.11"})
    (tmp_path / "edge/track.py").write_text("")
    assert first != name_of(tmp_path, {"python": "3.11"})


def test_a_dry_run_writes_nothing_and_says_what_it_would(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files(Machine(tmp_path, dry=True), SOURCE, "purpose = home\n")
    assert list(tmp_path.iterdir()) == []
    said = capsys.readouterr().err
    for name in (*FILES.values(), "/etc/mien/purpose", "/opt/mien/trial"):
        assert f"would write {name}\n" in said


def test_files_are_written_once_and_whole(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    files(machine, SOURCE, "purpose = home\n")
    assert (tmp_path / "etc/mien/purpose").read_text() == "purpose = home\n"
    assert os.access(tmp_path / "opt/mien/trial", os.X_OK)
    assert not list(tmp_path.rglob("*.new"))
    before = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}
    files(machine, SOURCE, "purpose = home\n")
    assert {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_the_first_settings_hold_what_was_asked_for() -> None:
    wishes = Wishes(changes=("mqtt.host=broker.lan", "mqtt.enabled=true", "source.fps=10", 'source.camera="door"'))
    text = settings.compose(wishes, "v4l2")
    assert tomllib.loads(text) == {
        "source": {"kind": "v4l2", "fps": 10, "camera": "door"},
        "classify": {"model": settings.ACTIVE_MODEL},
        "jsonl": {"stdout": False},
        "mqtt": {"host": "broker.lan", "enabled": True},
    }


@pytest.mark.parametrize("change", ["", "fps", "source.fps", "source=1", ".fps=1", "source.=1", "a.b\n[c]=1"])
def test_a_word_that_sets_nothing_is_refused(change: str) -> None:
    with pytest.raises(Refusal, match=r"must be SECTION\.KEY=VALUE"):
        settings.check_changes([change])


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("install", "--purpose", "home", "--offline", "/nonexistent"),
            ("--offline /nonexistent: no such folder", "needs root"),
        ),
        (("update",), ("nothing is installed here: sudo ./setup.sh install", "needs root")),
        (("repair",), ("nothing is installed here: sudo ./setup.sh install", "needs root")),
    ],
)
@pytest.mark.skipif(Path("/opt/mien").exists(), reason="Mien is installed on this machine")
def test_setup_refuses_in_one_line(words: tuple[str, ...], line: tuple[str, ...]) -> None:
    environment = os.environ | {"MIEN_PYTHON": getattr(sys, "_base_executable", sys.executable)}
    done = subprocess.run(
        [ROOT / "setup.sh", *words, "--dry-run"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    # On another system than Debian, or with another Python than its own, that is what it says.
    assert any(words in done.stderr for words in (*line, "needs Raspberry Pi OS", "the system's own Python"))
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is kept out")
def test_two_installations_at_once_keep_out_of_each_others_way(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    first, second = Machine(tmp_path), Machine(tmp_path)
    with first.alone(), pytest.raises(Refusal, match=r"another setup\.sh is at work"), second.alone():
        pytest.fail("both at once")
    with second.alone():
        pass
