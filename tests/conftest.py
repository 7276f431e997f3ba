"""What the suite does everywhere: skips are named last of all, and CI skips no kind that was to run."""

from __future__ import annotations

import os

import pytest

KINDS = ("system", "pi", "soak")


class Skips:
    """Counts skipped tests as they are reported, a whole skipped module as one."""

    def __init__(self) -> None:
        self.lines: list[str] = []
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
        self.lines.append(f"{report.nodeid} ({reason.removeprefix('Skipped: ')})")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unwanted() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        writer = config.get_terminal_writer()
        if self.unwanted():
            writer.line(f"CI: skipped tests of a kind that was to run: {', '.join(sorted(self.kinds))}", red=True)
        writer.line(f"skipped {len(self.lines)}: {'; '.join(self.lines)}" if self.lines else "skipped none")

    def unwanted(self) -> bool:
        """Whether this is CI and a kind that was selected did not run."""
        return bool(self.kinds) and bool(os.environ.get("MIEN_CI") or os.environ.get("CI"))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Skips(), "skips")
