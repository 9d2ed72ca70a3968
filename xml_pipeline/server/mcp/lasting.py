"""What lasts between the requests of one client: its connection, where it has one."""

from __future__ import annotations

from typing import Any, get_args

from mcp import types
from mcp.server import ServerRequestContext
from mcp.server.connection import Connection, allowed_log_levels
from mcp.types.version import MODERN_PROTOCOL_VERSIONS

from xml_pipeline.events import LogLevel

Context = ServerRequestContext[Any, Any]

LEVELS: tuple[LogLevel, ...] = get_args(LogLevel)
LEVEL = "xml-pipeline log level"
USUAL: LogLevel = "info"
"""From which level on a client of the older wire is told, until it says otherwise."""


def connection_of(context: Context) -> Connection:
    """Return the connection of a request, for which the SDK has no public word."""
    return context.session._connection


async def set_level(context: Context, params: types.SetLevelRequestParams) -> types.EmptyResult:
    """Note from which level on a client wants to be told."""
    connection_of(context).state[LEVEL] = params.level
    return types.EmptyResult()


def levels(context: Context) -> frozenset[str]:
    """Return the levels of which a client wants to be told in this request."""
    if is_modern(context):  # There it says so with each request, or wants to hear nothing.
        return frozenset(allowed_log_levels(context.protocol_version, context.meta))
    least = connection_of(context).state.get(LEVEL, USUAL)
    return frozenset(LEVELS[LEVELS.index(least) :])


def is_modern(context: Context) -> bool:
    """Tell whether a client is on the wire on which nobody asks it anything in mid-call."""
    return context.protocol_version in MODERN_PROTOCOL_VERSIONS
