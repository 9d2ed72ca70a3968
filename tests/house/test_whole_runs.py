"""`python -m pytest` enforces the coverage gate; a run of chosen tests is quick and does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import ROOT

SETTINGS = (
    "pyproject.toml",
    "tests/__init__.py",
    "tests/conftest.py",
    "tests/virtual_clock.py",
)
COVERED = "def f() -> int:\n    return 1\n"
NOT_COVERED = "\n\ndef g() -> int:\n    return 2\n"
TEST = "import xml_pipeline\n\n\ndef test_f():\n    assert xml_pipeline.f() == 1\n"
GATE = "Required test coverage of 95.0%"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A tiny project under this one's settings."""
    for name in SETTINGS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "xml_pipeline").mkdir()
    (tmp_path / "xml_pipeline/__init__.py").write_text(COVERED)
    (tmp_path / "tests/test_f.py").write_text(TEST)
    return tmp_path


def run_pytest(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # What the outer run tells its own subprocesses is none of this one's business.
    inherited = ("COV", "PYTEST", "PYTHONPATH")
    environ = {name: text for name, text in os.environ.items() if not name.startswith(inherited)}
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments)
    return subprocess.run(
        command, cwd=project, env=environ, check=False, capture_output=True, text=True
    )


def test_a_whole_run_that_covers_everything_passes_the_gate(project: Path) -> None:
    done = run_pytest(project)
    assert done.returncode == 0, done.stdout
    assert f"{GATE} reached" in done.stdout


def test_a_whole_run_that_covers_too_little_fails(project: Path) -> None:
    (project / "xml_pipeline/__init__.py").write_text(COVERED + NOT_COVERED)
    done = run_pytest(project)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    assert f"{GATE} not reached" in done.stdout


@pytest.mark.parametrize("arguments", [("tests/test_f.py",), ("-k", "f"), ("--no-cov",)])
def test_a_chosen_run_knows_no_gate_and_no_workers(
    project: Path, arguments: tuple[str, ...]
) -> None:
    (project / "xml_pipeline/__init__.py").write_text(COVERED + NOT_COVERED)
    done = run_pytest(project, *arguments)
    assert done.returncode == 0, done.stdout
    assert GATE not in done.stdout
    assert "workers" not in done.stdout
