"""The house rules: style, types, import direction, shell scripts, locks, and what a package holds."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PYTHONS = ("3.11", "3.12", "3.13")
TARGETS = ("edge", "train", "docs", "test")
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
# In halves, so that this file does not itself name what no file may name.
REGISTRY = re.compile(
    "|".join(
        head + tail
        for head, tail in [("py", r"pi\.(org|io)"), ("python", "hosted"), ("npm", "js"), ("index", "-url")]
    )
)

# numpy 1 and numpy 2 describe their own types differently; no code satisfies mypy with both.
ONE_NUMPY = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="types are checked on Python 3.11, with numpy 1"
)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def tracked() -> list[Path]:
    """Every file under version control; without git (a source archive) every file that is not hidden."""
    listing = run("git", "ls-files", "-z")
    if listing.returncode == 0:
        return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]
    return [
        path for path in ROOT.rglob("*") if path.is_file() and not path.relative_to(ROOT).parts[0].startswith(".")
    ]


def program(name: str) -> str:
    """A program of the environment the tests run in, or of the system. Skips the test where it is neither."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is missing")
    return found


def pins(lock: Path) -> dict[str, Version]:
    found = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", lock.read_text(), re.MULTILINE)
    return {canonicalize_name(name): Version(version) for name, version in found}


def lock(target: str, python: str) -> Path:
    return ROOT / "requirements" / f"{target}-py{python.replace('.', '')}.txt"


def wanted(target: str) -> list[Requirement]:
    """What pyproject.toml asks for in an environment of this target, the extras it refers to unfolded."""
    extras = PROJECT["project"]["optional-dependencies"]
    names = {"edge": [], "train": ["train"], "docs": ["docs"], "test": ["dev"]}[target]
    requirements = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
    requirements += [Requirement(line) for line in PROJECT["build-system"]["requires"]]
    while names:
        for requirement in map(Requirement, extras[names.pop()]):
            if requirement.name == "mien":
                names.extend(requirement.extras)
            else:
                requirements.append(requirement)
    return requirements


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "--quiet", "."),
        ("ruff", "format", "--check", "--quiet", "."),
        pytest.param(("mypy",), marks=ONE_NUMPY),
        ("lint-imports",),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_the_code_is_clean(command: tuple[str, ...]) -> None:
    result = run(program(command[0]), *command[1:])
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.system
def test_the_shell_scripts_are_clean() -> None:
    scripts = [str(path) for path in tracked() if re.match(rb"#!.*\b(ba|da)?sh\b", path.read_bytes()[:40])]
    assert str(ROOT / "setup.sh") in scripts
    result = run(program("shellcheck"), *scripts)
    assert result.returncode == 0, result.stdout


def test_no_two_files_of_the_tests_share_a_name() -> None:
    """Tests and their helpers are imported by name alone: of two, one would be taken for the other."""
    names = [path.name for path in tracked() if path.suffix == ".py" and path.is_relative_to(ROOT / "tests")]
    assert {name for name in names if names.count(name) > 1} <= {"conftest.py"}


def test_no_file_names_a_package_registry() -> None:
    naming = [
        str(path.relative_to(ROOT)) for path in tracked() if REGISTRY.search(path.read_bytes().decode("latin-1"))
    ]
    assert naming == []


def test_there_is_a_lock_for_every_target_and_python_and_no_other() -> None:
    assert sorted(lock(target, python) for target in TARGETS for python in PYTHONS) == LOCKS


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_a_lock_pins_and_hashes_every_package_and_names_neither_index_nor_path(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"^-|[\s,]/|://", text, re.MULTILINE)
    for entry in re.split(r"\n(?=[^ #])", text):
        lines = [line for line in entry.splitlines() if not line.lstrip().startswith("#")]
        if lines:
            assert re.fullmatch(r"[a-zA-Z0-9._-]+==[^ ;]+ \\", lines[0])
            assert lines[1:]
            assert all(re.fullmatch(r" +--hash=sha256:[0-9a-f]{64}( \\)?", line) for line in lines[1:])


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_a_lock_holds_what_pyproject_asks_for(target: str, python: str, machine: str) -> None:
    pinned = pins(lock(target, python))
    environment = {"python_version": python, "platform_machine": machine, "sys_platform": "linux"}
    for requirement in wanted(target):
        if requirement.marker is None or requirement.marker.evaluate(environment):
            assert pinned[canonicalize_name(requirement.name)] in requirement.specifier, requirement


@pytest.mark.parametrize("python", PYTHONS)
def test_what_ships_is_what_is_trained_with_and_tested(python: str) -> None:
    edge, train, docs, test = (pins(lock(target, python)) for target in TARGETS)
    assert edge.items() <= train.items() <= test.items()
    assert edge.items() <= docs.items() <= test.items()


def test_python_3_11_keeps_the_numpy_that_debians_picamera2_was_built_against() -> None:
    pinned = pins(lock("edge", "3.11"))
    assert (pinned["numpy"].major, str(pinned["opencv-python-headless"])) == (1, "4.11.0.86")
    for python in PYTHONS[1:]:
        assert pins(lock("edge", python))["numpy"].major == 2


def test_edge_imports_without_anything_beyond_its_own_lock() -> None:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    extra = pins(lock("test", python)).keys() - pins(lock("edge", python)).keys()
    shut = sorted(
        module
        for module, owners in importlib.metadata.packages_distributions().items()
        if {canonicalize_name(owner) for owner in owners} <= extra
    )
    assert {"tensorflow", "keras", "matplotlib", "pytest"} <= set(shut)
    script = f"""
import importlib, pkgutil, sys
sys.modules.update(dict.fromkeys({shut!r}))
import edge
for module in pkgutil.walk_packages(edge.__path__, "edge."):
    importlib.import_module(module.name)
print(len(sys.modules))
"""
    result = run(sys.executable, "-c", script)
    assert result.returncode == 0, result.stderr


def test_the_commands_of_the_package_can_be_loaded() -> None:
    scripts = PROJECT["project"]["scripts"]
    assert set(scripts) == {"mien", "mien-train", "mien-convert"}
    for name, target in scripts.items():
        assert callable(importlib.metadata.EntryPoint(name, target, "console_scripts").load())


def test_a_wheel_holds_the_three_packages_with_their_assets_and_nothing_else(tmp_path: Path) -> None:
    built = run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path))
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("mien-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"edge", "training", "converters"}
    shipped = {str(path.relative_to(ROOT)) for path in tracked() if path.relative_to(ROOT).parts[0] == "edge"}
    assert shipped <= names


SKIPPING = """
import pytest

@pytest.mark.system
@pytest.mark.parametrize("size", [1, 2])
def test_needs_a_browser(size):
    pytest.skip("Chromium is missing")

def test_stands_alone():
    pass
"""


@pytest.mark.parametrize(
    ("variables", "status"), [({}, 0), ({"CI": "true"}, 1), ({"MIEN_CI": "1"}, 1)], ids=["by hand", "CI", "MIEN_CI"]
)
def test_a_skipped_kind_is_named_last_and_fails_only_in_ci(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], status: int
) -> None:
    for name in ("CI", "MIEN_CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    shutil.copy(ROOT / "tests/conftest.py", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_browser.py").write_text(SKIPPING)
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == status, json.dumps(result.stdout)
    last = result.stdout.splitlines()[-1]
    assert last == "skipped 2: 2 for: Chromium is missing (test_browser.py::test_needs_a_browser)"
