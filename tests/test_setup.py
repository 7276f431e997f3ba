"""setup.sh, started for real in a small house: which Python it takes, what it makes once, what it says."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
LOCK_NAME = f"py{VERSION.replace('.', '')}.txt"
# The Python underneath the environment these tests run in.
PYTHON = getattr(sys, "_base_executable", sys.executable)
TOOLS = [
    "bash",
    "cat",
    "cmp",
    "cut",
    "dirname",
    "du",
    "env",
    "find",
    "flock",
    "grep",
    "mkdir",
    "mv",
    "readlink",
    "rm",
    "sha256sum",
    "tail",
    "uname",
]

# A build backend of the house itself, so that `pip install -e .` needs nothing from anywhere.
BACKEND = """
import pathlib, zipfile

def build_editable(directory, config_settings=None, metadata_directory=None):
    name = "mien-0-py3-none-any.whl"
    info = "mien-0.dist-info/"
    files = {
        "mien.pth": str(pathlib.Path.cwd()),
        info + "METADATA": "Metadata-Version: 2.1\\nName: mien\\nVersion: 0\\n",
        info + "WHEEL": "Wheel-Version: 1.0\\nGenerator: house\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        info + "entry_points.txt": "[console_scripts]\\nmien = house:main\\nmien-train = house:main\\n",
    }
    files[info + "RECORD"] = "".join(f"{file},,\\n" for file in [*files, info + "RECORD"])
    with zipfile.ZipFile(pathlib.Path(directory) / name, "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)
    return name
"""
HOUSE = """
import json, sys

def main():
    import leaf
    print(json.dumps({"prefix": sys.prefix, "leaf": leaf.__file__, "arguments": sys.argv[1:]}))

if __name__ == "__main__":
    main()
"""


def write_program(path: Path, text: str) -> None:
    path.write_text(f"#!{shutil.which('bash')}\n" + textwrap.dedent(text))
    path.chmod(0o755)


class House:
    """A tree with the real setup.sh, one package to install, and a PATH that holds only what it is given."""

    def __init__(self, place: Path) -> None:
        self.root = place / "a house"
        self.bin = place / "bin"
        self.venv = self.root / ".venv"
        (self.root / "requirements").mkdir(parents=True)
        self.bin.mkdir()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool) or pytest.fail(f"{tool} is missing"))
        shutil.copy(ROOT / "setup.sh", self.root)
        (self.root / "backend.py").write_text(BACKEND)
        (self.root / "house.py").write_text(HOUSE)
        (self.root / "pytest.py").write_text(HOUSE)
        (self.root / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
            '[project]\nname = "mien"\nversion = "0"\n'
        )
        self.wheels = place / "wheels"
        self.wheels.mkdir()
        wheel = self.wheels / "leaf-1-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            info = "leaf-1.dist-info/"
            archive.writestr("leaf.py", "")
            archive.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: leaf\nVersion: 1\n")
            archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(info + "RECORD", f"leaf.py,,\n{info}METADATA,,\n{info}WHEEL,,\n{info}RECORD,,\n")
        self.lock(hashlib.sha256(wheel.read_bytes()).hexdigest())

    def lock(self, digest: str, comment: str = "") -> None:
        for target in ("edge", "train", "test"):
            path = self.root / "requirements" / f"{target}-{LOCK_NAME}"
            path.write_text(f"{comment}leaf==1 \\\n    --hash=sha256:{digest}\n")

    def python(self, name: str, answer: str, then: str = "exit 1") -> None:
        """A program of this name that answers setup.sh's question about itself; with anything else it does THEN."""
        write_program(
            self.bin / name, f'if [[ $1 == - ]]; then cat >/dev/null; echo "{answer}"; exit; fi\n{then}\n'
        )

    def environment(self) -> dict[str, str]:
        return {
            "PATH": str(self.bin),
            "HOME": str(self.root.parent),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_NO_CACHE_DIR": "1",
            "PIP_FIND_LINKS": self.wheels.as_uri(),
        }

    def setup(self, *arguments: str, cwd: Path | None = None, python: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.root / "setup.sh", *arguments],
            cwd=cwd,
            env=self.environment() | ({"MIEN_PYTHON": python} if python else {}),
            capture_output=True,
            text=True,
            check=False,
        )

    def use_real_python(self) -> None:
        write_program(self.bin / "python3", f'exec "{PYTHON}" "$@"\n')


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house in which `run` and `test` were started once; its Pythons have gone since, and its wheels."""
    house = House(tmp_path_factory.mktemp("lived_in"))
    house.use_real_python()
    for command in ("run", "test"):
        result = house.setup(command)
        assert result.returncode == 0, result.stderr
    (house.bin / "python3").unlink()
    shutil.rmtree(house.wheels)
    return house


def fine(version: str = "3.12.3", means: str = "ensurepip", name: str = "python3.12") -> str:
    return f"{version} 64 linux-x86_64 {means} /usr/bin/{name}"


@pytest.mark.parametrize("arguments", [(), ("help",), ("--help",), ("-h",)])
def test_help_says_what_there_is(house: House, arguments: tuple[str, ...]) -> None:
    result = house.setup(*arguments)
    assert result.returncode == 0
    for command in ("run", "test", "train"):
        assert f"./setup.sh {command}" in result.stdout


def test_an_unknown_command_is_one_line_and_makes_nothing(house: House) -> None:
    result = house.setup("fly")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "setup.sh: unknown command 'fly': ./setup.sh lists them all\n"
    assert not house.venv.exists()


@pytest.mark.parametrize(
    ("pythons", "line"),
    [
        ({}, "needs Python 3.11, 3.12 or 3.13 and found none: sudo apt install python3 python3-venv"),
        (
            {"python3": fine("3.10.12")},
            "needs Python 3.11, 3.12 or 3.13; python3 is 3.10.12. MIEN_PYTHON=/path/to/python chooses another.",
        ),
        (
            {"python3": fine("3.14.0")},
            "needs Python 3.11, 3.12 or 3.13; python3 is 3.14.0. MIEN_PYTHON=/path/to/python chooses another.",
        ),
        (
            {"python3": "3.11.2 32 linux-aarch64 ensurepip /usr/bin/python3.11"},
            "needs 64-bit Linux on x86_64 or aarch64; python3 is 32-bit linux-aarch64",
        ),
        (
            {"python3": "3.12.3 64 macosx-14.0-arm64 ensurepip /usr/bin/python3"},
            "needs 64-bit Linux on x86_64 or aarch64; python3 is 64-bit macosx-14.0-arm64",
        ),
        (
            {"python3": fine(means="none")},
            "/usr/bin/python3.12 (3.12.3) cannot make environments here: sudo apt install python3-venv",
        ),
    ],
    ids=["none", "3.10", "3.14", "32-bit", "macOS", "no venv"],
)
def test_an_unfit_python_is_one_line_with_the_cure(house: House, pythons: dict[str, str], line: str) -> None:
    for name, answer in pythons.items():
        house.python(name, answer)
    result = house.setup("run")
    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"setup.sh: {line}\n")
    assert not house.venv.exists()


def test_a_python_that_is_not_there_is_named(house: House) -> None:
    result = house.setup("run", python="/no/such/python")
    assert (result.returncode, result.stderr) == (1, "setup.sh: MIEN_PYTHON = /no/such/python: no such program\n")


@pytest.mark.parametrize(
    ("pythons", "asked", "taken"),
    [
        (["python3", "python3.13"], "", "python3"),
        (["python3.11", "python3.13", "python3.12"], "", "python3.13"),
        (["python3", "python3.12"], "python3.12", "python3.12"),
    ],
    ids=["the system's own first", "then the newest", "or the one asked for"],
)
def test_which_python_is_taken(house: House, pythons: list[str], asked: str, taken: str) -> None:
    for name in pythons:
        house.python(name, fine(f"{VERSION}.1"), f'echo "Error: {name} $*" >&2; exit 1')
    result = house.setup("run", python=asked)
    assert result.returncode == 1
    assert f"installing failed: Error: {taken} -m venv" in result.stderr


def test_a_python_that_does_not_fit_or_start_is_passed_over(house: House) -> None:
    house.python("python3", fine("3.10.12"))
    write_program(house.bin / "python3.13", "echo 'not found' >&2; exit 127")
    house.python("python3.12", fine(means="none"))
    house.python("python3.11", fine(f"{VERSION}.1"), 'echo "Error: python3.11" >&2; exit 1')
    assert "installing failed: Error: python3.11\n" in house.setup("run").stderr


def test_run_hands_over_its_arguments_from_wherever_it_is_called(lived_in: House, tmp_path: Path) -> None:
    result = lived_in.setup("run", "--source", "a clip.mp4", "", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {
        "prefix": str(lived_in.venv),
        "leaf": str(lived_in.venv / f"lib/python{VERSION}/site-packages/leaf.py"),
        "arguments": ["run", "--source", "a clip.mp4", ""],
    }


def test_setup_is_found_through_a_link(lived_in: House, tmp_path: Path) -> None:
    (tmp_path / "mien").symlink_to(lived_in.root / "setup.sh")
    result = subprocess.run(
        [tmp_path / "mien", "run"], env=lived_in.environment(), capture_output=True, text=True, check=False
    )
    assert json.loads(result.stdout)["prefix"] == str(lived_in.venv)


def test_pip_does_not_stay_in_the_environment(lived_in: House) -> None:
    left = {path.name for path in (lived_in.venv / f"lib/python{VERSION}/site-packages").iterdir()}
    assert left - {"__pycache__"} == {"leaf.py", "leaf-1.dist-info", "mien.pth", "mien-0.dist-info"}
    assert not (lived_in.venv / "pip").exists()


@pytest.mark.parametrize(
    ("arguments", "handed_over"),
    [
        (["fast"], ["-m", "(not (system or pi or soak))"]),
        (["fast", "-x", "tests/edge"], ["-m", "(not (system or pi or soak))", "-x", "tests/edge"]),
        (["soak"], ["-m", "(soak)"]),
        (["fast", "pi"], ["-m", "(not (system or pi or soak)) or (pi)"]),
    ],
)
def test_kinds_of_tests_become_marks(lived_in: House, arguments: list[str], handed_over: list[str]) -> None:
    result = lived_in.setup("test", *arguments)
    assert json.loads(result.stdout)["arguments"] == handed_over
    assert json.loads(result.stdout)["prefix"] == f"{lived_in.venv}-test"


@pytest.mark.parametrize(
    ("words", "built", "chosen"),
    [
        (["--tier", "3"], "--tier 3", []),
        (["--tier", "3", "bookworm", "-x"], "--tier 3 bookworm", ["-x", "-k", "bookworm"]),
        (["--tier", "2", "bookworm"], "--tier 2 bookworm", []),
    ],
)
def test_a_tier_is_built_by_root_and_run_alone(
    lived_in: House, words: list[str], built: str, chosen: list[str]
) -> None:
    folder = lived_in.root / "tests/pi"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"test_tier{words[1]}_x.py"
    file.touch()
    write_program(folder / "setup.sh", 'echo "$*" >"${0%/*}/built"')
    result = lived_in.setup("test", "pi", *words)
    assert json.loads(result.stdout)["arguments"] == ["-m", "(pi)", *chosen, str(file)]
    if os.geteuid() == 0:
        assert (folder / "built").read_text() == f"{built}\n"


@pytest.mark.parametrize("words", [["pi", "--tier", "6"], ["pi", "--tier"], ["fast", "--tier", "3"]])
def test_a_tier_that_there_is_not_is_refused(lived_in: House, words: list[str]) -> None:
    result = lived_in.setup("test", *words)
    assert (result.returncode, "./setup.sh test pi --tier 1, 2, 3, 4 or 5" in result.stderr) == (1, True)


def test_all_is_every_kind_and_the_default_is_what_runs_anywhere(lived_in: House) -> None:
    for program in ("shellcheck", "chromium", "chromedriver", "mosquitto"):
        write_program(lived_in.bin / program, "exit")
    expression = "(not (system or pi or soak)) or (system)"
    assert json.loads(lived_in.setup("test").stdout)["arguments"] == ["-m", expression]
    assert json.loads(lived_in.setup("test", "all").stdout)["arguments"] == [
        "-m",
        expression + " or (pi) or (soak)",
    ]
    for program in ("shellcheck", "chromium", "chromedriver", "mosquitto"):
        (lived_in.bin / program).unlink()


def test_only_root_installs_system_programs_and_only_missing_ones(lived_in: House) -> None:
    write_program(lived_in.bin / "apt-get", 'echo "$*" >>"$HOME/apt"')
    for program in ("chromium", "mosquitto"):
        write_program(lived_in.bin / program, "exit")
    result = lived_in.setup("test", "system")
    asked = lived_in.root.parent / "apt"
    if os.geteuid() == 0:
        assert asked.read_text().splitlines()[-1].endswith("shellcheck chromium-driver")
        asked.unlink()
    assert json.loads(result.stdout)["arguments"] == ["-m", "(system)"]
    assert lived_in.setup("test", "fast").returncode == 0
    assert not asked.exists()


def test_an_apt_that_fails_does_not_stop_the_tests(lived_in: House) -> None:
    write_program(lived_in.bin / "apt-get", "echo 'E: no network' >&2; exit 100")
    result = lived_in.setup("test", "system")
    assert result.returncode == 0
    assert ("apt-get failed: E: no network" in result.stderr) == (os.geteuid() == 0)


def test_an_interrupted_install_is_made_anew(house: House) -> None:
    house.use_real_python()
    (house.venv / "bin").mkdir(parents=True)
    (house.venv / "bin/python").symlink_to("/interrupted")
    (house.venv / "stamp").write_text("")
    result = house.setup("run")
    assert (result.returncode, result.stderr.count("making .venv")) == (0, 1)


@pytest.mark.parametrize("change", ["lock", "pyproject.toml", "place"])
def test_a_changed_house_gets_a_new_environment(lived_in: House, tmp_path: Path, change: str) -> None:
    root = tmp_path / "moved"
    shutil.copytree(lived_in.root, root, symlinks=True)
    if change != "place":
        (root / ".venv/stamp").write_text((root / ".venv/stamp").read_text().replace(str(lived_in.root), str(root)))
        assert subprocess.run([root / "setup.sh", "run"], env=lived_in.environment(), check=False).returncode == 0
        touched = root / {"lock": f"requirements/edge-{LOCK_NAME}"}.get(change, change)
        touched.write_text(touched.read_text() + "# touched\n")
    result = subprocess.run(
        [root / "setup.sh", "run"], env=lived_in.environment(), capture_output=True, text=True, check=False
    )
    # No Python is left in this house, so that making anew is as far as it gets.
    assert "found none" in result.stderr


def test_two_starts_at_once_make_it_once(house: House) -> None:
    house.use_real_python()
    starts = [
        subprocess.Popen(
            [house.root / "setup.sh", "run", str(n)],
            env=house.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(2)
    ]
    ended = [start.communicate() for start in starts]
    assert [start.returncode for start in starts] == [0, 0], ended
    assert sum("making .venv" in err for _, err in ended) == 1
    assert [json.loads(out)["arguments"] for out, _ in ended] == [["run", "0"], ["run", "1"]]


def test_a_package_with_another_hash_is_refused_in_pips_words_and_leaves_its_log_alone(house: House) -> None:
    house.use_real_python()
    house.lock("0" * 64)
    result = house.setup("run")
    assert result.returncode == 1
    assert "setup.sh: installing failed: ERROR: THESE PACKAGES DO NOT MATCH THE HASHES" in result.stderr
    assert {path.name for path in house.venv.iterdir()} == {"stamp", "setup.log"}
    assert (house.venv / "stamp").read_text() == ""


def test_an_environment_of_somebody_else_is_left_alone(house: House) -> None:
    house.use_real_python()
    house.venv.mkdir()
    (house.venv / "mine").write_text("precious")
    result = house.setup("run")
    assert (result.returncode, result.stderr) == (
        1,
        f"setup.sh: {house.venv} was not made by setup.sh: move it away\n",
    )
    assert (house.venv / "mine").read_text() == "precious"


def test_where_apt_has_picamera2_the_environment_sees_it_but_keeps_its_own(house: House, tmp_path: Path) -> None:
    prefix = tmp_path / "usr"
    (prefix / "lib/python3/dist-packages/picamera2").mkdir(parents=True)
    house.python("python3", f"{VERSION}.1 64 linux-x86_64 ensurepip {prefix}/bin/python3", f'exec "{PYTHON}" "$@"')
    user_site = house.root.parent / f".local/lib/python{VERSION}/site-packages"
    user_site.mkdir(parents=True)
    (user_site / "leaf.py").write_text("")
    result = house.setup("run")
    assert result.returncode == 0, result.stderr
    assert "include-system-site-packages = true" in (house.venv / "pyvenv.cfg").read_text()
    assert json.loads(result.stdout)["leaf"].startswith(str(house.venv))


@pytest.mark.skipif(
    subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode != 0,
    reason="the Python underneath has no pip",
)
def test_without_python3_venv_an_installed_pip_does(house: House) -> None:
    house.python("python3", f"{VERSION}.1 64 linux-x86_64 pip /usr/bin/python3", f'exec "{PYTHON}" "$@"')
    assert house.setup("run").returncode == 0
    assert json.loads(house.setup("run").stdout)["prefix"] == str(house.venv)
