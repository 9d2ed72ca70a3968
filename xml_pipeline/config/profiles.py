"""Profiles: sets of tools by name, to which an agent can be held."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PROFILES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "conversational": ("memory:*", "tools:question", "tools:todoread"),
        "standard": ("memory:*", "knowledge:*", "tools:*"),
        "full": ("*",),
    }
)
"""Those that are there in every organism: each a row of patterns.

A pattern with a colon is for the built-in handler of a listener, and ``mcp:NAME`` for a part of an
MCP server; any other is for a listener's name or its group.
"""
