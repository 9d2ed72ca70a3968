"""What the official conformance suite starts as a client: an organism that uses all there is.

``python -m tests.mcp.conformance_client URL`` approves the server and calls each tool once, with an
example of what it takes.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.mcp.house import organism
from xml_pipeline.errors import Unanswered
from xml_pipeline.payload import Codec


async def main(url: str) -> None:
    """Use every tool of a server."""
    with TemporaryDirectory() as folder:
        async with organism(Path(folder), box={"url": url}) as running:
            calls = [
                (each.name, payload)
                for each in running.listeners
                if each.group == "box"
                for codec in each.codecs.values()
                for payload in _payloads(each.name, codec)
            ]
            for name, payload in calls:
                try:
                    said = await running.ask(name, payload, timeout=20)
                except Unanswered as error:
                    said = error
                sys.stdout.write(f"{name}: {said}\n")


def _payloads(name: str, codec: Codec[Any]) -> list[Any]:
    """Return what a tool is called with: as the suite says, or else an example."""
    told = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}").get("toolCalls", [])
    wanted = [each["arguments"] for each in told if f"box.{each['name']}" == name]
    given = ({key: value for key, value in each.items() if value is not None} for each in wanted)
    return list(map(codec.from_json, given)) or [codec.example()]


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
