"""Options that several subcommands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from converters.errors import ConversionError
from converters.scaling import Scaling, scaling_of
from converters.sources import Options, Source, open_source

FILE = click.Path(path_type=Path)


def parse_numbers(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[float, ...] | None:
    """Numbers with commas between them."""
    try:
        return None if value is None else tuple(float(word) for word in value.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: numbers with commas between them are expected") from error


def parse_size(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """WIDTHxHEIGHT in pixels."""
    if value is None:
        return None
    width, _, height = value.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) > 0 and int(height) > 0):
        raise click.BadParameter(f"{value!r}: WIDTHxHEIGHT is expected, for instance 320x240")
    return int(width), int(height)


class SourceChoice(Struct, frozen=True):
    """What the command line says about a source and the pictures it takes."""

    options: Options
    span: tuple[float, ...] | None
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    bgr: bool

    def open(self, path: Path) -> tuple[Source, Scaling]:
        """Raises ConversionError. TensorFlow is loaded here: call it within quiet()."""
        source = open_source(path, self.options)
        if self.span is not None and len(self.span) != 2:
            raise ConversionError("--range: two numbers are expected: LOW,HIGH")
        span = None if self.span is None else (self.span[0], self.span[1])
        return source, scaling_of(span, self.mean, self.std, source.shape[2])


def prepare(path: Path) -> None:
    """What takes minutes and must not happen in silence: the environment for ONNX, the first time."""
    if path.suffix.lower() == ".onnx" and path.is_file():
        from converters.onnx_environment import onnx_python

        onnx_python(lambda line: click.echo(f"mien-convert: {line}", err=True))


def source_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of a source; they arrive as one `choice`."""

    @click.option(
        "--size", callback=parse_size, metavar="WxH", help="Picture size, where the model leaves it open."
    )
    @click.option(
        "--range",
        "span",
        callback=parse_numbers,
        metavar="LOW,HIGH",
        help="What the model takes for black and white: 0,1 (default), -1,1 or 0,255.",
    )
    @click.option(
        "--mean", callback=parse_numbers, metavar="NUMBERS", help="Subtracted from byte / 255, by channel ..."
    )
    @click.option("--std", callback=parse_numbers, metavar="NUMBERS", help="... before division by these.")
    @click.option("--bgr", is_flag=True, help="The model takes blue first.")
    @click.option(
        "--import", "modules", multiple=True, metavar="MODULE", help="Load a module that registers Keras layers."
    )
    @click.option("--verbose", is_flag=True, help="Show all that TensorFlow has to say.")
    @functools.wraps(function)
    def wrapped(
        *args: Any,
        size: tuple[int, int] | None,
        span: tuple[float, ...] | None,
        mean: tuple[float, ...] | None,
        std: tuple[float, ...] | None,
        bgr: bool,
        modules: tuple[str, ...],
        **rest: Any,
    ) -> Any:
        choice = SourceChoice(Options(size=size, modules=modules), span, mean, std, bgr)
        return function(*args, choice=choice, **rest)

    return wrapped
