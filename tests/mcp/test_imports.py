"""The SDK takes about a second to import: it is not, where nobody needs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from xml_pipeline import Organism
from xml_pipeline.server import application
import xml_pipeline.agents.agent
Organism.load(sys.argv[1])
print(*sorted(each for each in sys.modules if each in ("mcp", "mcp_types", "httpx2")))
"""


def test_nothing_of_the_sdk_is_imported_where_no_server_is_named(tmp_path: Path) -> None:
    file = tmp_path / "organism.yaml"
    file.write_text("{}", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(file)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"
