"""One command tells all: style, types and import contracts are tests like any other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.house.source import ROOT, tracked

PYPROJECT = ROOT / "pyproject.toml"
RUFF = (sys.executable, "-m", "ruff")
MYPY = (sys.executable, "-m", "mypy", "--config-file", str(PYPROJECT))
# A console script only: it stands beside the interpreter.
LINT_IMPORTS = (str(Path(sys.executable).with_name("lint-imports")), "--no-cache")


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)


def assert_clean(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr


def sources() -> list[str]:
    return [str(path) for path in tracked("*.py")]


def test_ruff_finds_nothing_to_complain_about() -> None:
    assert_clean(run(*RUFF, "check", "--quiet", *sources()))


def test_every_file_is_formatted_by_ruff() -> None:
    assert_clean(run(*RUFF, "format", "--check", "--quiet", *sources()))


def test_mypy_accepts_every_file_in_strict_mode() -> None:
    assert_clean(run(*MYPY, *sources()))


def test_every_import_contract_is_kept() -> None:
    assert_clean(run(*LINT_IMPORTS, "--config", str(PYPROJECT)))


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("global_ = 1\n\n\ndef f() -> None:\n    global global_\n    global_ = 2\n", "PLW0603"),
        ("def f(a, b, c, d, e, f, g):\n    pass\n", "PLR0913"),
        ("def f():\n    import os\n\n    return os\n", "PLC0415"),
        ("try:\n    f()\nexcept Exception:\n    pass\n", "BLE001"),
        ("print(1)\n", "T201"),
        ("x = 1  # type: ignore\n", "PGH003"),
        ("def f(x):\n" + "    if x:\n        x()\n" * 8, "C901"),
    ],
)
def test_ruff_enforces_the_house_rules(tmp_path: Path, code: str, rule: str) -> None:
    (tmp_path / "bad.py").write_text(code)
    done = run(*RUFF, "check", "--no-cache", "--config", str(PYPROJECT), "bad.py", cwd=tmp_path)
    assert rule in done.stdout


def test_mypy_refuses_what_is_not_typed(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("def f(x):\n    return x\n")
    done = run(*MYPY, "--cache-dir", str(tmp_path), "bad.py", cwd=tmp_path)
    assert "[no-untyped-def]" in done.stdout


def package(at: Path, modules: Mapping[str, str]) -> None:
    """Write an ``xml_pipeline`` of these modules, each importing one other."""
    for name, imported in {"": "", "errors": "", **modules}.items():
        file = at.joinpath("xml_pipeline", *name.split("."), "__init__.py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"import xml_pipeline.{imported}\n" if imported else "")


@pytest.mark.parametrize(
    "modules",
    [
        {"payload": "", "errors": "payload"},
        {"steps": "", "message": "steps"},
        {"llm": "", "organism": "llm"},
        {"llm": "", "tools": "llm"},
        {"organism": "", "agents": "organism"},
        {"primitives": "organism", "organism": ""},
        {"unheard_of": ""},
        {"steps": "", "steps.read": "steps.route", "steps.route": "steps.read"},
    ],
    ids=lambda modules: " ".join(modules),
)
def test_a_broken_import_contract_is_found(tmp_path: Path, modules: Mapping[str, str]) -> None:
    package(tmp_path, modules)
    done = run(*LINT_IMPORTS, "--config", str(PYPROJECT), cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr


def test_a_house_in_order_keeps_its_contracts(tmp_path: Path) -> None:
    package(tmp_path, {"payload": "errors", "organism": "payload", "server": "organism"})
    assert_clean(run(*LINT_IMPORTS, "--config", str(PYPROJECT), cwd=tmp_path))
