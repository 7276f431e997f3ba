#!/usr/bin/env python3
"""Mien beside other programs that do its job offline, on the same pictures, in turns, one thread on one core.

tests/peers/measure.py [fer]                 the benchmark's scene of one face, 640x480
tests/peers/measure.py --data fer2013.npz    FER-2013's test faces on a wall: faces found and right answers, too
tests/peers/measure.py --data fer2013.npz --scenes DIR     the same in photos without people
tests/peers/measure.py --json peers.json     for machines; docs/BENCHMARKS.md is made from it
"""

# ruff: noqa: T201  (a command prints)

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from material import Material, bundled, from_faces, judged, write
from programs import PEERS, ROOT, PeerError, Program, environment, folder_bytes, own_bytes

from edge.bench.conditions import LOOK_S, Load, complaints, look
from edge.bench.machine import describe_machine, describe_model
from edge.bench.table import grid
from edge.commands.settings import settings
from edge.errors import MienError

WARM_UP = 3
BYTES = ("rss_bytes", "installed_bytes")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mien-peers"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", nargs="*", metavar="PEER", help=f"of {', '.join(PEERS)}; all of them by default")
    parser.add_argument("--data", type=Path, help="an npz file of faces: pixels, emotion, usage, votes")
    parser.add_argument("--scenes", type=Path, help="photos without people to put them into (boxes.csv, img/)")
    parser.add_argument("--split", default="PublicTest", help="of the data (PublicTest)")
    parser.add_argument("--pictures", type=int, default=300, help="how many each program is shown (300)")
    parser.add_argument("--starts", type=int, default=3, help="starts of each program, the median counts (3)")
    parser.add_argument("--set", dest="changes", action="append", default=[], help="KEY=VALUE, of Mien's settings")
    parser.add_argument("--environments", type=Path, default=CACHE, help="where they are made, 8 GB (%(default)s)")
    parser.add_argument("--json", type=Path, help="write what was found to this file, too")
    given = parser.parse_args()
    given.peers = given.peers or list(PEERS)
    unknown = [name for name in given.peers if name not in PEERS]
    if unknown:
        parser.error(f"{unknown[0]}: must be one of {', '.join(PEERS)}")
    if given.data is not None and not given.data.is_file():
        parser.error(f"{given.data}: no such file")
    if min(given.pictures, given.starts) < 1:
        parser.error("--pictures and --starts must be at least 1")
    return given


def in_turns(programs: list[Program], material: Material, count: int) -> dict[str, list[dict[str, Any]]]:
    """The answers of each program, by its name; who is asked first changes from picture to picture."""
    answers: dict[str, list[dict[str, Any]]] = {program.name: [] for program in programs}
    total = len(material.pictures)
    for turn in range(WARM_UP + count):
        shift = turn % len(programs)
        for program in programs[shift:] + programs[:shift]:
            answer = program.ask(turn % total)
            if turn >= WARM_UP:
                answers[program.name].append({**answer, "picture": turn % total})
        if turn % 50 == 49:
            print(f"  {turn + 1 - WARM_UP} of {count} pictures", file=sys.stderr)
    return answers


def score(material: Material, answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Times, faces found, and right answers among all pictures that a rule gives a label."""
    seen = [(each["picture"], *judged(material, each["picture"], each["faces"])) for each in answers]
    right = {}
    for rule, truths in material.truths.items():
        judgeable = [(said, truths[number], found) for number, found, _, said in seen if truths[number]]
        hits = sum(said == truth for said, truth, _ in judgeable)
        of_found = sum(found for _, _, found in judgeable)
        right[rule] = {
            "n": len(judgeable),
            "share": round(hits / len(judgeable), 4),
            "share_of_found": round(hits / max(1, of_found), 4),
        }
    return {
        "ms": round(median(each["ms"] for each in answers), 4),
        "cpu_ms": round(median(each["cpu_ms"] for each in answers), 4),
        "quartiles_ms": [round(float(q), 4) for q in np.percentile([each["ms"] for each in answers], [25, 75])],
        "found": round(sum(found for _, found, _, _ in seen) / len(seen), 4),
        "false_boxes": sum(wrong for _, _, wrong, _ in seen),
        "right": right,
    }


def shown(given: argparse.Namespace) -> str:
    if not given.data:
        return "640x480-1 of mien bench"
    return f"{given.split} faces, 200 px, {'in photos' if given.scenes else 'on a wall'}, 640x480"


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Everything. Raises PeerError."""
    load = Load()
    config = settings(None, given.changes)
    pythons = {"mien": sys.executable}
    for name in given.peers:
        print(f"environment of {name}", file=sys.stderr)
        pythons[name] = str(environment(PEERS[name], given.environments))
    material = from_faces(given.data, given.split, given.pictures, given.scenes) if given.data else bundled()
    core = max(os.sched_getaffinity(0))
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        pictures = write(material, Path(folder))
        os.environ["PYTHONPATH"] = str(ROOT)
        starts: dict[str, list[float]] = {name: [] for name in pythons}
        for _ in range(given.starts - 1):
            for name, python in pythons.items():
                with Program(name, python, pictures, core, given.changes) as program:
                    starts[name].append(program.start_s)
        programs = [stack.enter_context(Program(*each, pictures, core, given.changes)) for each in pythons.items()]
        load.others_cores()
        time.sleep(LOOK_S)  # the programs that are compared now wait, too
        before = look(load)
        answers = in_turns(programs, material, given.pictures)
        for program in programs:
            found[program.name] = {
                **score(material, answers[program.name]),
                "start_s": round(median([*starts[program.name], program.start_s]), 3),
                "rss_bytes": program.peak_bytes(),
                "installed_bytes": own_bytes()
                if program.name == "mien"
                else folder_bytes(Path(pythons[program.name]).parents[1] / "lib"),
            }
    return {
        "format": "mien-peers",
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": describe_machine().processor,
        "scene": shown(given),
        "pictures": given.pictures,
        "detector": config.detect.backend,
        "model": describe_model(config).name,
        "marks": complaints(before),
        "programs": found,
    }


def right_in_words(right: dict[str, float]) -> str:
    """'61.2 % (64.0 % of found)'."""
    return f"{right['share']:.1%} ({right['share_of_found']:.1%} of found)"


def as_text(result: dict[str, Any]) -> str:
    """The table."""
    programs = result["programs"]
    rules = list(programs["mien"]["right"])
    heads = [f"{result['scene']}, N = {result['pictures']}", "median ms", "times mien", "CPU ms", "times mien"]
    rows = [[*heads, "found", "false", *(f"right, {rule}" for rule in rules), "start s", "MB", "installed MB"]]
    own = programs["mien"]
    for name, found in programs.items():
        rows.append(
            [
                name,
                *(f"{found['ms']:.2f}", f"{found['ms'] / own['ms']:.1f}"),
                *(f"{found['cpu_ms']:.2f}", f"{found['cpu_ms'] / own['cpu_ms']:.1f}"),
                *(f"{found['found']:.0%}", str(found["false_boxes"])),
                *(right_in_words(found["right"][rule]) for rule in rules),
                *(f"{found['start_s']:.2f}", *(f"{found[key] / 1e6:.0f}" for key in BYTES)),
            ]
        )
    notes = [f"Mien: detector {result['detector']}, model {result['model']}"]
    return "\n".join([*grid(rows), *notes, *(f"NOT BY THE RULES: {mark}" for mark in result["marks"])])


def main() -> int:
    given = parse()
    try:
        result = measure(given)
    except (PeerError, MienError) as error:
        print(f"measure.py: {error}", file=sys.stderr)
        return 2
    print(as_text(result))
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
