"""What Avahi tells of Mien's page, and then of its end: python avahi_heard.py FOLDER, where Avahi runs."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from edge.config import Config, SourceConfig, WebConfig
from edge.core import Core
from edge.privacy import Privacy
from edge.sinks.web import WebSink
from edge.sinks.web.token import new_token

PATIENCE_S = 60


def heard(port: int) -> str:
    """The service at this port, as a browser of services finds it; "" if there is none."""
    found = subprocess.run(["avahi-browse", "-artpk"], capture_output=True, text=True, check=True)
    for line in found.stdout.splitlines():
        fields = line.split(";")
        if fields[0] == "=" and fields[8] == str(port):
            name = fields[3].replace("\\032", " ")
            return " ".join([name, fields[4], fields[6], fields[7], fields[9].strip('"')])
    return ""


def wait_until(port: int, *, there: bool) -> str:
    end_s = time.monotonic() + PATIENCE_S
    while bool(found := heard(port)) != there and time.monotonic() < end_s:
        time.sleep(0.2)
    return found


def main() -> None:
    folder = Path(sys.argv[1])
    new_token(folder / "token")
    web = WebConfig(port=0, bind="0.0.0.0", token_file=str(folder / "token"))
    sink = WebSink(Config(web=web, source=SourceConfig(camera="hall")), Core(Privacy(folder / "privacy.json")))
    sys.stdout.write(f"{wait_until(sink.port, there=True)}\n")
    sink.close()
    sys.stdout.write(f"{wait_until(sink.port, there=False) or 'nothing'}\n")


if __name__ == "__main__":
    main()
