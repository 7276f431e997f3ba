"""SECURITY.md: every mitigation names a test, and every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "SECURITY.md").read_text()
PROOF = re.compile(r"`(test_\w+)::(test_\w+)`")


def test_every_test_it_names_is_there() -> None:
    files: dict[str, list[Path]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        files.setdefault(path.stem, []).append(path)
    proofs = PROOF.findall(PAGE)
    assert len(proofs) > 30
    missing = [
        f"{stem}::{name}"
        for stem, name in proofs
        if not any(f"def {name}(" in path.read_text() for path in files.get(stem, []))
    ]
    assert missing == []


def test_every_mitigation_names_one() -> None:
    in_table = False
    for line in PAGE.splitlines():
        if line == "| Threat | Mitigation | Proof |":
            in_table = True
        elif not line.startswith("|"):
            in_table = False
        elif in_table and not line.startswith("|---"):
            assert PROOF.search(line), line
