"""A model that obeys every instruction that it reads, whoever wrote it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from xml_pipeline.llm.base import (
    Completion,
    Hear,
    Message,
    Request,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    unheard,
)

_ORDER = re.compile(r"\bDO (\w+) (\{.*\})")
_TELL = re.compile(r"^TELL (.*)", re.DOTALL)


class Obedient:
    """Calls whatever it is told to call, in what it is asked and in all results.

    ``results`` has those of its calls by their ids, which begin at c0.
    """

    def __init__(self) -> None:
        self.results: dict[str, ToolResult] = {}
        self._calls = 0

    def forget(self) -> None:
        """Begin anew."""
        self.results.clear()
        self._calls = 0

    def provider(self, address: str) -> Obedient:
        """Return what thinks for any agent."""
        return self

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Obey what was said last."""
        last = request.messages[-1]
        results = [each for each in last.blocks if isinstance(each, ToolResult)]
        self.results.update((each.call_id, each) for each in results)
        if not results and (told := _TELL.match(last.text)):
            return _said(told[1])
        texts = [each.content for each in results] or [last.text]
        calls = tuple(call for text in texts for call in self._obeying(text))
        if not calls:
            return _said("Done.")
        return Completion(Message("assistant", calls), Usage(10, 10), "tool_use")

    async def aclose(self) -> None:
        """Close nothing."""

    def _obeying(self, text: str) -> Iterator[ToolCall]:
        for function, written in _ORDER.findall(text):
            yield ToolCall(f"c{self._calls}", function, json.loads(written))
            self._calls += 1


def _said(text: str) -> Completion:
    return Completion(Message("assistant", (Text(text),)), Usage(10, 10), "end_turn")
