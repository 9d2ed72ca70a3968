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
    "tests/coverage_data.py",
    "tests/virtual_clock.py",
)
COVERED = "def f() -> int:\n    return 1\n"
NOT_COVERED = "\n\ndef g() -> int:\n    return 2\n"
TEST = "import xml_pipeline\n\n\ndef test_f():\n    assert xml_pipeline.f() == 1\n"
UNMEASURED = """

@pytest.mark.no_cover
def test_g():
    assert xml_pipeline.g() == 2
    assert sys.gettrace() is None
    assert not is_measured()


def test_h():
    assert is_measured()


def is_measured():
    command = (sys.executable, "-c", "import sys; sys.exit(sys.gettrace() is None)")
    return subprocess.run(command).returncode == 0
"""
TORN = """

def test_a_process_is_killed():
    data = CoverageData(".coverage.torn")
    data.add_lines({f"/{n}.py": range(1, 9_000) for n in range(99)})
    data.write()
    written = bytearray(Path(".coverage.torn").read_bytes())
    written[8_192:] = bytes(len(written) - 8_192)
    Path(".coverage.torn").write_bytes(written)
    Path(".coverage.empty").touch()
    assert written
"""
IMPORT_OF_COMPILED = """
from importlib.util import find_spec
from pathlib import Path

assert Path(find_spec("xml_pipeline").cached).exists()
"""
MADE_WHEN_COLLECTED = '@pytest.mark.parametrize("made", [os.urandom(8)])\n'
ONE_WORKER = "-n1"  # Each takes seconds to begin, and how many there are is told once.
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
    done = run_pytest(project, ONE_WORKER)
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


@pytest.mark.parametrize("workers", [ONE_WORKER, "-n0"])
def test_a_test_marked_no_cover_is_not_measured_nor_are_its_processes(
    project: Path, workers: str
) -> None:
    (project / "xml_pipeline/__init__.py").write_text(COVERED + NOT_COVERED)
    imports = "import subprocess\nimport sys\n\nimport pytest\n"
    (project / "tests/test_f.py").write_text(imports + TEST + UNMEASURED)
    done = run_pytest(project, workers)
    assert "3 passed" in done.stdout, done.stdout
    assert f"{GATE} not reached" in done.stdout


def test_the_package_is_compiled_before_anybody_imports_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    (project / "tests/test_f.py").write_text(IMPORT_OF_COMPILED + TEST)
    done = run_pytest(project, ONE_WORKER)
    assert done.returncode == 0, done.stdout


def test_bytes_that_each_worker_makes_for_itself_name_no_test(project: Path) -> None:
    imports = "import os\nimport pytest\n"
    marked = TEST.replace("def test_f():", MADE_WHEN_COLLECTED + "def test_f(made):")
    (project / "tests/test_f.py").write_text(imports + marked)
    done = run_pytest(project, "-n2", "-v")
    assert done.returncode == 0, done.stdout
    assert "test_f[made]" in done.stdout


def test_data_of_a_process_that_was_killed_do_not_fail_the_run(project: Path) -> None:
    imports = "from pathlib import Path\n\nfrom coverage import CoverageData\n\n"
    (project / "tests/test_f.py").write_text(imports + TEST + TORN)
    done = run_pytest(project, ONE_WORKER)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{GATE} reached" in done.stdout
    assert "CoverageWarning" not in done.stdout + done.stderr
