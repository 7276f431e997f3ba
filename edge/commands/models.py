"""`mien models`: what ships with Mien."""

from __future__ import annotations

import click

from edge.model.package import DEFAULT_MODEL, bundled_models, model_path, read_package


@click.command("models")
def command() -> None:
    """List the models that ship with Mien."""
    for name in bundled_models():
        path = model_path(name)
        package = read_package(path)
        mark = "*" if name == DEFAULT_MODEL else " "
        click.echo(f"{mark} {name}: {package.manifest.description}")
        click.echo(f"    {path.stat().st_size / 1000:.0f} kB, labels {', '.join(package.labels)}")
