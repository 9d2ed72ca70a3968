"""Running a past conversation again: would the present handlers decide as those did then?

The rule this file guards: every message is handled as it was handed over then, with what its
listener remembered then, whatever was decided meanwhile; what comes of it is settled as ever, and
goes nowhere. So each difference is one of that handler, and not a consequence of another. What
acts outside the organism is not run again: nothing out there happens twice.

What is compared are the lines that both leave in the journal, byte by byte, but for what never
comes twice: times, the numbers of messages, ids and texts of faults. Listeners of the system are
not run again; nor is what ended because time was up, or a thread was killed.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from xml_pipeline.backends import PastConversation
from xml_pipeline.dispatch.answers import all_said, code_of
from xml_pipeline.dispatch.jobs import JobFailed, JobUndone
from xml_pipeline.dispatch.offload import Turn
from xml_pipeline.errors import Denied, Rejected, Retryable
from xml_pipeline.journal.lines import NOBODY, lines_of
from xml_pipeline.journal.reading import Line, PastDelivery, Story, tell
from xml_pipeline.journal.remembered import Remembered
from xml_pipeline.kernel import Kernel
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.message import Delivery
from xml_pipeline.recovery import Resumption
from xml_pipeline.system import SYSTEM

_REMEMBERS = frozenset("zZ")
_OTHERS = frozenset("csuvatilrnqhg")
"""Letters of lines that tell of something else than what came of one delivery."""


Told = tuple[str, list[str], bytes]
"""A line's letter, its fields and its body."""


class Decision(NamedTuple):
    """One thing that a handler decided: in words, and as its payload; ``exact`` is compared."""

    words: str
    payload: bytes
    exact: bytes


@dataclass(frozen=True, slots=True)
class Step:
    """One message that was handled: what was decided then, and what would be now.

    ``hindrance`` says why it could not be handled at all any more.
    """

    message_id: str
    listener: str
    attempt: int
    then: tuple[Decision, ...]
    now: tuple[Decision, ...]
    hindrance: str = ""

    @property
    def same(self) -> bool:
        """Tell whether the decision is the same."""
        return not self.hindrance and self.then == self.now


@dataclass(slots=True)
class Replay:
    """What came of running a conversation again; ``skipped`` counts what was not run again."""

    conversation: str
    steps: list[Step] = field(default_factory=list)
    skipped: int = 0

    @property
    def same(self) -> bool:
        """Tell whether everything would be decided as it was."""
        return all(each.same for each in self.steps)


async def replay(kernel: Kernel, past: PastConversation) -> Replay:
    """Run a conversation again with the listeners of a kernel made for it.

    Its pump must not run, and its journal must keep what happens, in memory. Raises
    UnreadableJournal.
    """
    again = _Again(kernel, Story(past.id))
    async with _workers(kernel):
        for line in tell(past, again.story):
            await again.take(line)
        again.compare()
    return again.result


class _State(NamedTuple):
    """What was remembered on a thread."""

    thread: str
    data: bytes


class _Handled(NamedTuple):
    """What a handler returned or raised; ``metadata`` has the state that it left."""

    metadata: HandlerMetadata | None
    answer: Any
    hindrance: str = ""


@dataclass(slots=True)
class _Open:
    """A delivery that was settled: lines about it may follow in the same commit.

    ``before`` is what was remembered until then on its thread.
    """

    step: Step
    entry: int
    lines: list[Line]
    before: _State


class _Again:
    """Goes through a log, and does again what it tells of."""

    def __init__(self, kernel: Kernel, story: Story) -> None:
        self.story = story
        self.result = Replay(story.id)
        self._kernel = kernel
        self._view = kernel.dispatch.surroundings
        self._handled: dict[tuple[int, str], _Handled] = {}
        self._open: _Open | None = None

    async def take(self, line: Line) -> None:
        """Do what a line tells of."""
        if self._open is not None:
            if line.entry == self._open.entry and line.letter not in {*_OTHERS, "d", "y"}:
                self._open.lines.append(line)
                return
            self.compare()
        if line.letter in "sudy":
            key = (int(line.fields[0]), line.fields[1])
            if line.letter == "s":
                await self._hand_over(key)
            elif line.letter == "u":
                self._handled.pop(key, None)
            elif key in self._handled:
                await self._settle(key, line)

    def compare(self) -> None:
        """Take in what was decided then, now that all of it is told."""
        if self._open is None:
            return
        opened, self._open = self._open, None
        lines = ((each.letter, each.fields, each.body) for each in opened.lines)
        then = _decisions(lines, opened.before)
        if any(each.words == "fails: timeout" for each in then):
            self.result.skipped += 1
            return
        step = opened.step
        self.result.steps.append(
            Step(step.message_id, step.listener, step.attempt, then, step.now, step.hindrance)
        )

    async def _hand_over(self, key: tuple[int, str]) -> None:
        past = self.story.deliveries[key]
        listener = self._kernel.listeners.find(past.listener)
        is_of_system = past.listener.partition(".")[0] == SYSTEM
        if is_of_system or (listener is not None and listener.acts_outside):
            self.result.skipped += 1
            return
        resumption = Resumption(self._kernel, self.story)
        try:
            delivery = resumption.look_at(past)
            metadata = HandlerMetadata(delivery, self._view)
            answer = await self._answer(delivery, metadata)
            self._handled[key] = _Handled(metadata, answer)
        except Rejected as error:
            self._handled[key] = _Handled(None, None, error.detail)
        await self._leave(resumption)

    async def _answer(self, delivery: Delivery, metadata: HandlerMetadata) -> Any:
        """Return what a handler says, or the error that it ends with."""
        listener = delivery.listener
        if listener.apart:
            said: Any = self._kernel.offload.run(
                delivery, metadata, Turn(listener.timeout, _unheeded)
            )
        else:
            said = all_said(listener.handler, delivery.payload, metadata)
        limited = asyncio.wait_for(said, listener.timeout)
        answers: Any = await asyncio.gather(limited, return_exceptions=True)
        return answers[0]

    async def _settle(self, key: tuple[int, str], line: Line) -> None:
        """Settle what was handled, where it was settled then, and note what comes of it."""
        handled, past = self._handled.pop(key), self.story.deliveries[key]
        before = _State(key[1], self.story.threads[key[1]].state.data)
        now: tuple[Decision, ...] = ()
        if handled.metadata is not None:
            lines = await self._decided(past, handled.metadata, handled.answer)
            now = _decisions(lines, before)
        step = Step(
            f"{self.story.id}.{key[0]}", past.listener, past.attempts, (), now, handled.hindrance
        )
        self._open = _Open(step, line.entry, [line], before)

    async def _decided(
        self, past: PastDelivery, metadata: HandlerMetadata, answer: Any
    ) -> Iterator[Told]:
        """Settle a delivery in the sandbox; return what that leaves in its journal."""
        resumption, journal = Resumption(self._kernel, self.story), self._kernel.journal
        delivery = resumption.look_at(past)
        self._kernel.scheduler.admit([delivery])
        self._come_to(delivery, metadata, answer)
        await journal.commit()
        written = await journal.backend.conversation(self.story.id)
        await self._leave(resumption)
        return lines_of(written.entries[-1].records if written is not None else b"")

    def _come_to(self, delivery: Delivery, metadata: HandlerMetadata, answer: Any) -> None:
        settlement = self._kernel.settlement
        if isinstance(answer, Retryable | JobUndone):
            settlement.retry(delivery, answer.after, repr(answer))
        elif isinstance(answer, JobFailed):
            settlement.fail(delivery, Rejected(answer.code, answer.detail))
        elif isinstance(answer, TimeoutError):
            settlement.fail(delivery, Rejected("timeout", repr(answer)))
        elif isinstance(answer, Denied):
            settlement.fail(delivery, answer)
        elif isinstance(answer, BaseException):
            settlement.fail(delivery, Rejected(code_of(answer), repr(answer)))
        else:
            try:
                settlement.succeed(delivery, metadata, answer)
            except (TypeError, ValueError, AttributeError) as error:
                settlement.fail(delivery, Rejected("handler", repr(error)))

    async def _leave(self, resumption: Resumption) -> None:
        resumption.leave()
        await self._kernel.journal.commit()


def states_in(past: PastConversation) -> Iterator[tuple[str, bytes]]:
    """Yield each state that was written down, in order, with the id of its thread."""
    threads: dict[str, Remembered] = defaultdict(Remembered)
    for entry in past.entries:
        for letter, fields, body in lines_of(entry.records):
            if letter not in _REMEMBERS:
                continue
            state = threads[fields[0]]
            if letter == "z":
                state.begin(body)
            else:
                state.change(body)
            yield fields[0], state.data


@asynccontextmanager
async def _workers(kernel: Kernel) -> AsyncIterator[None]:
    """Have worker processes for listeners that need them."""
    kernel.scheduler.clock = asyncio.get_running_loop().time
    await kernel.offload.start()
    try:
        yield
    finally:
        await kernel.offload.stop()


def _decisions(lines: Iterable[Told], before: _State) -> tuple[Decision, ...]:
    """Return what was decided, of the lines that tell of it."""
    found = (
        _remembered(letter, fields[0], body, before)
        if letter in _REMEMBERS
        else _decision(letter, fields, body)
        for letter, fields, body in lines
    )
    return tuple(each for each in found if each is not None)


def _remembered(letter: str, thread: str, body: bytes, before: _State) -> Decision | None:
    """Return what is remembered from then on, None where that has not changed.

    As a whole, however it was written: an earlier version wrote it otherwise.
    """
    known = before.data if thread == before.thread else b""
    state = Remembered()
    state.begin(body if letter == "z" else known)
    if letter != "z":
        state.change(body)
    return Decision("remembers", state.data, b"z" + state.data) if state.data != known else None


def _decision(letter: str, fields: list[str], body: bytes) -> Decision | None:
    if letter == "m":
        return _said(fields, body)
    if letter == "w":
        _, _, _, kind, to, key, _ = fields
        exact = "\t".join(("w", kind, to, key)).encode()
        return Decision(f"says later{_to(to)}", body, exact + body)
    if letter == "f":
        words = f"fails: {fields[1]}"
        return Decision(words, b"", "\t".join(("f", fields[1], *fields[2:4])).encode())
    words = {"o": "promises an answer", "y": "tries again later"}.get(letter, "")
    return Decision(words, b"", letter.encode()) if words else None


def _said(fields: list[str], body: bytes) -> Decision | None:
    """Return what a message is, if it is one of its handler: not of the pump, nor unfolded."""
    _, kind, origin, sender, thread, answers, key, hops, to, _, _ = fields
    if kind not in ("send", "reply") or origin == "outside":
        return None
    chosen = key if key.startswith('"') else ""
    exact = "\t".join((kind, sender, thread, answers, chosen, hops, to)).encode()
    words = "answers" if kind == "reply" else f"sends{_to(to)}"
    return Decision(words, body, exact + body)


def _to(field: str) -> str:
    return "" if field == NOBODY else f" to {json.loads(field)}"


def _unheeded() -> None:
    """Heed nothing: the time of a delivery that is replayed begins when it is handed over."""
