"""What how-tos promise of files and names that they do not make themselves."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from shell import ROOT, lines

from edge.config import Config, MqttConfig
from edge.sinks.mqtt.discovery import describe
from edge.sinks.mqtt.topics import topics_of


def test_the_tutorials_automation_names_an_entity_that_mien_announces() -> None:
    shown = set(re.findall(r"sensor\.mien_\w+", (ROOT / "docs/tutorial.md").read_text()))
    config = Config(mqtt=MqttConfig(device="hall"))
    announced = set(
        re.findall(r"sensor\.mien_\w+", repr(describe(config, topics_of(config), model=None, thermometer=True)))
    )
    assert shown
    assert shown <= announced


def test_the_second_service_has_settings_state_and_socket_of_its_own(tmp_path: Path) -> None:
    (line,) = [one for one in lines() if one.shown.startswith("sudo sed") and "mien-right" in one.text]
    unit = tmp_path / "mien-right.service"
    unit.write_text((ROOT / "systemd/mien.service").read_text())
    command = line.shown.removeprefix("sudo ").replace("/etc/systemd/system/mien-right.service", str(unit))
    subprocess.run(["bash", "-c", command], check=True)
    changed = dict(re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE))
    assert changed["StateDirectory"] == changed["RuntimeDirectory"] == "mien-right"
    assert changed["WorkingDirectory"] == "/var/lib/mien-right"
    assert changed["ExecStart"].endswith("--config /etc/mien/right.toml")
    assert "ExecStartPre" not in changed


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md" or not page.is_file():
            continue
        seen.add(page)
        waiting += [(page.parent / link).resolve() for link in re.findall(r"\]\(([^)#:]+)", page.read_text())]
    assert sorted(set((ROOT / "docs").glob("**/*.md")) - seen - {ROOT / f"docs/{name}.md" for name in STUBS}) == []


STUBS = ("index", "changelog", "contributing", "security")
"""Pages of the site alone: its menu, and documents that stand outside docs/."""
