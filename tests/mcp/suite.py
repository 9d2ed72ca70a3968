"""The official conformance suite, where it is to be had.

``MCP_CONFORMANCE`` names the folder into which npm has installed it, and perhaps `node@22`; see
docs/mcp.md. Nothing is downloaded here.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

VARIABLE = "MCP_CONFORMANCE"
SUITE = Path("node_modules/@modelcontextprotocol/conformance/dist/index.js")
OLDEST_NODE = 22

_VERDICT = re.compile(r"^[✓✗] (?P<name>\S+): \d+ passed, (?P<failed>\d+) failed", re.MULTILINE)
_UNSCORED = re.compile(r"^  [✓✗] (?P<name>\S+) \([a-z-]+\)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many checks failed of each scenario: those that are required, and the others."""

    required: Mapping[str, int]
    others: Mapping[str, int]
    text: str

    @property
    def failing(self) -> list[str]:
        """Return the scenarios of which some check failed."""
        return [name for name, failed in {**self.required, **self.others}.items() if failed]


async def verdict(leg: str, revision: str, folder: Path, *arguments: str) -> Verdict:
    """Run all that a revision requires of a server, or of a client; skip where that cannot be."""
    node, suite = await _program()
    command = (node, suite, leg, "--requirements", revision, "-o", str(folder), *arguments)
    _, text = await _run(*command)
    unscored = set(_UNSCORED.findall(text))
    found = {each["name"]: int(each["failed"]) for each in _VERDICT.finditer(text)}
    return Verdict(
        {name: failed for name, failed in found.items() if name not in unscored},
        {name: failed for name, failed in found.items() if name in unscored},
        text,
    )


async def _program() -> tuple[str, str]:
    """Return Node, and the program of the suite."""
    named = os.environ.get(VARIABLE)
    if not named:
        pytest.skip(f"NOT RUN: {VARIABLE} names no folder with the MCP conformance suite")
    suite, own = Path(named) / SUITE, Path(named) / "node_modules/.bin/node"
    if not suite.is_file():
        pytest.skip(f"NOT RUN: the MCP conformance suite is not in {VARIABLE}={named}")
    node = str(own) if own.is_file() else shutil.which("node") or ""
    _, version = await _run(node, "--version") if node else (1, "v0")
    if int(version.lstrip("v").partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"NOT RUN: the MCP conformance suite needs Node {OLDEST_NODE}: {version}")
    return node, str(suite)


async def _run(*command: str) -> tuple[int, str]:
    pipe, both = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=both)
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()
