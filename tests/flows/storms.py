"""A random organism in a random storm, and what must hold of it whatever happens."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from tests.flows.payloads import Note, Number, Result, Task
from xml_pipeline.errors import Unanswered
from xml_pipeline.events import Event, MessageReceived, MessageSent, ThreadEvent
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.system import SystemError, ThreadEnded
from xml_pipeline.testing import memory_organism

pytestmark = pytest.mark.virtual_clock  # Each storm runs on a loop of its own, of that kind.

FINAL = ("completed", "error", "killed")
PAYLOADS = (Task, Result, Note, Number)
SOME = (Task("t"), Result("r"), Note("n"), Number(1))


@dataclass
class Storm:
    """One random organism, what its listeners do, and what was seen of it."""

    random: Random
    names: list[str]
    limits: dict[str, int | None] = field(default_factory=dict)
    peers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    running: dict[str, set[Any]] = field(default_factory=lambda: defaultdict(set))
    busy_threads: set[str] = field(default_factory=set)
    sent: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    received: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    closed: Counter[str] = field(default_factory=Counter)
    opened: Counter[str] = field(default_factory=Counter)
    completed: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def listeners(self) -> list[Listener]:
        return [self._listener(name) for name in self.names]

    def _listener(self, name: str) -> Listener:
        pick = self.random
        self.limits[name] = pick.choice((None, 1, 2))
        few = tuple(pick.sample(self.names, pick.randint(1, len(self.names))))
        self.peers[name] = pick.choice((few, (*self.names, "crowd")))
        heard = [each for each in (SystemError, ThreadEnded) if pick.random() < 0.8]
        accepts = (*pick.sample(PAYLOADS, pick.randint(3, len(PAYLOADS))), *heard)
        return Listener(
            name,
            accepts,
            self._handle,
            description="Takes part in a storm.",
            peers=self.peers[name],
            broadcast=pick.random() < 0.3,
            group=pick.choice((None, "crowd")),
            max_concurrent=self.limits[name],
            timeout=pick.choice((1.0, 5.0)),
        )

    async def _handle(self, payload: Any, metadata: HandlerMetadata) -> Any:
        name, thread = metadata.own_name, metadata.thread_id
        if thread in self.busy_threads:
            self.faults.append(f"{name}: two deliveries at once on one thread")
        if (
            metadata.from_id in self.peers
            and not metadata.is_self_call
            and not metadata.in_reply_to
        ):
            allowed = self.peers[metadata.from_id]
            if name not in allowed and "crowd" not in allowed:
                self.faults.append(f"{metadata.from_id} reached {name} and may not")
        self.busy_threads.add(thread)
        task, limit = asyncio.current_task(), self.limits[name]
        self.running[name].add(task)
        # One that was told to stop, and will in this very turn, takes no slot any more.
        heard = [each for each in self.running[name] if not each.cancelling()]
        if limit is not None and len(heard) > limit:
            self.faults.append(f"{name}: over its limit")
        try:
            return await self._act(metadata)
        finally:
            self.running[name].discard(task)
            self.busy_threads.discard(thread)

    async def _act(self, metadata: HandlerMetadata) -> Any:
        pick = self.random
        for _ in range(pick.randint(0, 2)):
            await asyncio.sleep(pick.choice((0.0, 0.1, 2.0)))
        metadata.state["calls"] = metadata.state.get("calls", 0) + 1
        what = pick.random()
        if what < 0.25:
            return HandlerResponse.respond(self._payload())
        if what < 0.3:
            raise RuntimeError("a storm")
        if what < 0.35:
            return None
        if what < 0.45:
            return [HandlerResponse.defer(within=pick.choice((0.5, 3.0))), *self._sends()]
        return self._sends()

    def _sends(self) -> list[HandlerResponse]:
        pick = self.random
        sends = [
            HandlerResponse(
                self._payload(), to=pick.choice((*self.names, *self.names, "crowd", None))
            )
            for _ in range(pick.randint(1, 3))
        ]
        return [each.after(pick.choice((0.0, 0.0, 1.0))) for each in sends]

    def _payload(self) -> object:
        pick = self.random
        return Task("\x00") if pick.random() < 0.03 else pick.choice(SOME)

    def note(self, event: Event) -> None:
        if isinstance(event, ThreadEvent):
            if event.status == "created":
                self.opened[event.thread_id] += 1
            elif event.status in FINAL:
                self.closed[event.thread_id] += 1
        elif isinstance(event, MessageSent | MessageReceived) and event.to_id == "outside":
            return  # It leaves the organism, and waits for nobody's turn.
        elif isinstance(event, MessageSent):
            self.sent[event.thread_id].append(event.message_id)
        elif isinstance(event, MessageReceived):
            self.received[event.thread_id].append(event.message_id)

    async def on_intent(self, *said: object) -> object:
        return said

    async def on_dispatched(self, entry: object) -> None: ...
    async def on_acknowledged(self, entry: object) -> None: ...
    async def on_failed(self, entry: object, error: str) -> None: ...
    async def on_thread_complete(self, thread_id: str) -> None:
        self.completed[thread_id] += 1

    async def ask(self, organism: Organism) -> str:
        """Ask somebody something, and return what came of it."""
        pick = self.random
        to = pick.choice((*self.names, *self.names, "crowd", "nobody"))
        try:
            await organism.ask(to, pick.choice(SOME), timeout=pick.choice((3, 60)))
        except Unanswered as error:
            return type(error).__name__
        return "answered"

    async def meddle(self, organism: Organism) -> None:
        """Kill, pause and answer at random while the storm goes on."""
        pick = self.random
        for _ in range(pick.randint(0, 6)):
            await asyncio.sleep(pick.choice((0.1, 1.0)))
            threads = list(organism.kernel.threads)
            name = pick.choice(self.names)
            if threads and pick.random() < 0.5:
                organism.kill(pick.choice(threads).id)
            elif pick.random() < 0.5:
                organism.pause(name)
            for thread in threads:
                if thread.open and thread.owed is not None and pick.random() < 0.5:
                    organism.answer(thread.id, self._payload())
        for name in self.names:
            organism.resume(name)


async def assert_books_balance(
    storm: Storm, concurrent: int, scheduling: str, hooked: bool
) -> None:
    organism = memory_organism(
        *storm.listeners(),
        max_concurrent_handlers=concurrent,
        thread_scheduling=scheduling,
        budget={"hops": 8, "messages": 150, "seconds": 500},
    )
    async with organism:
        organism.subscribe(storm.note)
        if hooked:
            organism.hooks.append(storm)
        asking = [storm.ask(organism) for _ in range(storm.random.randint(1, 12))]
        outcomes = await asyncio.gather(*asking, storm.meddle(organism))
        assert all(outcomes[:-1])
        await organism.drain()
        await asyncio.sleep(1_000)  # Nothing deferred or delayed is left after that.
        await organism.drain()
        kernel = organism.kernel
        assert storm.faults == []
        assert (len(kernel.threads), kernel.threads.conversations) == (0, 0)
        assert (kernel.scheduler.running, kernel.scheduler.waiting) == (0, 0)
        assert (kernel.scheduler.waiting_bytes, len(kernel.inbox), kernel.inbox.size) == (0, 0, 0)
        assert storm.closed == storm.opened
        assert set(storm.closed.values()) <= {1}
        if hooked:
            assert storm.completed == storm.closed
        for thread, received in storm.received.items():
            waiting = iter(storm.sent[thread])
            assert all(message in waiting for message in received), "out of order"
