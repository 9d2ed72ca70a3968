"""A project to stand in, an account of one's own, and commands that run in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.shell import Result, Running, Shell, make_project
from xml_pipeline.cli.entry import exit_code

Command = Callable[..., Result]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Give a prompt in a new project."""
    make_project(tmp_path / "project")
    return Shell(tmp_path / "project", tmp_path / "state")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Give a prompt in a project that all tests of a module share."""
    place = tmp_path_factory.mktemp("shared")
    make_project(place / "project")
    return Shell(place / "project", place / "state")


@pytest.fixture(scope="module")
def organism(shared: Shell) -> Iterator[Running]:
    """Give the shared project's organism, running."""
    with shared.organism_running() as running:
        yield running


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> Iterator[Command]:
    """Give what runs a command in this process, at the prompt of the test's project."""
    prompt = "shared" if "organism" in request.fixturenames else "shell"
    shell: Shell = request.getfixturevalue(prompt)
    monkeypatch.chdir(shell.directory)
    monkeypatch.setenv("XDG_STATE_HOME", str(shell.home))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys, "path", [*sys.path])
    for variable in ("XML_PIPELINE_URL", "XML_PIPELINE_TOKEN"):
        monkeypatch.delenv(variable, raising=False)

    others = {name: sys.modules.pop(name) for name in [*sys.modules] if _is_of_a_project(name)}

    def run(*arguments: str) -> Result:
        capsys.readouterr()
        code = exit_code(arguments)
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    yield run
    for name in [*sys.modules]:
        if _is_of_a_project(name):
            del sys.modules[name]
    sys.modules.update(others)


def _is_of_a_project(name: str) -> bool:
    return name.partition(".")[0] in ("handlers", "organisms")
