"""The options by which commands take settings: a file, then what was typed."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from edge.config import Config, SourceConfig, load_config, parse_config
from edge.errors import ConfigError, SourceError
from edge.sources import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Function = Callable[..., Any]


def config_options(function: Function) -> Function:
    """Adds --config and --set."""
    for option in (
        click.option(
            "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change one setting: --set web.port=0"
        ),
        click.option(
            "--config",
            "config_file",
            type=click.Path(path_type=Path),
            envvar="MIEN_CONFIG",
            help="A TOML file of settings (mien config --print writes one).",
        ),
    ):
        function = option(function)
    return function


def model_option(function: Function) -> Function:
    """Adds --model."""
    words = "A bundled model's name (mien models) or a packaged .tflite file."
    return click.option("--model", metavar="NAME|FILE", help=words)(function)


def settings(
    config_file: Path | None, changes: Iterable[str] = (), *, source: str | None = None, model: str | None = None
) -> Config:
    """The settings in the file, changed by KEY=VALUE words, --source and --model.

    Raises ConfigError or SourceError.
    """
    config = load_config(config_file) if config_file else Config()
    table: dict[str, Any] = msgspec.to_builtins(config)
    for change in changes:
        section, key, value = _parse_change(change)
        table.setdefault(section, {})[key] = value
    if source is not None:
        table["source"].update(_parse_source(source))
    if model is not None:
        table["classify"]["model"] = model
    return parse_config(table)


def _parse_change(change: str) -> tuple[str, str, Any]:
    path, equals, text = change.partition("=")
    section, dot, key = path.strip().partition(".")
    if not (equals and dot and section and key):
        raise ConfigError(f"--set {change}: must be SECTION.KEY=VALUE")
    try:
        return section, key, tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return section, key, text  # a bare word is a string: --set source.camera=door


def _parse_source(source: str) -> dict[str, str]:
    if source == "auto" or source in KINDS:
        return {"kind": source}
    if source.startswith("/dev/"):
        return {"kind": "v4l2", "path": source}
    if "://" in source:
        return {"kind": "stream", "path": source}
    path = Path(source)
    if not path.exists():
        kinds = ", ".join(KINDS)
        raise SourceError(f"--source {source}: neither a kind (auto, {kinds}) nor an address, a file or a folder")
    from edge.sources.images import find

    return {"kind": "video" if find(SourceConfig(path=source)) is None else "images", "path": source}
