"""The parts of a running organism, put together once; the organism owns one of these."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf

from xml_pipeline.audit.trail import Trail
from xml_pipeline.backends import Backend
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.board import HasBoard
from xml_pipeline.config import OrganismConfig, redaction_of
from xml_pipeline.dispatch.by_name import paths_of
from xml_pipeline.dispatch.elsewhere import Elsewhere
from xml_pipeline.dispatch.local import LocalDispatch
from xml_pipeline.dispatch.offload import Offload
from xml_pipeline.dispatch.surroundings import OrganismView
from xml_pipeline.errors import Rejected
from xml_pipeline.events import BudgetEvent, Events
from xml_pipeline.faults import Faults
from xml_pipeline.identity.credentials import Credentials, credentials_of
from xml_pipeline.identity.nonces import NonceMemory, SharedNonces, Signed
from xml_pipeline.identity.verifying import Verifier
from xml_pipeline.inbox import Inbox, OuterDoor
from xml_pipeline.ingress import Ingress
from xml_pipeline.journal import Journal
from xml_pipeline.listener import Listener
from xml_pipeline.message import SIGNATURE_NAMESPACE, Wire
from xml_pipeline.names import RESERVED_NAMES
from xml_pipeline.pump import StreamPump
from xml_pipeline.redaction import Redacting
from xml_pipeline.registries.attendance import Attendance
from xml_pipeline.registries.blackboards import Blackboards
from xml_pipeline.registries.budgets import Budget, BudgetLimits, Budgets, Severity
from xml_pipeline.registries.consent import Consent
from xml_pipeline.registries.learned import Learned
from xml_pipeline.registries.listeners import Listeners
from xml_pipeline.registries.notes import Notes
from xml_pipeline.registries.permissions import Permissions, permissions_of
from xml_pipeline.registries.prompts import Prompts
from xml_pipeline.registries.threads import Threads
from xml_pipeline.registries.todos import Todos
from xml_pipeline.schedule import Scheduler
from xml_pipeline.settle import Settlement
from xml_pipeline.steps.decode import Decode
from xml_pipeline.steps.envelope import ReadEnvelope, refuse_signed
from xml_pipeline.steps.guard import Guard
from xml_pipeline.steps.limits import XmlLimits
from xml_pipeline.steps.rail import Rail, Stations
from xml_pipeline.steps.route import Route
from xml_pipeline.steps.unfold import Unfold

_SIGNED = SIGNATURE_NAMESPACE.encode()


class Signatures:
    """What the organism signs with, None without an identity, and whose signatures it believes."""

    def __init__(self, read: ReadEnvelope, verifier: Verifier, credentials: Credentials) -> None:
        self.sign: Callable[[bytes], bytes] | None = None
        self._read = read
        self._verifier = verifier
        self.take_over(credentials)

    def remember_in(self, nonces: NonceMemory) -> None:
        """Keep what has been seen elsewhere, such as where it outlives this process."""
        self._verifier.nonces = nonces

    @asynccontextmanager
    async def claimed(self, raw: bytes) -> AsyncIterator[None]:
        """Let no other node hear an envelope that is taken in meanwhile, if it is signed.

        Raises BackendUnavailable.
        """
        nonces = self._verifier.nonces
        signed = self._examined(raw) if self.to_be_claimed(raw) else None
        if signed is None or not isinstance(nonces, SharedNonces):
            yield
            return
        async with nonces.claimed(signed):
            yield

    def to_be_claimed(self, raw: bytes) -> bool:
        """Tell at a glance whether an envelope may be signed, and there may be other nodes."""
        shared = isinstance(self._verifier.nonces, SharedNonces)
        return shared and bool(self._verifier.keys) and _SIGNED in raw

    def _examined(self, raw: bytes) -> Signed | None:
        """Return what is claimed of an envelope; whatever is wrong with it, the pump will say."""
        try:
            return self._verifier.examine(self._read.document(raw))
        except Rejected:
            return None

    def heard(self, wire: Wire, at: float) -> None:
        """Judge a message of the past by the time at which it was accepted."""
        if self._verifier.keys:
            self._verifier.heard(wire, at)

    def take_over(self, credentials: Credentials) -> None:
        """Use other keys from now on; what has been seen stays seen."""
        self.sign = credentials.sign
        self._verifier.keys = credentials.keys
        self._verifier.required = credentials.required
        self._read.authenticate = self._verifier if credentials.keys else refuse_signed


@dataclass(frozen=True, slots=True)
class Kernel:
    """Everything below the organism. What may change while it runs has methods to change it."""

    events: Events
    listeners: Listeners
    threads: Threads
    budgets: Budgets
    todos: Todos
    blackboards: Blackboards
    view: OrganismView
    consent: Consent
    scheduler: Scheduler
    inbox: Inbox
    read: ReadEnvelope
    door: OuterDoor
    faults: Faults
    settlement: Settlement
    ingress: Ingress
    dispatch: LocalDispatch
    offload: Offload
    pump: StreamPump
    journal: Journal
    signatures: Signatures
    audit: Trail

    @property
    def prompts(self) -> Prompts:
        """Return the prompts of the listeners."""
        return self.view.prompts

    @property
    def notes(self) -> Notes:
        """Return what listeners have noted."""
        return self.view.notebook

    @property
    def redacting(self) -> Redacting:
        """Return what takes secrets out of whatever leaves."""
        return self.audit.redact

    def put_in_place(self, listeners: Iterable[Listener], config: OrganismConfig) -> None:
        """Put other listeners in place of all present ones, with the rules they are held to."""
        listeners = tuple(listeners)
        self.offload.check(listeners, config)
        self.listeners.replace(listeners)
        rules = permissions_of(config.permissions)
        self.consent.permissions.replace(rules, config.approvals.seconds)
        self.offload.serve(listeners, config)
        self.prompts.replace(self.listeners)
        for listener in self.listeners:
            self.scheduler.lane(listener)
        self.scheduler.forget_lanes(self.listeners)

    def apply(self, config: OrganismConfig, credentials: Credentials) -> None:
        """Take over the limits and keys of another configuration; what runs already goes on."""
        self.signatures.take_over(credentials)
        self.budgets.limits = budget_limits(config)
        self.read.limits = xml_limits(config)
        self.scheduler.max_concurrent = config.max_concurrent_handlers
        self.scheduler.per_agent = config.max_concurrent_per_agent
        limit_pooled(self.scheduler, config, self.offload.places)
        self.scheduler.most_parked = most_parked(config)
        self.door.max_messages = config.limits.waiting_messages
        self.door.max_bytes = config.limits.waiting_bytes
        self.dispatch.context_slots = config.limits.context_slots
        self.settlement.state_bytes = config.limits.state_bytes
        self.blackboards.most_bytes = config.limits.state_bytes
        self.notes.most_bytes = config.limits.state_bytes
        for listener in self.listeners:
            self.scheduler.lane(listener)
        self.inbox.poke()


def build_kernel(config: OrganismConfig, backend: Backend | None = None) -> Kernel:
    """Put the parts together, from the registries up to the pump.

    Where there is no backend, nothing is written down.
    """
    events, listeners, todos, audit = Events(), Listeners(), Todos(), _trail(config)
    threads, budgets = Threads(events), Budgets(budget_limits(config), _tells(events))
    (blackboards, notes), scheduler = _remembering(threads, config), _scheduler(config)
    inbox = Inbox(config.max_concurrent_pipelines, _is_depth_first(config))
    journal = Journal(backend or MemoryBackend(), inbox.poke, keeps=backend is not None)
    faults = Faults(listeners, threads, inbox, events, journal, audit)
    settlement = Settlement(listeners, threads, scheduler, inbox, faults)
    settlement.state_bytes = config.limits.state_bytes
    view = OrganismView(listeners, budgets, todos, scheduler, notes, events)
    dispatch = LocalDispatch(settlement, scheduler, threads, todos, events, view)
    dispatch.context_slots, dispatch.audit = config.limits.context_slots, audit
    offload = dispatch.offload = _offload(view, config, backend, scheduler, listeners, inbox)
    consent = Consent(Permissions(listeners), Attendance(), Learned(journal))
    guard, read = Guard(consent.permissions), ReadEnvelope(xml_limits(config), audit)
    route = Route(listeners, threads, budgets, guard, scheduler.crowded)
    rail = Rail(Stations(Unfold(settlement.number), read, route, Decode()), faults.refuse)
    _note(journal, threads, inbox, rail, budgets, todos, blackboards, notes)
    return Kernel(
        events=events,
        listeners=listeners,
        threads=threads,
        budgets=budgets,
        todos=todos,
        blackboards=blackboards,
        view=view,
        consent=consent,
        scheduler=scheduler,
        inbox=inbox,
        read=read,
        door=_door(config, inbox, scheduler),
        faults=faults,
        settlement=settlement,
        ingress=Ingress(listeners, threads, budgets, settlement, inbox),
        dispatch=dispatch,
        offload=offload,
        pump=StreamPump(inbox, rail, scheduler, dispatch, faults, journal),
        journal=journal,
        signatures=Signatures(read, Verifier(listeners.__contains__), credentials_of(config)),
        audit=audit,
    )


def _trail(config: OrganismConfig) -> Trail:
    """Return an audit log that nobody keeps yet, and that no secret gets into."""
    return Trail(Redacting(redaction_of(config, os.environ)))


def _remembering(threads: Threads, config: OrganismConfig) -> tuple[Blackboards, Notes]:
    """Return what is remembered for threads, beside the state of each."""
    return Blackboards(threads, config.limits.state_bytes), Notes(
        threads, config.limits.state_bytes
    )


def _is_depth_first(config: OrganismConfig) -> bool:
    return config.thread_scheduling == "depth-first"


def _note(
    journal: Journal, *parts: Threads | Inbox | Rail | Budgets | Todos | Blackboards | Notes
) -> None:
    """Let these parts note what they do, if anything is kept."""
    for each in parts:
        each.journal = journal if journal.keeps else None


def _scheduler(config: OrganismConfig) -> Scheduler:
    at_once, per_agent = config.max_concurrent_handlers, config.max_concurrent_per_agent
    scheduler = Scheduler(at_once, per_agent, _clock, _is_depth_first(config))
    limit_pooled(scheduler, config)
    scheduler.most_parked = most_parked(config)
    return scheduler


@dataclass(frozen=True, slots=True)
class _Inside:
    """What waits: to be read, and to be handled."""

    inbox: Inbox
    scheduler: Scheduler

    def messages(self) -> int:
        return len(self.inbox) + self.scheduler.waiting

    def bytes(self) -> int:
        return self.inbox.size + self.scheduler.waiting_bytes

    def parties(self) -> Collection[str]:
        return {*self.inbox.parties, *self.scheduler.parties}

    def conversations(self, party: str) -> int:
        return self.inbox.conversations(party) + self.scheduler.conversations(party)


def _door(config: OrganismConfig, inbox: Inbox, scheduler: Scheduler) -> OuterDoor:
    limits = config.limits
    return OuterDoor(_Inside(inbox, scheduler), limits.waiting_messages, limits.waiting_bytes)


def budget_limits(config: OrganismConfig) -> BudgetLimits:
    """Return what one conversation may spend."""
    budget = config.budget
    return BudgetLimits(budget.tokens, budget.usd, budget.messages, budget.hops, budget.seconds)


def limit_pooled(scheduler: Scheduler, config: OrganismConfig, places: int = 0) -> None:
    """Let so many deliveries wait for worker processes that none of those has to."""
    pool = config.process_pool
    scheduler.per_pooled, scheduler.per_sandbox = _at_once(pool.workers, places), pool.workers
    scheduler.pool_deadline = inf if pool.deadline is None else pool.deadline


def _at_once(workers: int, places: int, aside: int = 0) -> int:
    """Return how many deliveries there may be for so many processes, here or else elsewhere.

    Here, those that have stepped aside keep nobody out. Elsewhere some wait beside each process,
    where they are short, and a few on the board.
    """
    return 6 * places if places else 2 * workers + aside


def _offload(
    view: OrganismView,
    config: OrganismConfig,
    backend: Backend | None,
    scheduler: Scheduler,
    listeners: Listeners,
    inbox: Inbox,
) -> Offload:
    """Return what hands out jobs: elsewhere too, where the backend has a board."""
    offload = Offload(view, config)

    def make_room() -> None:
        pool = offload.pool
        scheduler.per_pooled = _at_once(pool.crew.workers, offload.places, pool.aside)
        for listener in listeners:
            scheduler.lane(listener)
        inbox.poke()

    offload.pool.heed = make_room
    if isinstance(backend, HasBoard):
        offload.elsewhere = Elsewhere(backend.board(), make_room)
    return offload


def most_parked(config: OrganismConfig) -> int:
    """Return how many may wait for one listener: not all, so that others find room."""
    most = config.limits.waiting_messages
    return most - most // 4


def xml_limits(config: OrganismConfig) -> XmlLimits:
    """Return what a document from outside may be."""
    return XmlLimits(bytes=config.limits.message_bytes)


def _clock() -> float:
    return asyncio.get_running_loop().time()


def _tells(events: Events) -> Callable[[Budget, Severity], None]:
    def tell(budget: Budget, severity: Severity) -> None:
        if events.heard:
            events.emit(
                BudgetEvent(
                    budget.conversation.id,
                    severity,
                    budget.percent_used,
                    budget.spent_tokens,
                    budget.max_tokens or 0,
                )
            )

    return tell


def checked(listener: Listener) -> Listener:
    """Refuse what only the pump may be called, and what no worker process could import."""
    if listener.name.partition(".")[0] in RESERVED_NAMES:
        raise ValueError(f"{listener.name!r} is a name of the pump's own")
    if listener.apart:
        paths_of(listener)
    return listener
