"""The command: every document that has a generated part, filled."""

from __future__ import annotations

import sys
from pathlib import Path

from docs.generate import fill

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """0; or 1 if asked to check only and a document is behind; or 2 for an argument that is not known."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: python -m docs.generate [--check]\n")
        return 2
    behind = [path for path, text in fill.filled(ROOT) if text != fill.read(path)]
    for path in behind:
        sys.stdout.write(f"{path.relative_to(ROOT)}{' is behind' if arguments else ''}\n")
    if arguments:
        return int(bool(behind))
    for path, text in fill.filled(ROOT):
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
