"""A run: an agent's work on one request, from its first turn to its answer, as plain data.

It lies in the agent's state on the thread, so a restart finds it, and is written in the same step
as whatever the agent says. What the agent was told and said is beside it, in the transcript, and so
are the calls that are unanswered. Each of them is read when it is first needed, and written only
if it was: most answers to calls concern nothing but their call.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from xml_pipeline.agents.gather import Gather, changed, encode
from xml_pipeline.agents.transcript import appended, from_json, to_json
from xml_pipeline.llm.base import Message, Usage
from xml_pipeline.spent import Spent


@dataclass(slots=True)
class Run:
    """How far the work on a request has come.

    ``number`` counts the requests of the thread, ``turn`` the turns of this one. ``steering`` is
    what the caller said meanwhile, as a transcript. ``started`` is seconds since 1970. ``flushed``
    says that a memory was told of something.
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
    flushed: bool = False
    compactions: int = 0
    loops: int = 0
    steering: str = ""

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

    def steer(self, message: Message) -> None:
        """Keep what the caller says meanwhile, until the model's next turn."""
        self.steering = appended(self.steering, (message,))

    def take_steering(self) -> tuple[Message, ...]:
        """Return what the caller has said meanwhile; it is kept no longer."""
        said, self.steering = self.steering, ""
        return from_json(said) if said else ()

    def begin(self, now: float, *, session: bool) -> None:
        """Begin with another request; ``now`` is 0 where nobody has to know."""
        fresh = Run(self.number + 1, active=True, started=now, session=session)
        for name in Run.__slots__:
            setattr(self, name, getattr(fresh, name))


def load(state: Mapping[str, Any]) -> Run:
    """Return the run in an agent's state."""
    return Run(**json.loads(state["run"])) if "run" in state else Run()


def spent_in(state: Mapping[str, Any]) -> Spent | None:
    """Return what the present run in an agent's state has taken, None where there is none."""
    try:
        run = load(state)
    except (TypeError, ValueError, LookupError):  # Somebody else had this name, and this state.
        return None
    return run.spent if run.active else None


def keep(state: MutableMapping[str, Any], run: Run) -> None:
    """Keep a run in an agent's state: of all that is in it, what is not as at the beginning."""
    state["run"] = encode(changed(Run.__slots__, _RUN(run), _NEW_RUN))


_RUN = attrgetter(*Run.__slots__)
_NEW_RUN = _RUN(Run())


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


class Known:
    """What an agent knows of a thread; ``calls`` are the last turn's, until all are answered."""

    __slots__ = ("_run", "_state", "calls", "transcript")

    def __init__(self, state: MutableMapping[str, Any]) -> None:
        self._state = state
        self._run: Run | None = None
        self.calls = Gather.kept(state)
        self.transcript = Transcript(state)

    @property
    def run(self) -> Run:
        """Return the run."""
        if self._run is None:
            self._run = load(self._state)
        return self._run

    def keep_run(self) -> None:
        """Put the run into the state, if it was read at all."""
        if self._run is not None:
            keep(self._state, self._run)

    def keep(self) -> None:
        """Put into the state whatever was read of it."""
        self.keep_run()
        self.transcript.keep()
        self.calls.keep(self._state)
