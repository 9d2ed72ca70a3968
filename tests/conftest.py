"""How the tests run: on which loop, over how many cores, and when coverage is measured."""

from __future__ import annotations

import asyncio
import copy
import os
from collections.abc import Callable, Mapping

import pytest
from hypothesis import settings
from pytest_cov.plugin import CovPlugin

from tests.virtual_clock import VirtualClockLoop

MOST_WORKERS = 4

# Derandomised, so that a red run is red again; without a deadline, for a busy machine is no bug.
settings.register_profile("house", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=2_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))


def is_whole_run(config: pytest.Config) -> bool:
    """Say whether this is a plain ``pytest``: no paths, no selection, no debugger."""
    narrowed = ("keyword", "markexpr", "lf", "collectonly", "usepdb", "no_cov")
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not any(
        config.getoption(option, default=None) for option in narrowed
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Measure coverage, and so enforce the gate, when every test runs.

    The workers of a spread run find ``cov_source`` among their options and measure too.
    """
    if is_whole_run(config) and not config.pluginmanager.hasplugin("_cov"):
        config.option.cov_source = [True]
        plugin = CovPlugin(copy.copy(config.option), config.pluginmanager)
        config.pluginmanager.register(plugin, "_cov")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Spread a whole run over the cores, and keep any other in this process."""
    return min(MOST_WORKERS, os.cpu_count() or 1) if is_whole_run(config) else 0


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give tests marked ``virtual_clock`` a loop whose timers cost no time."""
    if item.get_closest_marker("virtual_clock"):
        return {"virtual": VirtualClockLoop}
    return {"real": asyncio.new_event_loop}
