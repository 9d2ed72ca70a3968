"""``mcp:client``: whoever is at the other end of an MCP call, as a listener.

What it is asked is owed until the client has answered. Where nobody called over MCP, or the client
cannot be asked, the asker is told so by a timeout: nothing is taken for granted.
"""

from __future__ import annotations

from typing import Any

from xml_pipeline.builtin import Built, Plan
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.mcp.payloads import (
    Elicit,
    Elicited,
    ListRoots,
    Roots,
    Sample,
    Sampled,
)

PATIENCE = 300.0
"""Seconds for which an answer is waited for."""


async def ask_client(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
    """Owe the answer: the server gives it."""
    return HandlerResponse.defer(within=PATIENCE)


def configured(plan: Plan) -> Built:
    """Build the listener."""
    return Built(ask_client, (Elicit, Sample, ListRoots), (Elicited, Sampled, Roots))
