"""What a run ran on and with: the facts that somebody needs who wants to repeat it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import msgspec

from edge import __version__, board
from edge.bench.result import Condition, Machine, ModelFile, Result
from edge.detect.luma import FILE
from edge.errors import ModelError
from edge.model.interpreter import find_runtime
from edge.model.package import BUNDLED, model_path, open_model, read_package

if TYPE_CHECKING:
    from edge.bench.measure import Plan
    from edge.config import Config

SECTIONS = ("detect", "classify", "adapt", "track", "decide")
PACKAGES = ("numpy", "opencv-python-headless", "msgspec")
FEATURES = {
    "asimd": "NEON",
    "asimddp": "Arm dot product",
    "i8mm": "Arm int8 matrices",
    "avx2": "AVX2",
    "avx512_vnni": "AVX-512 VNNI",
    "avx_vnni": "AVX VNNI",
}


def describe_run(config: Config, plan: Plan, command: str) -> Result:
    """A result without anything measured. Raises ModelError, MissingPackageError."""
    table = {name: msgspec.to_builtins(getattr(config, name)) for name in SECTIONS}
    for section in ("detect", "classify"):
        table[section]["model"] = Path(table[section]["model"]).name  # where it lies is its owner's affair
    return Result(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        mien=__version__,
        command=command,
        complete=False,
        machine=describe_machine(),
        before=Condition(),
        after=Condition(),
        detector=config.detect.backend,
        model=describe_model(config),
        detector_model=describe_detector(config),
        threads={"classify": config.classify.threads, "opencv": cv2.getNumThreads()},
        settings=table,
        rounds=plan.rounds,
        round_s=plan.round_s,
    )


def describe_machine(root: Path = Path("/")) -> Machine:
    """This machine. Raises MissingPackageError where there is no TFLite runtime."""
    name, version, _ = find_runtime()
    cpuinfo = _text(root / "proc/cpuinfo")
    return Machine(
        board=board.model(root) or "no Raspberry Pi",
        processor=_value(cpuinfo, "model name") or _value(cpuinfo, "CPU part") or platform.machine(),
        architecture=platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        system=_value(_text(root / "etc/os-release"), "PRETTY_NAME", "=").strip('"'),
        kernel=platform.release(),
        python=platform.python_version(),
        runtime=f"{name} {version}",
        packages={package: _version(package) for package in PACKAGES},
        features=_features(cpuinfo),
    )


def describe_model(config: Config) -> ModelFile:
    """The classifier. Raises ModelError if it does not prove itself."""
    model = open_model(model_path(config.classify.model), threads=config.classify.threads)
    manifest = model.manifest
    return ModelFile(
        name=manifest.name,
        version=manifest.version,
        sha256=manifest.sha256,
        accelerated=model.interpreter.accelerated,
    )


def describe_detector(config: Config) -> ModelFile | None:
    """The detector's own file: a package's hash is of its network; None where it has none."""
    path = Path(config.detect.model) if config.detect.model else BUNDLED / FILE
    if not config.detect.model and str(config.detect.backend) != "luma":
        return None
    try:
        manifest = read_package(path).manifest
    except ModelError:
        return ModelFile(name=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    return ModelFile(name=manifest.name, version=manifest.version, sha256=manifest.sha256)


def _features(cpuinfo: str) -> tuple[str, ...]:
    words = {
        word
        for line in cpuinfo.splitlines()
        if line.startswith(("Features", "flags"))
        for word in line.partition(":")[2].split()
    }
    return tuple(name for word, name in FEATURES.items() if word in words)


def _value(text: str, key: str, separator: str = ":") -> str:
    for line in text.splitlines():
        name, found, value = line.partition(separator)
        if found and name.strip() == key:
            return value.strip()
    return ""


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"
