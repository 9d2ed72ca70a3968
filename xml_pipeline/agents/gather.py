"""Gather: the calls of a turn, and what they come to, until all of them are answered.

Each call lies under a key of its own in the agent's state, where an answer to it is read and
written alone: one of hundreds costs hardly more than one of two. The key of a message says which
call it belongs to: ``run.turn.call`` and perhaps more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from xml_pipeline.agents.functions import Part
from xml_pipeline.llm.base import ToolResult

encode = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode

_KEY = "call "
_CALLS = "calls"
"""Where it lies how many there are, and how many messages and unanswered ones of them."""


@dataclass(slots=True)
class Call:
    """One call of a turn: what the model asked for, and what it came to.

    ``parts`` are the messages it takes, by their keys, and the answers that are in; most calls
    take one; ``titles`` are their headings where it takes several. ``content`` is None while it
    is still to be answered. With ``hands_off`` its answer is the agent's own. ``arguments``
    are kept for guardrails only. ``agents`` are those that work on its messages, by their keys.
    ``unnoted`` are the keys of good answers that others may be told of yet. ``media`` are the
    pictures and sounds that the model is shown, each as its type and its data.
    """

    id: str = ""
    name: str = ""
    content: str | None = None
    is_error: bool = False
    parts: dict[str, str | None] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    hands_off: bool = False
    arguments: dict[str, Any] = field(default_factory=dict)
    agents: dict[str, list[str]] = field(default_factory=dict)
    unnoted: list[str] = field(default_factory=list)
    media: list[list[str]] = field(default_factory=list)

    @property
    def result(self) -> ToolResult:
        """Return the result that the model is given."""
        return ToolResult(self.id, self.content or "", self.is_error)

    def expect(self, key: str, part: Part) -> None:
        """Wait for the answer to one more message, or take what is told in its place."""
        self.parts[key] = None if part.message is not None else part.content
        if part.title:
            self.titles[key] = part.title
        if part.agents:
            self.agents[key] = [*part.agents]
        if None not in self.parts.values():
            self.content = self._whole()
        elif self.content is not None:
            self.content = None

    def take(self, key: str, text: str, is_error: bool) -> None:
        """Take in the answer to one of its messages; the last one settles it."""
        self.parts[key] = f"Error: {text}" if is_error and self.titles else text
        self.is_error = self.is_error or (is_error and not self.titles)
        if self.agents and not is_error:
            self.unnoted.append(key)
        if None not in self.parts.values():
            self.content = self._whole()

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the keys of the messages that are not answered."""
        return tuple(key for key, text in self.parts.items() if text is None)

    def _whole(self) -> str:
        if not self.titles:
            return "\n\n".join(each or "" for each in self.parts.values())
        said = (f"=== {self.titles[key]} ===\n{text}" for key, text in self.parts.items())
        return "\n\n".join(said)


class Gather:
    """The calls of a turn in their order; of those that lie in a state, only what is asked for.

    ``parts`` counts the messages that they take. ``_others`` counts the unanswered ones that
    have not been read.
    """

    __slots__ = ("_is_new", "_others", "_read", "_size", "_state", "parts")

    def __init__(self, calls: Iterable[Call] = ()) -> None:
        self._state: Mapping[str, Any] = {}
        self._read = dict(enumerate(calls))
        self._size, self._others, self._is_new = len(self._read), 0, True
        self.parts = sum(len(each.parts) for each in self._read.values())

    @classmethod
    def kept(cls, state: Mapping[str, Any]) -> Gather:
        """Return the calls that lie in a state."""
        gather = cls()
        if _CALLS in state:
            gather._state, gather._is_new = state, False
            gather._size, gather.parts, gather._others = map(int, state[_CALLS].split())
        return gather

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Call]:
        return map(self._at, range(self._size))

    @property
    def waits(self) -> bool:
        """Tell whether a call is still to be answered."""
        return self._others > 0 or any(each.content is None for each in self._read.values())

    def of(self, key: str) -> Call | None:
        """Return the unanswered call that a message of this key belongs to, if there is one."""
        _, _, number = f"{key}.".partition(".")[2].partition(".")
        first = number.partition(".")[0] or "0"  # A whole task is one call of no turn.
        index = int(first) if first.isdecimal() else self._size
        call = self._at(index) if index < self._size else None
        is_open = call is not None and call.content is None and call.parts.get(key, "") is None
        return call if is_open else None

    def keep(self, state: MutableMapping[str, Any]) -> None:
        """Put into a state what was read or is new."""
        if self._is_new:
            for key in [key for key in state if key.startswith(_KEY)]:
                del state[key]
            state.pop(_CALLS, None)
        for index, call in self._read.items():
            state[f"{_KEY}{index}"] = encode(changed(Call.__slots__, _CALL(call), _NEW_CALL))
        if self._read:
            unanswered = sum(each.content is None for each in self._read.values())
            state[_CALLS] = f"{self._size} {self.parts} {self._others + unanswered}"

    def _at(self, index: int) -> Call:
        call = self._read.get(index)
        if call is None:
            call = self._read[index] = Call(**json.loads(self._state[f"{_KEY}{index}"]))
            self._others -= call.content is None
        return call


def changed(
    names: Iterable[str], values: Iterable[object], new: Iterable[object]
) -> dict[str, object]:
    """Return the fields that are not as ``new``, by their names."""
    both = zip(names, values, new, strict=True)
    return {name: now for name, now, before in both if now != before}


_CALL = attrgetter(*Call.__slots__)
_NEW_CALL = _CALL(Call())
