"""A real RTSP server (GStreamer's) in a process of its own: /usr/bin/python3 rtsp_server.py

Prints its port and shows an even grey at rtsp://127.0.0.1:PORT/camera. Debian: gir1.2-gst-rtsp-server-1.0,
gstreamer1.0-plugins-good, python3-gi. A port as an argument is taken instead of a free one.
"""

from __future__ import annotations

import sys

import gi

gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402  (the version comes first)

GREY = 0x90
SIZE = (160, 120)
CAMERA = (
    f"( videotestsrc is-live=true pattern=solid-color foreground-color=0xff{GREY:02x}{GREY:02x}{GREY:02x}"
    f" ! video/x-raw,format=I420,width={SIZE[0]},height={SIZE[1]},framerate=15/1 ! jpegenc ! rtpjpegpay name=pay0 )"
)


def main() -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1] if len(sys.argv) > 1 else "0")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(CAMERA)
    server.get_mount_points().add_factory("/camera", factory)
    server.attach(None)
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
