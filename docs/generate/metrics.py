"""Every metric, from a collection of them all."""

from __future__ import annotations

import tempfile
from pathlib import Path

from docs.generate.tables import code, table
from edge.board import CONDITIONS
from edge.config import Config
from edge.core import Core, Waiting
from edge.privacy import Privacy
from edge.sinks.web.device import Vitals
from edge.sinks.web.hub import Hub
from edge.sinks.web.metrics import Mien

SUFFIXES = {"counter": "_total", "info": "_info"}


def table_rows() -> list[tuple[str, str, str]]:
    """(name with its labels, type, what it says); on a board that tells everything, with one queue."""
    config = Config()
    with tempfile.TemporaryDirectory() as folder:
        core = Core(Privacy(Path(folder) / "privacy", default_on=False))
        core.queues["mqtt"] = lambda: Waiting(0, 1, 0)
        core.counts.sink_failures["mqtt"], core.counts.starts = 0, 1
        vitals = Vitals()
        vitals.celsius, vitals.throttled = 0.0, CONDITIONS
        found = list(Mien(core, Hub(config, core), vitals).collect())
    rows = []
    for family in found:
        labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
        name = family.name + SUFFIXES.get(family.type, "") + (f"{{{','.join(labels)}}}" if labels else "")
        rows.append((code(name), family.type, family.documentation))
    return rows


def metrics_table() -> str:
    process = (code("process_*"), "", "Memory, processor time, open files and start time of the process")
    return table(("Metric", "Type", "Says"), [*table_rows(), process])
