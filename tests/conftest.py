"""What the suite does everywhere: skips are named last of all, and CI skips no kind that was to run."""

from __future__ import annotations

import os
import signal

import pytest

KINDS = ("system", "pi", "soak")


class Skips:
    """Counts skipped tests as they are reported, a whole skipped module as one."""

    def __init__(self) -> None:
        self.tests: dict[str, list[str]] = {}  # by reason
        self.kinds: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self.add(report)
            self.kinds.update(kind for kind in KINDS if kind in report.keywords)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.add(report)

    def add(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        name = report.nodeid.split("[")[0].rpartition("/")[2]
        self.tests.setdefault(reason.removeprefix("Skipped: "), []).append(name)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unwanted() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        writer = config.get_terminal_writer()
        if self.unwanted():
            writer.line(f"CI: skipped tests of a kind that was to run: {', '.join(sorted(self.kinds))}", red=True)
        writer.line(self.summary())

    def summary(self) -> str:
        """How many tests were skipped, and for every reason how many and which; parameters are left out."""
        if not self.tests:
            return "skipped none"
        reasons = [
            f"{len(names)} for: {reason} ({', '.join(dict.fromkeys(names))})"
            for reason, names in self.tests.items()
        ]
        return f"skipped {sum(map(len, self.tests.values()))}: {'; '.join(reasons)}"

    def unwanted(self) -> bool:
        """Whether this is CI and a kind that was selected did not run."""
        return bool(self.kinds) and bool(os.environ.get("MIEN_CI") or os.environ.get("CI"))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Skips(), "skips")
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # A shell without job control starts what is in the background so; programs under test would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
