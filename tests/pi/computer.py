"""An emulated computer with Mien installed, and a camera in it that films a face which comes and goes."""

from __future__ import annotations

import time

import cv2
import numpy as np
from count import ASSETS
from emulated import HERE
from machine import Machine
from root import Root

BATCH_S = 5.0
CAMERA = "/dev/v4l/by-path/platform-vivid.0-video-index0"
"""Named, because a Pi's own devices that are no cameras sit on its platform bus as well."""
SETTINGS = (
    f"source.path={CAMERA}",
    "source.width=640", "source.height=480", "source.fps=2", "detect.width_px=160", "web.enabled=false",
    "mqtt.enabled=true", "history.enabled=true", f"history.batch_s={BATCH_S}",
)  # fmt: skip
VIVID = "options vivid n_devs=1 node_types=0x101 num_inputs=1 input_types=0x3 num_outputs=1 output_types=0x1\n"
"""One camera with an HDMI input, one HDMI output that can be looped into it."""
SCREEN = """[Unit]
After=systemd-modules-load.service
Before=mien.service
[Service]
ExecStartPre=/usr/bin/python3 /srv/screen.py prepare
ExecStart=/usr/bin/python3 /srv/screen.py show /srv/face /srv/empty
[Install]
WantedBy=multi-user.target
"""
FIRST = """[Unit]
After=mosquitto.service
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/sh -c "mosquitto_sub -t 'mien/+/+/event/#' -C 1 >/root/first && cp /proc/uptime /root/first-uptime"
Restart=on-failure
[Install]
WantedBy=multi-user.target
"""


def frame(*, face: bool) -> bytes:
    """What the camera is to film: YUYV, 640x480, in the narrow range of video."""
    luma = np.full((480, 640), 128, np.uint8)
    if face:
        portrait = cv2.imread(str(ASSETS / "portrait.jpg"), cv2.IMREAD_GRAYSCALE)
        luma[40:440, 120:520] = cv2.resize(portrait, (400, 400), interpolation=cv2.INTER_AREA)
    narrow = np.round(16 + luma * (219 / 255)).astype(np.uint8)
    return bytes(np.stack([narrow, np.full_like(narrow, 128)], axis=-1))


class Computer:
    """A disk with Mien on it, and the machine that it is in at the moment."""

    def __init__(self, root: Root) -> None:
        self.suite = root.suite
        began_s = time.monotonic()
        self.installed = root.run(
            "/srv/mien/setup.sh", "install", "--offline", "/srv/wheels", "--purpose", "home", "--source", "v4l2",
            *(word for change in SETTINGS for word in ("--set", change)),
        )  # fmt: skip
        self.install_s = time.monotonic() - began_s
        root.write("/etc/modules-load.d/vivid.conf", "vivid\n")
        root.write("/etc/modprobe.d/vivid.conf", VIVID)
        root.write("/srv/screen.py", (HERE / "camera/screen.py").read_text())
        for name in ("face", "empty"):
            (root.path / "srv" / name).write_bytes(frame(face=name == "face"))
        for name, unit in (("screen", SCREEN), ("first", FIRST)):
            root.write(f"/etc/systemd/system/{name}.service", unit)
            root.link(f"/etc/systemd/system/multi-user.target.wants/{name}.service", f"../{name}.service")
        root.write("/etc/cloud/cloud-init.disabled", "")
        self.disk = root.disk()
        self.machine: Machine | None = None

    def boot(self, words: str = "") -> Machine:
        """Pull the plug if it is on, and switch it on again."""
        self.off()
        self.machine = Machine(self.suite, self.disk, words=words)
        self.boot_s = self.machine.wait_for_shell()
        return self.machine

    def off(self) -> None:
        if self.machine is not None:
            self.machine.__exit__()
            self.machine = None
