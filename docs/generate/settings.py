"""Every setting: key, default, what it may be, meaning. From edge/config.py."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Meta, inspect

from docs.generate.tables import code, table
from edge.config import Config

BOUNDS = (("ge", "from"), ("gt", "above"), ("le", "to"), ("lt", "below"))
KINDS = {
    inspect.StrType: "text",
    inspect.IntType: "whole number",
    inspect.FloatType: "number",
    inspect.BoolType: "true or false",
    inspect.VarTupleType: "list",
}


def tables() -> str:
    """One section a table of the file."""
    return "\n\n".join(_section(one.name, one.default_factory()) for one in msgspec.structs.fields(Config))


def _section(name: str, defaults: Any) -> str:
    entries = msgspec.structs.fields(type(defaults))
    rows = [
        (code(f"{name}.{entry.name}"), code(msgspec.json.encode(entry.default).decode()), *_words(entry.type))
        for entry in entries
    ]
    words = " ".join(str(type(defaults).__doc__).split())
    return f"## {name}\n\n{words}\n\n" + table(("Setting", "Default", "Values", "Meaning"), rows)


def _words(annotated: Any) -> tuple[str, str]:
    """(what it may be, what it means)."""
    metas: tuple[Meta, ...] = getattr(annotated, "__metadata__", ())
    kind = inspect.type_info(annotated)
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.LiteralType):
        values = ", ".join(code(value) for value in kind.values)
    else:
        bounds = [
            f"{word} {bound:g}"
            for meta in metas
            for key, word in BOUNDS
            if (bound := getattr(meta, key)) is not None
        ]
        values = " ".join([KINDS[type(kind)], *bounds])
    return values, "; ".join(meta.description for meta in metas if meta.description)
