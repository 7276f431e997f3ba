"""`mien bench`: how long each stage takes on this machine; `mien bench compare`: several runs beside each other."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.commands.settings import config_options, model_option, settings
from edge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.bench.result import Result

INTERRUPTED = 130
FILE = click.Path(path_type=Path)


@click.group("bench", invoke_without_command=True)
@config_options
@model_option
@click.option(
    "--scene", "scenes", multiple=True, metavar="SIZE-FACES", help="Only this one: 640x480-1. Repeatable."
)
@click.option("--seconds", type=click.FloatRange(0.05, 600), default=2.0, show_default=True, help="Of a round.")
@click.option("--rounds", type=click.IntRange(1, 100), default=5, show_default=True, help="Rounds of each scene.")
@click.option("--starts", type=click.IntRange(0, 100), default=5, show_default=True, help="Starts of mien run.")
@click.option("--threads", type=click.IntRange(1, 8), help="Of the detector and the classifier [settings: 1].")
@click.option("--runtime", metavar="NAME", help="ai-edge-litert or tflite-runtime, where both are installed.")
@click.option("--live", is_flag=True, help="The camera of the settings in place of the scenes.")
@click.option("--accuracy", type=FILE, metavar="DATA", help="Right answers on labelled pictures: a folder or .npz.")
@click.option("--split", default="", metavar="NAME", help="Of DATA: PublicTest, test ...")
@click.option("--whole", is_flag=True, help="The pictures of DATA are cropped faces.")
@click.option("--anyway", is_flag=True, help="Measure on a busy or throttled machine, and mark the result.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--out", type=FILE, metavar="FILE.json", help="Write JSON, after every round what there is.")
@click.option("--plot", type=FILE, metavar="FILE.png", help="Draw distributions and stages.")
@click.pass_context
def command(context: click.Context, /, **given: Any) -> int:
    """Measure this machine: every stage, end to end, memory, start-up. docs/BENCHMARKS.md has the rules.

    Interrupted, it keeps what was measured, marks it, and ends with status 130.
    """
    if context.invoked_subcommand is not None:
        return 0
    return measure(given)


@command.command("compare")
@click.argument("files", nargs=-1, required=True, metavar="A.json B.json ...", type=FILE)
@click.option("--scene", default="", metavar="SIZE-FACES", help="Which to compare [the first file's headline].")
@click.option("--plot", type=FILE, metavar="FILE.png", help="Draw them.")
def compare_command(files: tuple[Path, ...], scene: str, plot: Path | None) -> None:
    """Results beside each other, each against the first; says when a difference is within noise."""
    _prove_picture(plot)
    from edge.bench.compare import as_text, compare, names
    from edge.bench.result import read_result

    results = [read_result(path) for path in files]
    lines = compare(list(zip(names([str(path) for path in files]), results, strict=True)), scene)
    click.echo(as_text(lines))
    if plot is not None:
        from edge.commands.bench_plot import draw_comparison, write_picture

        write_picture(plot, lambda figure: draw_comparison(figure, lines))


def measure(given: dict[str, Any]) -> int:
    """Measures as the options say; the exit status."""
    _prove_picture(given["plot"])
    changes = given["changes"]
    if given["threads"]:
        changes = (*changes, f"classify.threads={given['threads']}")
    config = settings(given["config_file"], changes, model=given["model"])
    if given["runtime"]:
        from edge.bench.runtime import choose_runtime

        choose_runtime(given["runtime"])
    from edge.bench.session import Session

    bar = Bar(given["out"])
    signal.signal(signal.SIGTERM, _interrupt)
    session = Session(config, _wish(given, changes), bar)
    try:
        result = session.run()
    finally:
        bar.end()
    _tell(result, given)
    return INTERRUPTED if session.interrupted else 0


def _wish(given: dict[str, Any], changes: tuple[str, ...]) -> Any:
    from edge.bench.measure import Plan
    from edge.bench.scenes import scene_names
    from edge.bench.session import Wish

    known = scene_names()
    for name in given["scenes"]:
        if name not in known:
            raise ConfigError(f"--scene {name}: must be one of {', '.join(known)}")
    words = [part for change in changes for part in ("--set", change)]
    for option, value in (("--config", given["config_file"]), ("--model", given["model"])):
        words += [option, str(value)] if value else []
    return Wish(
        plan=Plan(rounds=given["rounds"], round_s=given["seconds"]),
        scenes=tuple(dict.fromkeys(given["scenes"])) or tuple(known),
        live=given["live"],
        anyway=given["anyway"],
        starts=0 if given["accuracy"] or given["runtime"] else given["starts"],
        accuracy=given["accuracy"],
        split=given["split"],
        whole=given["whole"],
        words=tuple(words),
        # Where files lie on this machine is nobody's affair.
        command=shlex.join(["mien", *(_without_folders(word) for word in sys.argv[1:])]),
    )


def _tell(result: Result, given: dict[str, Any]) -> None:
    from edge.bench.result import as_json, write_result
    from edge.bench.table import as_text

    if given["out"]:
        write_result(given["out"], result)
    click.echo(as_json(result).decode() if given["as_json"] else as_text(result))
    if given["plot"] and result.scenes:
        from edge.commands.bench_plot import draw_run, write_picture

        write_picture(given["plot"], lambda figure: draw_run(figure, result))


class Bar:
    """Progress on standard error: a bar on a terminal, else a line for each part. Keeps `out` up to date."""

    def __init__(self, out: Path | None) -> None:
        self._out = out
        self._bar: Any = None

    def begin(self, what: str, steps: int) -> Callable[[float], None]:
        """A part of the run begins."""
        self.end()
        if not sys.stderr.isatty():
            click.echo(f"mien bench: {what} ({steps})", err=True)
            return lambda _steps: None
        self._bar = click.progressbar(length=steps, label=what.ljust(20), file=sys.stderr)
        self._bar.__enter__()
        self._bar.render_progress()
        return lambda steps: self._bar.update(int(steps))

    def keep(self, result: Result) -> None:
        """What there is so far."""
        if self._out is not None:
            from edge.bench.result import write_result

            write_result(self._out, result)

    def end(self) -> None:
        """The part is over."""
        if self._bar is not None:
            self._bar.render_finish()
            self._bar = None


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _without_folders(word: str) -> str:
    head, equals, path = word.partition("=")
    if equals and "/" in path:
        return f"{head}={Path(path).name}"
    return Path(word).name if "/" in word else word


def _prove_picture(plot: Path | None) -> None:
    """Raises before anything is measured for nothing: ConfigError, MissingPackageError."""
    if plot is None:
        return
    if plot.suffix.lower() != ".png":
        raise ConfigError(f"--plot {plot}: must end in .png")
    from edge.commands.history_plot import new_figure

    new_figure()
