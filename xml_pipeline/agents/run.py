"""A run: an agent's work on one request, from its first turn to its answer, as plain data.

It lies in the agent's state on the thread, so a restart finds it, and is written in the same step
as whatever the agent says. What the agent was told and said is beside it, in the transcript.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from xml_pipeline.agents.functions import Part
from xml_pipeline.agents.payloads import Spent
from xml_pipeline.agents.transcript import appended, from_json, to_json
from xml_pipeline.llm.base import Message, ToolResult, Usage

_encode = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode


@dataclass(slots=True)
class Call:
    """One call of a turn: what the model asked for, and what it came to.

    ``parts`` are the messages it takes, by their keys, and the answers that are in; most calls
    take one; ``titles`` are their headings where it takes several. ``content`` is None while it
    is still to be answered. With ``hands_off`` its answer is the agent's own. ``arguments``
    are kept for guardrails only. ``agents`` are those that work on its messages, by their keys.
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


@dataclass(slots=True)
class Run:
    """How far the work on a request has come.

    ``number`` counts the requests of the thread, ``turn`` the turns of this one. ``calls`` are
    those of the last turn while any of them is unanswered. ``steering`` is what the caller said
    meanwhile. ``started`` is seconds since 1970.
    """

    number: int = 0
    turn: int = 0
    active: bool = False
    session: bool = False
    started: float = 0.0
    input: int = 0
    output: int = 0
    cache_write: int = 0
    cache_read: int = 0
    reasoning: int = 0
    usd: float = 0.0
    below: list[float] = field(default_factory=lambda: [0, 0, 0.0, 0, 0])
    tool_calls: int = 0
    prints: list[str] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    compacted: bool = False
    compactions: int = 0
    loops: int = 0
    calls: list[Call] = field(default_factory=list)
    steering: list[str] = field(default_factory=list)

    @property
    def usage(self) -> Usage:
        """Return the tokens of all turns so far."""
        return Usage(self.input, self.output, self.cache_write, self.cache_read, self.reasoning)

    def spend(self, usage: Usage, usd: float | None) -> None:
        """Count what a model took."""
        self.input += usage.input
        self.output += usage.output
        self.cache_write += usage.cache_write
        self.cache_read += usage.cache_read
        self.reasoning += usage.reasoning
        self.usd += usd or 0.0

    def add(self, spent: Spent | None) -> None:
        """Count what somebody below took."""
        if spent is not None:
            took = (
                *(spent.input_tokens, spent.output_tokens, spent.usd),
                *(spent.turns, spent.tool_calls),
            )
            self.below = [mine + more for mine, more in zip(self.below, took, strict=True)]

    @property
    def spent(self) -> Spent:
        """Return what it took, with everything below it."""
        tokens_in, tokens_out, usd, turns, calls = self.below
        usage = self.usage
        return Spent(
            usage.total - usage.output + int(tokens_in),
            usage.output + int(tokens_out),
            self.usd + usd,
            self.turn + int(turns),
            self.tool_calls + int(calls),
        )

    @property
    def waits(self) -> bool:
        """Tell whether a call is still to be answered."""
        return any(each.content is None for each in self.calls)

    def call_of(self, key: str) -> Call | None:
        """Return the unanswered call that a message of this key belongs to, if there is one."""
        for each in self.calls:
            if each.content is None and each.parts.get(key, "") is None:
                return each
        return None

    def begin(self, now: float, *, session: bool) -> None:
        """Begin with another request; ``now`` is 0 where nobody has to know."""
        fresh = Run(self.number + 1, active=True, started=now, session=session)
        for name in Run.__slots__:
            setattr(self, name, getattr(fresh, name))


def load(state: Mapping[str, Any]) -> Run:
    """Return the run in an agent's state."""
    if "run" not in state:
        return Run()
    kept = json.loads(state["run"])
    if "calls" in kept:
        kept["calls"] = [Call(**each) for each in kept["calls"]]
    return Run(**kept)


def keep(state: MutableMapping[str, Any], run: Run) -> None:
    """Keep a run in an agent's state: of all that is in it, what is not as at the beginning."""
    fields = _changed(run, Run.__slots__, _RUN, _NEW_RUN)
    if run.calls:
        fields["calls"] = [_changed(each, Call.__slots__, _CALL, _NEW_CALL) for each in run.calls]
    state["run"] = _encode(fields)


_RUN, _CALL = attrgetter(*Run.__slots__), attrgetter(*Call.__slots__)
_NEW_RUN, _NEW_CALL = _RUN(Run()), _CALL(Call())


def _changed(
    what: object, names: Iterable[str], fields: Callable[[Any], Any], new: Iterable[Any]
) -> dict[str, Any]:
    """Return the fields that are not as ``new``, by their names."""
    both = zip(names, fields(what), new, strict=True)
    return {name: now for name, now, before in both if now != before}


class Transcript:
    """What was said on a thread, read when it is first needed, and written when it has grown."""

    __slots__ = ("_kept", "_messages", "_state")

    def __init__(self, state: MutableMapping[str, Any]) -> None:
        self._state = state
        self._messages: list[Message] | None = None
        self._kept = 0

    @property
    def messages(self) -> tuple[Message, ...]:
        """Return all of it, the oldest first."""
        return tuple(self._read())

    @property
    def size(self) -> int:
        """Return how many bytes it took when it was last kept."""
        return len(self._state.get("transcript", ""))

    def add(self, message: Message) -> None:
        """Append a message."""
        self._read().append(message)

    def replace(self, messages: Iterable[Message]) -> None:
        """Put other messages in place of all there are."""
        self._messages = list(messages)
        self._kept = -1

    def keep(self) -> None:
        """Put it into the state, if it was read at all."""
        if self._messages is None:
            return
        if self._kept < 0:
            self._state["transcript"] = to_json(self._messages)
        elif new := self._messages[self._kept :]:
            self._state["transcript"] = appended(self._state.get("transcript", ""), new)

    def _read(self) -> list[Message]:
        if self._messages is None:
            kept = self._state.get("transcript")
            self._messages = list(from_json(kept)) if kept else []
            self._kept = len(self._messages)
        return self._messages
