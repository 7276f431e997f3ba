"""mien-convert inspect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from converters.commands.options import FILE
from edge.model.package import Manifest, Model, prove_model

FIGURE_DEPTH = 3


@click.command("inspect")
@click.argument("file", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="Print labels and manifest as JSON.")
def command(*, file: Path, as_json: bool) -> None:
    """Prove FILE, then print what it says about itself."""
    model = prove_model(file)
    if as_json:
        content = msgspec.json.encode({"labels": model.labels, "manifest": model.manifest})
        click.echo(msgspec.json.format(content, indent=2))
    else:
        click.echo(as_text(model))


def as_text(model: Model) -> str:
    """Labels and manifest, one a line."""
    manifest: Manifest = model.manifest
    crop = manifest.crop
    lines = [
        f"{manifest.name} {manifest.version}: {manifest.description}",
        f"licence: {manifest.licence}",
        f"origin: {manifest.origin}",
        f"labels: {', '.join(model.labels)}",
        *(
            f"{which}: {t.dtype} {'x'.join(map(str, t.shape))}, scale {t.scale:.8g}, zero point {t.zero_point}"
            for which, t in (("input", manifest.input), ("output", manifest.output))
        ),
        f"output holds: {manifest.activation}",
        (
            f"crop: {crop.size_px} px, {crop.scale:g} x the face box, "
            f"moved {crop.offset_x:g} right, {crop.offset_y:g} down"
        ),
        f"parameters: {manifest.parameters if manifest.parameters is not None else 'not said'}",
        f"flatbuffer: sha256 {manifest.sha256}",
        f"golden case: made by {manifest.runtime} {manifest.runtime_version}; it holds here",
        f"tools: {', '.join(f'{name} {version}' for name, version in manifest.tools.items()) or 'not said'}",
    ]
    lines += [f"measured: {name} = {value}" for name, value in _figures((), manifest.metrics)]
    return "\n".join(lines)


def _figures(path: tuple[str, ...], value: Any) -> Iterator[tuple[str, Any]]:
    """The main single numbers and words; tables and what is told class by class stay in --json."""
    if isinstance(value, dict):
        for name, entry in value.items():
            yield from _figures((*path, name), entry)
    elif not isinstance(value, list) and len(path) <= FIGURE_DEPTH:
        yield ".".join(path), f"{value:.4f}" if isinstance(value, float) else value
