"""What is released: built twice it is the same, and it holds what it should."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from edge import __version__
from edge.model.package import bundled_models

ROOT = Path(__file__).resolve().parent.parent
EPOCH = 1_763_683_200
NAME = f"mien-{__version__}"


def build_command() -> list[str]:
    """As `./setup.sh release` builds, in this environment."""
    (words,) = re.findall(r"-m hatchling build .*(?= -d )", (ROOT / "setup.sh").read_text())
    return [sys.executable, *shlex.split(words)]


def sources() -> list[Path]:
    """What is under version control, without git (an unpacked archive) everything."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode == 0:
        found = [ROOT / name for name in listing.stdout.split("\0") if name]
    else:
        found = [path for path in ROOT.rglob("*") if "__pycache__" not in path.parts]
    return [path for path in found if path.is_file()]


def build(tree: Path, out: Path) -> dict[str, bytes]:
    """File name -> bytes of what is built there."""
    surroundings = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)}
    done = subprocess.run(
        [*build_command(), "-d", str(out)],
        cwd=tree, env=surroundings, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in out.iterdir()}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("first") / "mien"
    for path in sources():
        to = copy / path.relative_to(ROOT)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, to)
    return copy


@pytest.fixture(scope="module")
def built(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    assert set(build(tree, out)) == {f"{NAME}-py3-none-any.whl", f"{NAME}.tar.gz"}
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> set[str]:
    with zipfile.ZipFile(built / f"{NAME}-py3-none-any.whl") as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def archive(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, unpacked."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(built / f"{NAME}.tar.gz") as packed:
        # Debian 12's Python has no filters yet; the archive is our own.
        packed.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    return folder / NAME


def test_elsewhere_at_another_time_with_other_modes_the_same_bytes_are_built(
    tree: Path, built: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(tree, tmp_path / "elsewhere" / "a tree")
    for path in other.rglob("*"):
        if path.is_file():
            path.chmod(path.stat().st_mode & 0o711)
            os.utime(path, (EPOCH / 2, EPOCH / 2))
    again = build(other, tmp_path / "dist")
    assert {name for name, content in again.items() if content != (built / name).read_bytes()} == set()


def test_the_archive_alone_builds_the_same_wheel(built: Path, archive: Path, tmp_path: Path) -> None:
    name = f"{NAME}-py3-none-any.whl"
    assert build(archive, tmp_path)[name] == (built / name).read_bytes()


def test_the_wheel_holds_what_runs(wheel: set[str]) -> None:
    assert bundled_models()
    assert {f"edge/assets/{name}.tflite" for name in bundled_models()} <= wheel
    page = {str(path.relative_to(ROOT)) for path in (ROOT / "edge/sinks/web/page").iterdir()}
    assert page <= wheel
    assert {f"training/recipes/{path.name}" for path in (ROOT / "training/recipes").iterdir()} <= wheel
    assert f"{NAME}.dist-info/licenses/LICENSE" in wheel


def test_the_wheel_holds_nothing_else(wheel: set[str]) -> None:
    parts = {name.split("/")[0] for name in wheel}
    assert parts == {"edge", "training", "converters", f"{NAME}.dist-info"}
    strangers = ("training/parents/", "converters/bundle")
    assert [name for name in wheel if name.startswith(strangers)] == []
    kinds = {PurePosixPath(name).suffix for name in wheel if not name.startswith(f"{NAME}.dist-info")}
    page = {".css", ".html", ".js", ".svg"}
    assert kinds == {".py", ".tflite", ".jpg", ".md", ".toml", ".txt", ".ipynb"} | page, "a kind that is new here"


def test_the_archive_holds_what_is_under_version_control_but_for_gits_own(tree: Path, archive: Path) -> None:
    tracked = {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}
    packed = {str(path.relative_to(archive)) for path in archive.rglob("*") if path.is_file()}
    assert tracked - packed == set()
    assert packed - tracked <= {"PKG-INFO"}


def test_the_change_log_begins_with_this_version(tree: Path) -> None:
    sections = re.findall(
        r"^## \[([^\]]+)\](?: - (\d{4}-\d\d-\d\d))?$", (tree / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    released = [(name, day) for name, day in sections if name != "Unreleased"]
    assert released[0][0] == __version__
    assert all(day for _, day in released)


def test_the_version_stands_in_one_place(tree: Path) -> None:
    naming = [
        str(path.relative_to(tree))
        for path in tree.rglob("*.py")
        if re.search(rf"['\"]{re.escape(__version__)}['\"]", path.read_text())
    ]
    assert [name for name in naming if not name.startswith("tests/")] == ["edge/__init__.py"]
    assert not re.search(r"^version", (tree / "pyproject.toml").read_text(), re.MULTILINE)


def test_what_is_not_committed_is_not_released(tmp_path: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    (tmp_path / "mien").mkdir()
    shutil.copy2(ROOT / "setup.sh", tmp_path / "mien")
    subprocess.run(["git", "init", "--quiet", tmp_path / "mien"], check=True)
    done = subprocess.run([tmp_path / "mien/setup.sh", "release"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "setup.sh: commit first: a release is what its commit says\n")
