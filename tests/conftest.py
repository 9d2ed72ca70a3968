"""How the tests run: on which loop, over how many cores, and when coverage is measured."""

from __future__ import annotations

import asyncio
import compileall
import copy
import os
from collections.abc import Callable, Generator, Mapping
from pathlib import Path

import pytest
from hypothesis import settings
from pytest_cov.plugin import CovPlugin

from tests.coverage_data import drop_torn_data
from tests.virtual_clock import VirtualClockLoop

MOST_WORKERS = 4
MEASURES_PROCESSES = "COVERAGE_PROCESS_CONFIG"

# Nobody here calls a stranger over TLS, and to read whom those trust takes 25 ms of each client.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).with_name("authority.pem"))

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

    A worker of a spread run learns from what pytest-cov tells it whether to measure. It is told by
    no option: it would measure twice then, and go on with one when the other pauses.
    """
    told = getattr(config, "workerinput", None)
    measured = is_whole_run(config) if told is None else "cov_master_topdir" in told
    if measured and not config.pluginmanager.hasplugin("_cov"):
        options = copy.copy(config.option)
        options.cov_source = [True]
        plugin = CovPlugin(options, config.pluginmanager, start=told is None)
        config.pluginmanager.register(plugin, "_cov")


def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Let no worker measure itself as any process that is started does: it does so as a worker.

    And let no process compile the package: hundreds are started, and where the environment says
    so (``PYTHONDONTWRITEBYTECODE``) none keeps for the next one what it has compiled.
    """
    os.environ.pop(MEASURES_PROCESSES, None)
    compileall.compile_dir(config.rootpath / "xml_pipeline", quiet=2)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Before pytest-cov puts together what was measured, drop what is torn."""
    done = yield
    plugin = session.config.pluginmanager.getplugin("_cov")
    if plugin is not None and not hasattr(session.config, "workerinput"):
        measured = plugin.cov_controller.cov.get_option("run:data_file")
        drop_torn_data(session.config.rootpath / Path(measured))
    return done


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Spread a whole run over the cores, and keep any other in this process.

    Two share a core: half of the time a test waits, for processes, servers and the disk.
    """
    return min(MOST_WORKERS, 2 * (os.cpu_count() or 1)) if is_whole_run(config) else 0


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give tests marked ``virtual_clock`` a loop whose timers cost no time."""
    if item.get_closest_marker("virtual_clock"):
        return {"virtual": VirtualClockLoop}
    return {"real": asyncio.new_event_loop}


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case of bytes by its place: the workers of a spread run must find equal names.

    Bytes are often made while tests are collected, and may hold the time, as gzip's do.
    """
    return argname if isinstance(val, (bytes, bytearray)) else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of load come first.

    The first worker of a spread run begins with them, one after the other, while the second has
    the quick ones; and neither is left alone with a long one in the end.
    """
    items.sort(key=lambda item: item.get_closest_marker("no_cover") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure the coverage of no process that a test marked ``no_cover`` starts.

    The mark is of pytest-cov, which measures nothing in this process meanwhile. It is for load:
    measuring doubles what a test costs, and tells of the thousandth message what it told of the
    first; and a process that is killed while it writes its data leaves half of them.
    """
    measured = os.environ.get(MEASURES_PROCESSES)
    if measured is None or item.get_closest_marker("no_cover") is None:
        return (yield)
    del os.environ[MEASURES_PROCESSES]
    try:
        return (yield)
    finally:
        os.environ[MEASURES_PROCESSES] = measured
