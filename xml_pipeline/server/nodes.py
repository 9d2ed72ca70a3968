"""The route that shows the nodes of an organism."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from xml_pipeline.nodes import NodeSeen
from xml_pipeline.server.desk import Desk


class NodesRoute:
    """Shows who shares the work."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def list(self, request: Request) -> JSONResponse:
        """Show every node that lives, as this one has last seen it."""
        nodes = sorted(self._desk.organism.nodes, key=lambda each: (each.host, each.pid))
        return JSONResponse({"nodes": [_members(each) for each in nodes]})


def _members(node: NodeSeen) -> dict[str, Any]:
    seen = datetime.fromtimestamp(node.seen, UTC).isoformat(timespec="milliseconds")
    return {
        "id": node.id,
        "host": node.host,
        "pid": node.pid,
        "this": node.is_this,
        "shards": list(node.shards),
        "conversations": node.conversations,
        "paused": list(node.paused),
        "seen": seen.replace("+00:00", "Z"),
    }
