"""What cards agents elsewhere have at present, and how those differ from what was approved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import unified_diff

from xml_pipeline.a2a.cards import Card, UnusableCard, interface_of
from xml_pipeline.a2a.connection import Connection
from xml_pipeline.a2a.failures import AgentFailed
from xml_pipeline.config import A2aAgentConfig


async def discover(name: str, config: A2aAgentConfig) -> Card:
    """Ask an agent for its card; AgentFailed where there is none that can be used."""
    connection = Connection(name, config)
    try:
        card = await connection.card()
        interface_of(card, config)
    except UnusableCard as error:
        raise AgentFailed(f"{name} cannot be had: {error}") from None
    finally:
        await connection.aclose()
    return card


def differences(before: Card | None, after: Card) -> Iterator[str]:
    """Yield, line by line, what is otherwise than was approved; nothing where nothing is."""
    if before is not None and before.digest == after.digest:
        return
    lines = unified_diff(_lines(before), _lines(after), n=1, lineterm="")
    yield from (each for each in lines if not each.startswith(("---", "+++", "@@")))


def _lines(card: Card | None) -> list[str]:
    """Return a card as lines; a terminal obeys none of them, for they are ASCII."""
    return json.dumps(card.said, indent=2, sort_keys=True).splitlines() if card else []
