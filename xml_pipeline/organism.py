"""The organism: owns its listeners, threads, schedule and pump. Two of them share nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from xml_pipeline.approvals import Approvals
from xml_pipeline.audit.changes import changes, reach
from xml_pipeline.backends import Backend, DeadLetter
from xml_pipeline.commons import Closing
from xml_pipeline.config import OrganismConfig
from xml_pipeline.control import Control
from xml_pipeline.dead_letters import DeadLetters
from xml_pipeline.errands import Errands
from xml_pipeline.errors import Timeout, XmlPipelineError
from xml_pipeline.events import Event, EventStream, ListenersChanged, ReloadEvent
from xml_pipeline.hooks import DispatchHook
from xml_pipeline.identity.credentials import credentials_of
from xml_pipeline.kernel import Kernel, build_kernel, checked
from xml_pipeline.listener import Handler, Listener
from xml_pipeline.message import Delivery
from xml_pipeline.nodes import NodeSeen
from xml_pipeline.orders import Killed, Orders, Reload
from xml_pipeline.payload import RawPayload
from xml_pipeline.primitives import system_listeners
from xml_pipeline.pump import StreamPump
from xml_pipeline.running import Run
from xml_pipeline.steps.rail import Inserts
from xml_pipeline.subject import Subject, subject_of
from xml_pipeline.system import SYSTEM, Boot
from xml_pipeline.thread import Thread, party_of

PROGRAM = "program"
"""Who orders what the program itself does."""


class Organism:
    """Listeners that can only reach each other by messages, and the pump that moves those.

    An async context manager: it runs from entry to exit. On exit whatever still runs is
    cancelled; ``drain`` first waits until nothing is in flight. ``steps`` are inserted into
    the pipeline, at the envelope and at the delivery. ``closing`` is closed when it has stopped;
    ``errands`` kill, answer, decide and say things on whichever node a conversation is.

    If its pump ever dies, everybody who waits is told, and so is whoever leaves the context.
    ``approvals`` are the calls that wait for somebody to decide on them.
    """

    def __init__(
        self,
        listeners: Iterable[Listener] = (),
        *,
        config: OrganismConfig | None = None,
        backend: Backend | None = None,
        steps: Inserts | None = None,
    ) -> None:
        self.config = config if config is not None else OrganismConfig()
        self._kernel = build_kernel(self.config, backend)
        self._kernel.pump.rail.insert(steps if steps is not None else Inserts())
        self.closing: list[Closing] = []
        self._run = Run(self._kernel, self.config.organism.name)
        self._control = Control(self._kernel)
        self.approvals = Approvals(self._kernel)
        self.errands = Errands(self._kernel, self._control, self.approvals, self._run)
        self._orders = Orders(self._kernel, self._control, self.errands)
        self._run.learn, self._run.beside = self._orders.learn, self.errands.live
        self._letters = DeadLetters(self._kernel)
        everybody = (*system_listeners(self._kernel), *map(checked, listeners))
        self._kernel.put_in_place(everybody, self.config)

    @classmethod
    def load(cls, path: str | Path, journal: Path | None = None) -> Organism:
        """Build the organism that a file describes; ConfigError names everything wrong in it.

        ``journal`` is the SQLite file for what must outlive the process, where the organism's
        own file names no backend; without it, an organism of such a file forgets everything.
        The assembly, which knows every room, is found by name: this module knows none of them.
        """
        organism: Organism = import_module("xml_pipeline.assembly").assemble(Path(path), journal)
        return organism

    # ── life ────────────────────────────────────────────────────────────────────────────────

    async def __aenter__(self) -> Self:
        note = partial(self._control.begin, self.config, PROGRAM)
        await self._run.start(f"pump of {self.config.organism.name}", note)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._run.stop()
        finally:
            self._control.end(PROGRAM)
            for each in self.closing:
                await each.aclose()

    @property
    def running(self) -> bool:
        """Tell whether messages move: it was entered, is not being left, and its pump lives."""
        return self._run.is_on

    async def ended(self) -> None:
        """Wait until no message moves any more: the context is left, or the pump has died."""
        await self._run.ended()

    # ── from outside ────────────────────────────────────────────────────────────────────────

    async def ask(
        self,
        to: str,
        payload: object,
        *,
        timeout: float | None = None,
        sender: str = "outside",
        tenant: str = "",
        subject_token: str = "",
    ) -> Any:
        """Send a payload to a listener and return the payload it answers with.

        ``subject_token`` speaks for the person this is done for, wherever tokens are exchanged for
        it; it is kept in memory only. Raises HandlerFailed, NoReply, Timeout, BudgetExhausted or
        Undeliverable, each with the fault's code and id. Whoever stops waiting stops the work.
        """
        delivery = await self.ask_for_delivery(
            to,
            payload,
            timeout=timeout,
            sender=sender,
            tenant=tenant,
            subject_token=subject_token,
        )
        return delivery.payload

    async def ask_for_delivery(
        self,
        to: str | None,
        payload: object,
        *,
        timeout: float | None = None,
        sender: str = "outside",
        tenant: str = "",
        subject_token: str = "",
    ) -> Delivery:
        """Do as ``ask`` does and return the whole answer: payload, sender, ids."""
        await self._enter()
        thread = self._kernel.ingress.open(sender, tenant, subject_of(subject_token))
        self._kernel.ingress.say(thread, payload, to)
        answer = self.waiter(thread)
        try:
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError:
            words = f"no answer within {timeout} s"
            about = self._kernel.ingress.abandon(thread, words)
            raise Timeout(words, code="timeout", **about) from None
        except asyncio.CancelledError:
            self._kernel.ingress.abandon(thread, "nobody waits for the answer any more")
            raise

    async def send(
        self,
        to: str | None,
        payload: object,
        *,
        sender: str = "outside",
        tenant: str = "",
        subject_token: str = "",
    ) -> str:
        """Send a payload without waiting for the answer; returns the thread's id."""
        await self._enter()
        thread = self._kernel.ingress.open(sender, tenant, subject_of(subject_token))
        self._kernel.ingress.say(thread, payload, to)
        await self._written()
        return thread.id

    async def inject(
        self, raw: bytes, sender: str = "outside", *, tenant: str = "", subject_token: str = ""
    ) -> str:
        """Put a whole envelope, as bytes, on its way; returns the id of its thread.

        ``sender`` is who was authenticated: what the envelope says of its sender is
        overwritten. Waits while the outer door is full, and until what was taken in would outlive
        this process, if anything does; BackendUnavailable where that cannot be had.
        """
        await self._enter()
        if elsewhere := self.errands.elsewhere(raw):
            return (await self.errands.say(elsewhere, raw, sender, tenant)).rpartition(".")[0]
        async with self._kernel.signatures.claimed(raw):
            thread = self._kernel.ingress.take_in(raw, sender, tenant, subject_of(subject_token))
        await self._written()
        return thread.id

    def accept(
        self, raw: bytes, sender: str, tenant: str = "", subject: Subject | None = None
    ) -> Thread:
        """Take an envelope in at once; Overloaded where the outer door is full, for this sender.

        BackendUnavailable where it could not be written. A ``<thread>`` in it is followed if it
        is the sender's own open conversation, held for the same ``subject``. Where there are other
        nodes, what is signed is refused later unless it is ``claimed`` by this one meanwhile.
        """
        self._run.admit()
        self._kernel.door.check(party_of(sender, tenant))
        return self._kernel.ingress.take_in(raw, sender, tenant, subject)

    def waiter(self, thread: Thread) -> asyncio.Future[Delivery]:
        """Return a future of the answer to the message that was just taken in, or of its fault.

        Call it at once after ``accept``. Another message of the same conversation has its own.
        """
        return self._kernel.ingress.waiter(thread)

    def answer(self, thread_id: str, payload: object, *, by: str = PROGRAM) -> asyncio.Future[None]:
        """Give an answer that is owed, likewise as ``kill``; UnknownThread where none is."""
        return self.errands.answer(thread_id, payload, by=by)

    async def drain(self) -> None:
        """Wait until nothing is in flight: no message on its way, waiting or being handled.

        Deferred answers and delayed messages are not in flight.
        """
        await self._run.drain()

    # ── control ─────────────────────────────────────────────────────────────────────────────

    def kill(self, thread_id: str, *, by: str = PROGRAM) -> asyncio.Future[None]:
        """Stop a thread and everything below it, now; UnknownThread where it is not open.

        Here it is done before the call returns. Whoever awaits what that returns hears of other
        nodes: of the one that holds the thread, or, with the orders below, of all that live.

        ``by``, here and below, is who ordered it, for the audit log. AuditFailed where that
        cannot be written: then nothing was done.
        """
        return self.errands.kill(thread_id, by=by)

    def kill_all(
        self, *, listener: str | None = None, tenant: str | None = None, by: str = PROGRAM
    ) -> Killed:
        """Stop all the work of a listener, which is paused too, or of a tenant, or all there is.

        Returns how many threads that were. What comes in afterwards is handled as ever.
        """
        return self._orders.kill_all(listener, tenant, by)

    def pause(self, listener: str, *, by: str = PROGRAM) -> asyncio.Future[None]:
        """Let a listener start nothing new, on any node; what waits for it keeps its place."""
        return self._orders.set_paused(listener, True, by)

    def resume(self, listener: str, *, by: str = PROGRAM) -> asyncio.Future[None]:
        """Let a paused listener go on."""
        return self._orders.set_paused(listener, False, by)

    async def dead_letters(self) -> list[DeadLetter]:
        """Return the messages that were given up, the oldest first."""
        return await self._letters.all()

    async def replay(self, letter_id: str, *, sender: str = "outside", by: str = PROGRAM) -> str:
        """Send a dead letter once more, as a new conversation of ``sender``; returns its thread.

        UnknownLetter where it is not there. It stays where it could not be delivered.
        """
        self._run.admit()
        return await self._letters.replay(letter_id, sender, by)

    async def drop(self, letter_id: str, *, by: str = PROGRAM) -> None:
        """Throw a dead letter away; UnknownLetter where it is not there."""
        self._run.admit()
        await self._letters.drop(letter_id, by)

    async def reload(self, path: str | Path | None = None, *, by: str = PROGRAM) -> ReloadEvent:
        """Read the organism's file again, or another one, and swap it in as a whole.

        A file with problems changes nothing; the event says which they are. Where it has none,
        the other nodes read theirs; another file is read by this one only.
        """
        return await self._orders.reload(Path(path) if path is not None else None, by)

    @property
    def reloader(self) -> Reload | None:
        """Return what reads the organism's file again; None where it came from no file."""
        return self._orders.reloader

    def reloads_with(self, reloader: Reload) -> None:
        """Let ``reload`` be done by this."""
        self._orders.reloader = reloader

    def reconfigure(
        self,
        config: OrganismConfig,
        listeners: Iterable[Listener],
        steps: Inserts,
        *,
        by: str = PROGRAM,
    ) -> None:
        """Put another configuration in place of the present one, whole, between two messages.

        What is being handled, or waits to be, keeps the listener it was meant for. Raises
        ValueError, and changes nothing, where two listeners share a name; likewise ConfigError
        where a key cannot be used, and AuditFailed.
        """
        credentials, listeners = credentials_of(config), tuple(listeners)
        self._kernel.audit.order(
            by, "reload", changes(self._kernel.listeners, listeners, self.config, config)
        )
        self._kernel.put_in_place(listeners, config)
        self.config = config
        self._kernel.pump.rail.insert(steps)
        self._kernel.apply(config, credentials)

    def register(self, listener: Listener, *, by: str = PROGRAM) -> None:
        """Add a listener while running; ValueError where its name is taken or reserved."""
        checked(listener)
        self._kernel.audit.order(by, "register", {"added": reach([listener])})
        self._kernel.put_in_place((*self._kernel.listeners, listener), self.config)
        self._kernel.events.emit(ListenersChanged(added=(listener.name,)))

    def register_generic(self, name: str, handler: Handler) -> None:
        """Add a listener that takes any payload as ``RawPayload``, unvalidated."""
        self.register(Listener(name, RawPayload, handler, description="Takes any payload."))

    def unregister(self, name: str, *, by: str = PROGRAM) -> Listener:
        """Remove a listener; what it is handling it finishes."""
        gone = self._kernel.listeners.get(name)
        if gone.name.startswith(f"{SYSTEM}."):
            raise XmlPipelineError(f"{name} is part of the organism")
        self._kernel.audit.order(by, "unregister", {"removed": [name]})
        others = (each for each in self._kernel.listeners if each is not gone)
        self._kernel.put_in_place(others, self.config)
        self._kernel.events.emit(ListenersChanged(removed=(gone.name,)))
        return gone

    # ── watching ────────────────────────────────────────────────────────────────────────────

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Call ``callback`` with every event; returns what ends that."""
        return self._kernel.events.subscribe(callback)

    def events(self) -> EventStream:
        """Return an iterator over every event from now on; it ends when the organism does."""
        return self._kernel.events.stream()

    @property
    def nodes(self) -> tuple[NodeSeen, ...]:
        """Return those who share the work, this one among them, as they were last seen."""
        return self._run.nodes

    @property
    def hooks(self) -> list[DispatchHook]:
        """Return the dispatch hooks, to append to."""
        return self._kernel.dispatch.hooks

    @property
    def pump(self) -> StreamPump:
        """Return the pump."""
        return self._kernel.pump

    @property
    def kernel(self) -> Kernel:
        """Return the parts inside, for the server and for tests that look at them."""
        return self._kernel

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """Return the listeners as they are now, those of the system first."""
        return tuple(self._kernel.listeners)

    # ── inside ──────────────────────────────────────────────────────────────────────────────

    async def boot(self) -> None:
        """Tell ``system.boot``, and every listener that accepts ``Boot``, that it has begun."""
        stamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        boot = Boot(self.config.organism.name, stamp, len(self._kernel.listeners))
        self._kernel.ingress.say_as_system(boot)

    async def _enter(self) -> None:
        """Wait until there is room at the outer door."""
        self._run.admit()
        door = self._kernel.door
        if door.full or door.line:
            await door.enter()
            self._run.admit()

    async def _written(self) -> None:
        """Wait until what was taken in would outlive this process, if anything does."""
        if self._kernel.journal.keeps:
            await self._kernel.journal.written()
