"""The official conformance suite against an organism."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.mcp.conformance import serving
from tests.mcp.suite import verdict


@pytest.mark.parametrize(("revision", "scenarios"), [("2025-11-25", 30), ("2026-07-28", 37)])
async def test_all_that_a_revision_requires_of_a_server_passes(
    revision: str, scenarios: int, tmp_path: Path
) -> None:
    async with serving() as url:
        found = await verdict("server", revision, tmp_path, "--url", f"{url}/mcp")
    assert found.failing == [], found.text
    assert len(found.required) == scenarios


@pytest.mark.parametrize(("revision", "scenarios"), [("2025-11-25", 18), ("2026-07-28", 32)])
async def test_all_that_a_revision_requires_of_a_client_passes(
    revision: str, scenarios: int, tmp_path: Path
) -> None:
    command = f"{sys.executable} -m tests.mcp.conformance_client"
    patience = ("--timeout", "120000")
    found = await verdict("client", revision, tmp_path, "--command", command, *patience)
    assert [name for name, failed in found.required.items() if failed] == [], found.text
    assert len(found.required) == scenarios
