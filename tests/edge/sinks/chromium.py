"""A real headless Chromium, driven through chromedriver's W3C protocol with the standard library alone."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FLAGS = [
    "--headless=new",
    "--no-sandbox",  # root in a container has none
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


class Browser:
    """One window. Scripts are function bodies; whatever they return comes back as JSON values."""

    def __init__(self, port: int, profile: Path) -> None:
        self._port = port
        options = {"args": [*FLAGS, f"--user-data-dir={profile}"], "binary": shutil.which("chromium")}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{answer['sessionId']}"
        self.call("timeouts", {"script": 20_000, "pageLoad": 20_000})

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None)
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value:
            raise RuntimeError(f"{path}: {value['message']}")
        return value

    def call(self, command: str, body: dict[str, Any] | None = None) -> Any:
        return self._call("POST", f"{self._session}/{command}", body or {})

    def open(self, url: str) -> None:
        self.call("url", {"url": url})

    def run(self, script: str) -> Any:
        return self.call("execute/sync", {"script": script, "args": []})

    def until(self, condition: str, timeout_s: float = 15) -> Any:
        """The first truthy value of an expression; looked at every 50 ms by the page itself."""
        script = """
            const [condition, timeoutMs, done] = arguments;
            const value = new Function(`return (${condition})`);
            const until = performance.now() + timeoutMs;
            const look = () => {
                const found = value();
                if (found || performance.now() > until) done(found ?? null); else setTimeout(look, 50);
            };
            look();
        """
        found = self.call("execute/async", {"script": script, "args": [condition, 1000 * timeout_s]})
        assert found, f"never true in {timeout_s} s: {condition}"
        return found

    def devtools(self, command: str, **params: Any) -> Any:
        return self.call("goog/cdp/execute", {"cmd": command, "params": params})

    def look(self, width: int, height: int, *, dark: bool = False, scale: float = 1) -> None:
        """The size of the page in CSS pixels, and the colour scheme that the user asks for."""
        phone = width < 500
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=scale, mobile=phone,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", features=[scheme])

    def press(self, key: str, code: int) -> None:
        """A key as a user presses it; code: its number in the DOM's old counting."""
        text = {"text": key} if len(key) == 1 else {}
        self.devtools("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
        self.devtools("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def choose(self, field: str, file: Path) -> None:
        """A file for an input, by its id, as from the dialogue."""
        (found,) = self.call("element", {"using": "css selector", "value": f"#{field}"}).values()
        self.call(f"element/{found}/value", {"text": str(file)})

    def screenshot(self) -> bytes:
        """The window as a PNG file."""
        return base64.b64decode(self._call("GET", f"{self._session}/screenshot"))

    def console(self) -> list[str]:
        """Errors, failed loads and breaches of the content security policy since the last call."""
        entries = self.call("se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def quit(self) -> None:
        with contextlib.suppress(OSError, RuntimeError):
            self._call("DELETE", self._session)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with a new profile, gone afterwards; skips the test where Debian's packages are missing."""
    for program in ("chromium", "chromedriver"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as driver,
    ):
        try:
            assert driver.stdout
            port = next(
                int(line.rsplit(" ", 1)[1].rstrip(".\n"))
                for line in driver.stdout
                if "successfully on port" in line
            )
            browser = Browser(port, Path(folder))
            try:
                yield browser
            finally:
                browser.quit()
        finally:
            driver.terminate()
