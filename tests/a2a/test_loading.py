"""What is imported for A2A, and when: the SDK takes a third of a second."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from xml_pipeline import Organism
from xml_pipeline.errors import ConfigError

PROGRAM = """
import asyncio
import sys
from xml_pipeline import Organism
from xml_pipeline.server import application
import xml_pipeline.agents.agent

async def build():
    application(Organism.load(sys.argv[1]), token="t").state.desk.close()

asyncio.run(build())
print(*sorted(each for each in sys.modules if each in ("a2a", "google.protobuf", "sse_starlette")))
"""

EXPOSED = """
allow_imports: [tests]
listeners:
  - {name: greeter, description: Greets., handler: tests.mcp.everything:greet, expose: a2a}
"""


@pytest.mark.parametrize("text", ["{}", EXPOSED], ids=["nobody is exposed", "nobody has asked"])
def test_nothing_of_the_sdk_is_imported_before_a_client_comes(tmp_path: Path, text: str) -> None:
    file = tmp_path / "organism.yaml"
    file.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(file)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "\n"


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "a2a" else found(name)
    )
    file = tmp_path / "organism.yaml"
    file.write_text(EXPOSED, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"xml-pipeline\[a2a\]"):
        Organism.load(file)


def test_a_default_whom_nobody_sees_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "organism.yaml"
    file.write_text(f"{EXPOSED}a2a: {{default: greter}}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r'a2a.default: no listener "greter" says `expose: a2a`'):
        Organism.load(file)
