"""mien-train models: the networks and what each costs."""

from __future__ import annotations

import click

from edge.errors import MissingPackageError


@click.command("models")
@click.option("--labels", "count", default=7, show_default=True, type=click.IntRange(min=2))
def command(count: int) -> None:
    """List every family and size with its parameters and multiply-adds."""
    try:
        from training.models import build_model, multiply_adds
        from training.models.compact import SIZES as COMPACT
        from training.models.faceresnet import SIZES as FACERESNET
        from training.models.transfer import SIZES as TRANSFER
    except ImportError as error:
        raise MissingPackageError(f"{error}: ./setup.sh train, or pip install 'mien[train]'") from error
    from training.recipe import ModelConfig

    known = [("compact", size) for size in COMPACT] + [("sequential", "default"), ("xception", "default")]
    known += [("transfer", size) for size in TRANSFER] + [("faceresnet", size) for size in FACERESNET]
    click.echo(f"{'family':>12} {'size':>12} {'parameters':>12} {'multiply-adds':>14}")
    for family, size in known:
        config = ModelConfig(family=family, size=size)  # type: ignore[arg-type]
        model = build_model(config, {"labels": count})
        click.echo(f"{family:>12} {size:>12} {model.count_params():>12,} {multiply_adds(model):>14,}")
