"""Examines a device: each finding is ok, a warning or a failure, with the cure beside it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from edge import __version__, board
from edge.detect import load_detector
from edge.errors import MienError
from edge.model.interpreter import RUNTIMES, find_runtime
from edge.model.package import model_path, open_model
from edge.sources import AUTO_ORDER, backend, choose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.config import Config

Level = Literal["ok", "warn", "fail"]

FREE_DISK_WARN_BYTES = 200_000_000


class Finding(Struct, frozen=True):
    """part: what was looked at. found: what is there. cure: what to do, where something is."""

    level: Level
    part: str
    found: str
    cure: str = ""


def examine(config: Config) -> list[Finding]:
    """Everything that `mien run` with these settings needs; nothing is changed and no camera is opened."""
    return [
        *_software(),
        *_model(config),
        _detector(config),
        *_cameras(config),
        *_outputs(config),
        *_board(),
    ]


def _software() -> Iterator[Finding]:
    yield Finding("ok", "mien", f"{__version__} on Python {platform.python_version()}, {platform.machine()}")
    try:
        name, version, _ = find_runtime()
    except MienError as error:
        yield Finding("fail", "runtime", str(error), "./setup.sh run makes the environment")
        return
    if name == RUNTIMES[0][0]:
        yield Finding("ok", "runtime", f"{name} {version}")
    else:
        yield Finding("warn", "runtime", f"{name} {version}, several times slower", "install ai-edge-litert")
    packages = ", ".join(
        f"{package} {importlib.metadata.version(package)}" for package in ("numpy", "opencv-python-headless")
    )
    yield Finding("ok", "packages", packages)


def _model(config: Config) -> Iterator[Finding]:
    try:
        path = model_path(config.classify.model)
        model = open_model(path, threads=config.classify.threads)
    except MienError as error:
        yield Finding("fail", "model", str(error), "choose another in classify.model (mien models lists them)")
        return
    yield Finding("ok", "model", f"{model.manifest.name} {model.manifest.version}: hash and golden case hold")
    if model.interpreter.accelerated:
        extra = _processor_extras()
        yield Finding("ok", "int8 kernels", f"accelerated{f' ({extra})' if extra else ''}")
    else:
        yield Finding(
            "warn", "int8 kernels", "the slow reference ones", "install ai-edge-litert, which has XNNPACK"
        )


def _processor_extras() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""
    flags = {word for line in text.splitlines() if line.startswith(("Features", "flags")) for word in line.split()}
    named = {"asimddp": "Arm dot product", "avx512_vnni": "AVX-512 VNNI", "avx_vnni": "AVX VNNI"}
    return ", ".join(name for flag, name in named.items() if flag in flags)


def _detector(config: Config) -> Finding:
    try:
        load_detector(config.detect)
    except MienError as error:
        return Finding("fail", "detector", str(error), "see detect.backend and detect.model")
    return Finding("ok", "detector", config.detect.backend)


def _cameras(config: Config) -> Iterator[Finding]:
    kinds: tuple[str, ...] = AUTO_ORDER
    found = {kind: backend(kind).find(config.source) for kind in kinds if kind != "demo"}
    for kind, name in found.items():
        if name is not None:
            yield Finding("ok", f"camera ({kind})", name)
    chosen = choose(config.source)
    if config.source.kind == "auto" and chosen == "demo":
        yield Finding("warn", "camera", "none found: the demo would run", "plug one in; see also the next lines")
        yield from _video_devices()
    elif chosen in found and found[chosen] is None:
        yield Finding("fail", f"camera ({chosen})", "not found", "check its cable and source.path")
        yield from _video_devices()
    else:
        yield Finding("ok", "source", chosen)
    yield from _luma_range(chosen, found.get(chosen))


def _luma_range(kind: str, device: str | None) -> Iterator[Finding]:
    """Whether black is 0 or 16 in what the camera sends, and what is done about it."""
    if kind == "picamera" and device is not None:
        yield Finding("ok", "luma range", "0-255, asked of the camera (sYCC)")
    if kind != "v4l2" or device is None:
        return
    from edge.sources.devices import pixel_formats
    from edge.sources.luma import LIMITED, SUPPORTED

    formats = pixel_formats(Path(device))
    told = [
        f"{name} {'16-235, widened to 0-255' if name in LIMITED else '0-255'}"
        for name in formats
        if name in SUPPORTED
    ]
    if told:
        yield Finding("ok", "luma range", ", ".join(told))
    elif formats:
        yield Finding(
            "fail",
            "pixel format",
            f"{', '.join(formats)}: none of {', '.join(sorted(SUPPORTED))}",
            "use another camera",
        )


def _video_devices() -> Iterator[Finding]:
    devices = sorted(Path("/dev").glob("video[0-9]*"))
    closed = [str(device) for device in devices if not os.access(device, os.R_OK | os.W_OK)]
    if closed:
        cure = "sudo usermod -aG video $USER, then log in again"
        yield Finding("fail", "permissions", f"no access to {', '.join(closed)}", cure)


def _outputs(config: Config) -> Iterator[Finding]:
    if config.web.enabled:
        yield _port(config.web.bind, config.web.port)
    if config.jsonl.file:
        folder = Path(config.jsonl.file).resolve().parent
        if not os.access(folder, os.W_OK):
            yield Finding("fail", "event file", f"{folder} cannot be written", "choose another jsonl.file")
        else:
            free = shutil.disk_usage(folder).free
            level: Level = "ok" if free > FREE_DISK_WARN_BYTES else "warn"
            yield Finding(level, "event file", f"{free / 1e9:.1f} GB free in {folder}")


def _port(host: str, port: int) -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            cure = "another Mien may be running; or choose another web.port"
            return Finding("warn", "web page", f"port {port} is not free: {error.strerror}", cure)
    return Finding("ok", "web page", f"port {port} is free")


def _board() -> Iterator[Finding]:
    yield Finding("ok", "board", board.model() or f"no Raspberry Pi ({sys.platform} {platform.machine()})")
    celsius = board.temperature_celsius()
    if celsius is not None:
        hot = celsius >= board.HOT_CELSIUS
        cure = "give it air or a heat sink: the processor slows down" if hot else ""
        yield Finding("warn" if hot else "ok", "temperature", f"{celsius:.0f} degrees Celsius", cure)
    if shutil.which("vcgencmd") is None:
        return
    try:
        throttling = board.throttling()
    except OSError as error:
        yield Finding("warn", "throttling", str(error), "add the user to the group video")
        return
    if throttling.now:
        cure = "use the board's own power supply and give it air"
        yield Finding("warn", "throttling", ", ".join(throttling.now), cure)
    elif throttling.since_boot:
        yield Finding(
            "warn", "throttling", f"not now, but: {', '.join(throttling.since_boot)}", "watch it under load"
        )
    else:
        yield Finding("ok", "throttling", "never since boot")
