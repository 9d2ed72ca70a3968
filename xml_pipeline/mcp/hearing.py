"""What a server has to say while it is asked something, and whose call that is of.

Over HTTP it says so on the stream of the call, which is known by its context. Over standard streams
it does not, so it can only be of a call that is alone under way: of several, nobody is told what
may be somebody else's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextvars import ContextVar, Token
from dataclasses import dataclass

from mcp import types
from mcp.shared.dispatcher import ProgressFnT

from xml_pipeline.events import LogLevel
from xml_pipeline.mcp.questions import Ask
from xml_pipeline.payload.text import carried

LONGEST_WORDS = 1_000
"""Characters of what a server says meanwhile that are told."""

Say = Callable[[LogLevel, str], None]
"""Tells whoever watches a call what its server says of it."""

_call: ContextVar[Say | None] = ContextVar("call of an MCP server", default=None)


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """What is done with what a server asks, says, and tells of its progress during one call."""

    ask: Ask | None
    say: Say
    progress: ProgressFnT


class Hearing:
    """Hears one server for all calls under way; ``says_whose`` where it says of which it speaks."""

    def __init__(self, *, says_whose: bool) -> None:
        self._says_whose = says_whose
        self._calls: list[Say] = []

    def begin(self, say: Say) -> Token[Say | None]:
        """Have what the server says of the call in this context told, until its ``end``."""
        self._calls.append(say)
        return _call.set(say)

    def end(self, say: Say, begun: Token[Say | None]) -> None:
        """Tell it no more."""
        _call.reset(begun)
        self._calls.remove(say)

    async def heard(self, params: types.LoggingMessageNotificationParams) -> None:
        """Tell whose call it is."""
        say = _call.get()
        if say is None and len(self._calls) == 1 and not self._says_whose:
            (say,) = self._calls
        if say is not None:
            said = params.data
            words = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
            say(params.level, carried(words)[:LONGEST_WORDS])
