"""`mien models`: what ships with Mien, and models brought to an installed device."""

from __future__ import annotations

import click

from edge.model.package import DEFAULT_MODEL, bundled_models, model_path, read_package


@click.group("models", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """List the models; on an installed device, bring others and put them to use."""
    if context.invoked_subcommand is None:
        context.invoke(list_models)


@command.command("list")
def list_models() -> None:
    """List the models that are here; * marks the one in use."""
    from edge.model_store import Store

    store = Store()
    used = store.in_use() or DEFAULT_MODEL
    for name, path in [
        *((name, model_path(name)) for name in bundled_models()),
        *((name, store.path(name)) for name in store.names()),
    ]:
        package = read_package(path)
        click.echo(f"{'*' if name == used else ' '} {name}: {package.manifest.description}")
        click.echo(f"    {path.stat().st_size / 1000:.0f} kB, labels {', '.join(package.labels)}")


@command.command("install")
@click.argument("origin", metavar="FILE|URL")
@click.option("--sha256", metavar="HEX", help="What the file must hash to; needed for a URL.")
@click.option("--keep", is_flag=True, help="Only keep it; mien models use NAME puts it to use later.")
def install(*, origin: str, sha256: str | None, keep: bool) -> None:
    """Prove a model, keep it, and put it to use; the service goes back to the old one if it does not run."""
    from edge.model_store import Store, fetch

    store = Store()
    name = store.add(fetch(origin, sha256), origin)
    click.echo(f"{name}: hash and golden case hold")
    if not keep:
        click.echo(store.use(name))


@command.command("use")
@click.argument("name")
def use(name: str) -> None:
    """Put a model to use; the service goes back to the old one if it does not run."""
    from edge.model_store import Store

    click.echo(Store().use(name))


@command.command("rollback")
def rollback() -> None:
    """Put the model before this one to use again."""
    from edge.model_store import Store

    click.echo(Store().roll_back())
