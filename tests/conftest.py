"""What holds for every test."""

from __future__ import annotations

import os

import pytest

from tests.support.browser import HOW, NO_BROWSER

if "PYTEST_XDIST_WORKER" in os.environ:
    # The workers share the cores: two that multiply on two threads each take longer than on one.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last line says what a machine lacks."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = [] if reporter is None else reporter.stats.get("skipped", [])
    without = sum(NO_BROWSER in str(report.longrepr) for report in skipped)
    if without:
        reporter.write_line(f"{without} tests of the report were skipped, since there is no browser here: {HOW}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that hold slow tests come first, so that no worker is left with one of them when the others have ended. A
    worker takes whole files (`--dist loadscope`): what a file sets up, as a vLLM server, is set up once."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
