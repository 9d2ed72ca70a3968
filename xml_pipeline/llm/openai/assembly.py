"""Puts a chat completion together that comes in pieces."""

from __future__ import annotations

from typing import Any

from xml_pipeline.llm.base import Hear, TextDelta, ThinkingDelta, Usage
from xml_pipeline.llm.openai.reply import check, usage_in
from xml_pipeline.llm.openai.thoughts import joined, spoken
from xml_pipeline.llm.wire.http import Complaint
from xml_pipeline.llm.wire.reading import Json, branch, branches, words


class Assembly:
    """Puts a reply together from the chunks of a stream, and lets it be heard meanwhile.

    A stream is complete that gave a reason why it finished, and then ``[DONE]``.
    """

    def __init__(self, hear: Hear) -> None:
        self._hear = hear
        self._reply: dict[str, Any] = {}
        self._finish = ""
        self._text: list[str] = []
        self._thoughts: list[str] = []
        self._details: list[Json] = []
        self._calls: list[_Call] = []
        self._usage: Json = {}
        self._done = False

    @property
    def usage(self) -> Usage:
        """Return what was spent as far as it is known."""
        return usage_in(self._usage)

    def take(self, chunk: Json | None) -> bool:
        """Take one chunk, and tell whether it was the last one."""
        if chunk is None:
            self._done = True
            return True
        self._usage = branch(chunk, "usage") or self._usage
        check(chunk)
        self._reply |= {name: value for name in ("id", "model") if (value := words(chunk, name))}
        for choice in branches(chunk, "choices")[:1]:
            check(choice)
            self._grow(branch(choice, "delta"))
            self._finish = words(choice, "finish_reason") or self._finish
        return False

    def whole(self) -> Json:
        """Return the reply as it would have come at once."""
        if not self._done or (self._said and not self._finish):
            raise Complaint("the stream was cut off", reason="network")
        message = {
            "content": "".join(self._text),
            "reasoning": "".join(self._thoughts),
            "reasoning_details": joined(self._details),
            "tool_calls": [each.whole() for each in self._calls],
        }
        choices = [{"message": message, "finish_reason": self._finish}] if self._finish else []
        return self._reply | {"choices": choices, "usage": self._usage}

    @property
    def _said(self) -> bool:
        return bool(self._text or self._thoughts or self._details or self._calls)

    def _grow(self, delta: Json) -> None:
        if thought := spoken(delta):
            self._thoughts.append(thought)
            self._hear(ThinkingDelta(thought))
        self._details += branches(delta, "reasoning_details")
        if text := words(delta, "content"):
            self._text.append(text)
            self._hear(TextDelta(text))
        for piece in branches(delta, "tool_calls"):
            self._call_of(piece).grow(piece)

    def _call_of(self, piece: Json) -> _Call:
        """Return the call that a piece belongs to: one with another id is another call.

        Some give every call the index 0, and some give none.
        """
        index, name = piece.get("index"), words(piece, "id")
        same = [each for each in self._calls if index is None or each.index == index]
        if same and (not name or same[-1].id in ("", name)):
            return same[-1]
        self._calls.append(_Call(index))
        return self._calls[-1]


class _Call:
    """A call that comes in pieces."""

    def __init__(self, index: Any) -> None:
        self.index = index
        self.id = ""
        self._name = ""
        self._arguments: list[str] = []

    def grow(self, piece: Json) -> None:
        function = branch(piece, "function")
        self.id = self.id or words(piece, "id")
        self._name = self._name or words(function, "name")
        self._arguments.append(words(function, "arguments"))

    def whole(self) -> Json:
        function = {"name": self._name, "arguments": "".join(self._arguments)}
        return {"id": self.id, "function": function}
