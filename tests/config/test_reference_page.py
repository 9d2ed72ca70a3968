"""The reference page is what the models say."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from tests.config.files import load
from xml_pipeline.config import OrganismConfig
from xml_pipeline.names import SYSTEM_LISTENERS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "configuration.md").read_text(encoding="utf-8")


def test_the_committed_page_is_the_one_the_models_give() -> None:
    script = runpy.run_path(str(DOCS / "generate_configuration.py"))
    assert script["configuration_page"]() == PAGE


def test_the_page_knows_every_key_and_every_primitive() -> None:
    assert [key for key in OrganismConfig.model_fields if f"| `{key}` |" not in PAGE] == []
    assert [name for name in SYSTEM_LISTENERS if f"`{name}`" not in PAGE] == []


def test_the_example_on_the_page_is_a_valid_file(tmp_path: Path) -> None:
    example = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]
    loaded = load(tmp_path, example)
    assert [each.name for each in loaded.config.listeners] == ["greeter", "shouter"]
    assert loaded.warnings == ()
