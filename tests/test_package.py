"""`import xml_pipeline`: the public names, and what they cost."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import xml_pipeline
from tests.house.source import ROOT

SOURCE = Path(str(xml_pipeline.__file__)).read_text(encoding="utf-8")
NAMES = [name for name in xml_pipeline.__all__ if name != "__version__"]


def homes_that_type_checkers_see() -> dict[str, str]:
    """Return the module that each name is imported from in front of a type checker."""
    imports = (node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.ImportFrom))
    return {
        alias.name: node.module
        for node in imports
        if node.module and node.module.startswith("xml_pipeline.")
        for alias in node.names
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_what_type_checkers_take_it_for(name: str) -> None:
    home = import_module(homes_that_type_checkers_see()[name])
    assert getattr(xml_pipeline, name) is getattr(home, name)


def test_type_checkers_see_every_public_name_and_no_other() -> None:
    assert sorted(homes_that_type_checkers_see()) == NAMES
    assert set(xml_pipeline.__all__) <= set(dir(xml_pipeline))


def test_any_other_name_is_missing_as_from_any_module() -> None:
    with pytest.raises(AttributeError, match="module 'xml_pipeline' has no attribute 'Listner'"):
        xml_pipeline.Listner  # type: ignore[attr-defined]  # noqa: B018  # it is asked for


def test_the_version_is_that_of_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == xml_pipeline.__version__


def test_a_name_loads_what_it_needs_and_the_package_nothing() -> None:
    code = (
        "import sys\n"
        "def loaded(): return sorted(n for n in sys.modules if n.startswith('xml_pipeline.'))\n"
        "import xml_pipeline; print(loaded())\n"
        "from xml_pipeline import NoReply; print(loaded())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == ["[]", "['xml_pipeline.errors']"]
