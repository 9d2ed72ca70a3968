"""The command line: ``xml-pipeline …`` and ``python -m xml_pipeline …``.

Results go to stdout and everything else to stderr. Each command is a module of its own below
``commands``, imported when it is called: what no command of a line needs is not loaded.
"""

from __future__ import annotations

from xml_pipeline.cli.entry import main

__all__ = ["main"]
