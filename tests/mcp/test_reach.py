"""Nobody gains reach over MCP: not whoever asks, and not whoever is asked."""

from __future__ import annotations

from random import Random

import pytest
from mcp import MCPError

from tests.flows.test_peers import NAMES, Crowd, matrix
from tests.mcp.visitors import TOKEN, connected
from xml_pipeline.server import serve
from xml_pipeline.testing import memory_organism


async def test_each_of_twenty_reaches_exactly_whom_it_lists_when_asked_over_mcp() -> None:
    """S3: all 400 pairs."""
    peers = matrix(Random(3))
    crowd = Crowd(peers, expose=("mcp",))
    async with memory_organism(*crowd.listeners) as organism:
        private = organism.config.server.model_copy(update={"port": 0})
        async with serve(organism, private, TOKEN) as address, connected(address.url) as client:
            for name in NAMES:
                await client.call_tool(f"{name}.Task", {"text": "object"})
            for name in ("system.buffer", "system.sequence", "nobody"):
                with pytest.raises(MCPError, match="There is no tool"):
                    await client.call_tool(name, {})
    assert crowd.reached == {
        ("object", sender, to)
        for sender in NAMES
        for to in NAMES
        if to in peers[sender] or to == sender
    }
