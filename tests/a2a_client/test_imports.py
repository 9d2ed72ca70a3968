"""The SDK, and the extra that brings it, are needed by those who name an agent elsewhere only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.a2a_client.house import written

PROGRAM = """
import sys
from xml_pipeline import Organism
import xml_pipeline.agents.agent
import xml_pipeline.cli.commands.check
Organism.load(sys.argv[1])
print(*sorted(each for each in sys.modules if each in ("a2a", "google.protobuf")))
"""

WITHOUT = """
import sys
from xml_pipeline import Organism
from xml_pipeline.errors import ConfigError
sys.modules["a2a"] = None
try:
    Organism.load(sys.argv[1])
except ConfigError as error:
    print(error)
"""


def ran(program: str, file: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_nothing_of_the_sdk_is_imported_where_no_agent_is_named(tmp_path: Path) -> None:
    file = tmp_path / "organism.yaml"
    file.write_text("{}", encoding="utf-8")
    assert ran(PROGRAM, file) == "\n"


def test_whoever_lacks_the_extra_is_told_its_name(tmp_path: Path) -> None:
    file = written(tmp_path, parrot={"url": "https://agents.example"})
    told = ran(WITHOUT, file)
    assert "a2a.agents: " in told
    assert (
        'an agent elsewhere needs "a2a.client": python -m pip install "xml-pipeline[a2a]"' in told
    )
