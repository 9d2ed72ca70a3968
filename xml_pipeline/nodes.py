"""One of several nodes that share a backend: what it holds, takes, gives, and loses.

The rule this file guards: a conversation is in the memory of one node at most that may write
about it. A node resumes conversations only in shards it has taken, opens them only in shards it
holds, and forgets them before it lets go; and whoever finds that others have taken over
forgets everything at once and begins anew, as another node.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import cycle
from math import ceil
from random import sample

from xml_pipeline.backends import Shared, View, endings_of, shard_of
from xml_pipeline.backends.base import SHARDS
from xml_pipeline.errors import BackendUnavailable, TakenOver, Undeliverable
from xml_pipeline.identity.nonces import shared_nonces
from xml_pipeline.kernel import Kernel
from xml_pipeline.processes import has_died, this_process
from xml_pipeline.recovery import resume
from xml_pipeline.registries.waiters import waiting_in
from xml_pipeline.thread import Conversation

log = logging.getLogger(__name__)

_LOOKS = 5
"""How often a node shows itself in the time after which a silent one is taken for dead."""

_GIVES_EVERY = 0.02
_PATIENCE = 60.0

_NOTHING_HELD = "this node holds no part of the work at present"


@dataclass(frozen=True, slots=True)
class NodeSeen:
    """A node as it was last seen: who it is, and what it holds. ``seen`` is since 1970.

    ``paused`` are the listeners that start nothing new there.
    """

    id: str
    host: str
    pid: int
    conversations: int
    shards: tuple[int, ...]
    seen: float
    is_this: bool
    paused: tuple[str, ...] = ()


def alone(kernel: Kernel) -> NodeSeen:
    """Return this process as the one node there is: it holds everything."""
    return NodeSeen(
        "only",
        socket.gethostname(),
        os.getpid(),
        kernel.threads.conversations,
        tuple(range(SHARDS)),
        kernel.journal.clock(),
        True,
        _paused_in(kernel),
    )


class Nodes:
    """This node, among the others."""

    def __init__(self, kernel: Kernel, store: Shared, organism: str) -> None:
        self._kernel = kernel
        self._store = store
        self._organism = organism
        self._process = this_process()
        self._every = store.lifetime / _LOOKS
        self._held: set[int] = set()
        self._giving: set[int] = set()
        self._given: set[int] = set()
        self._placed: set[int] = set()
        self._endings: Iterator[str] = iter(())
        self._silent: dict[str, float] = {}
        self._graves: list[str] = []
        self._view = View({}, {})
        self._lost = False
        self._is_new = True
        self._gave = 0.0

    async def join(self, learn: Callable[[], Awaitable[None]]) -> None:
        """Connect, and let every conversation that is opened be one of ours.

        ``learn`` is called when the others see this node, and before it holds anything.
        """
        self._learn = learn
        await self._store.join()
        self._kernel.threads.ending = self._ending
        self._kernel.journal.on_taken_over = self._begin_anew
        nonces = await shared_nonces(self._kernel.journal, self._store)
        self._kernel.signatures.remember_in(nonces)
        self._suspend()

    async def settle_in(self) -> None:
        """Wait for some part of the work; BackendUnavailable where nobody gives any in time.

        The others give what rests, and finish what they are at.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE
        await self._look()
        while not self._held:
            if loop.time() > deadline:
                raise BackendUnavailable(f"{_NOTHING_HELD}: the others give none away")
            await asyncio.sleep(self._every / 2)
            await self._look()

    async def live(self) -> None:
        """Show that this node lives, and see to it that it holds its share, for ever."""
        while True:
            await asyncio.sleep(self._every)
            try:
                await self._look()
            except BackendUnavailable as error:
                log.warning("the other nodes cannot be seen: %s", error)

    def between(self) -> None:
        """Do what can be done only between two batches."""
        if self._lost:
            if not self._kernel.pump.is_writing:  # That would be written as another node.
                self._begin_anew(TakenOver("this node was silent for too long"))
        elif self._giving and asyncio.get_running_loop().time() > self._gave + _GIVES_EVERY:
            self._gave = asyncio.get_running_loop().time()
            self._forget_what_rests()

    @property
    def seen(self) -> tuple[NodeSeen, ...]:
        """Return every node that lived when this one last looked."""
        held: dict[str, list[int]] = {}
        for shard, holder in sorted(self._view.holders.items()):
            held.setdefault(holder, []).append(shard)
        return tuple(
            NodeSeen(
                node,
                str(about.get("host", "?")),
                _number(about.get("pid")),
                _number(about.get("conversations")),
                tuple(held.get(node, ())),
                float(_number(about.get("at"))),
                node == self._store.node,
                _names(about.get("paused")),
            )
            for node, about in self._view.living.items()
        )

    async def look_round(self) -> tuple[NodeSeen, ...]:
        """Return every node that lives now."""
        self._view = await self._without_dead(await self._store.look(self._about()))
        return self.seen

    def holds(self, id: str) -> bool:
        """Tell whether a conversation or thread of this id would be in this node's memory."""
        return shard_of(id) in self._held

    # ── looking ─────────────────────────────────────────────────────────────────────────────

    async def _look(self) -> None:
        store, node = self._store, self._store.node
        await self._tidy_up()
        looked = asyncio.get_running_loop().time()
        view = await self._without_dead(await store.look(self._about()))
        self._check_organism(view)
        if self._is_new:
            await self._learn()
        if store.node != node:
            return  # It has begun anew meanwhile.
        self._is_new = False
        self._view = view
        mine = {shard for shard, holder in view.holders.items() if holder == node} - self._given
        if self._held - mine:
            self._lost = True
            self._suspend()  # From now on nothing is read while something is written.
        else:
            self._balance(view)
            wanted = self._wanted(view, looked)
            taken = mine - self._held
            if wanted:
                taken |= await store.take(wanted)
            await self._move_in(taken, node, looked)
        if self._lost or self._giving:
            self._kernel.inbox.poke()

    async def _tidy_up(self) -> None:
        """Let others have what this node no longer works on."""
        while self._graves:
            grave = self._graves[0]
            await self._store.bury(grave)
            self._graves.remove(grave)
        if self._given:
            given = set(self._given)
            await self._store.give(given)
            self._given -= given

    async def _without_dead(self, view: View) -> View:
        """Bury those whose process has died on this machine; return what is left."""
        dead = {node for node, about in view.living.items() if has_died(about.get("process"))}
        for node in dead:
            log.warning("node %.8s has died on this machine; it is replaced", node)
            await self._store.bury(node)
        living = {node: about for node, about in view.living.items() if node not in dead}
        holders = {shard: node for shard, node in view.holders.items() if node not in dead}
        return View(living, holders)

    def _about(self) -> dict[str, object]:
        return {
            "organism": self._organism,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "process": self._process,
            "conversations": self._kernel.threads.conversations,
            "at": self._kernel.journal.clock(),
            "paused": _paused_in(self._kernel),
        }

    def _check_organism(self, view: View) -> None:
        names = {about.get("organism") for about in view.living.values()} - {self._organism}
        if names and not self._held:
            raise BackendUnavailable(f"another organism works in this place: {names.pop()}")

    def _balance(self, view: View) -> None:
        """Mark what is more than this node's share to be given away, or keep it after all."""
        share = ceil(SHARDS / max(1, len(view.living)))
        keeps = len(self._held) - len(self._giving)
        if keeps > share:
            busy = [shard_of(each.conversation.id) for each in self._kernel.threads]
            candidates = sorted(self._held - self._giving, key=busy.count)
            self._giving.update(candidates[: keeps - share])
        else:
            for shard in tuple(self._giving)[: share - keeps]:
                self._giving.discard(shard)
        self._place()

    def _wanted(self, view: View, now: float) -> Collection[int]:
        """Return what this node should take: what nobody has whom it has seen lately."""
        for node in tuple(self._silent):
            if node in view.living:
                del self._silent[node]
        room = ceil(SHARDS / max(1, len(view.living))) - len(self._held) - len(self._given)
        free = [shard for shard in range(SHARDS) if self._is_free(shard, view, now)]
        return sample(free, min(len(free), max(0, room)))

    def _is_free(self, shard: int, view: View, now: float) -> bool:
        """Tell whether a shard is nobody's, or that of somebody seen dead for a while.

        A store that was away itself finds nobody alive; each node gets the time to show itself.
        """
        holder = view.holders.get(shard)
        if holder is None:
            return shard not in self._given
        if holder in view.living:
            return False
        return now - self._silent.setdefault(holder, now) >= 1.5 * self._every

    async def _move_in(self, shards: Collection[int], node: str, looked: float) -> None:
        """Go on with the conversations of shards that are ours now; what is left comes later."""
        kernel, store = self._kernel, self._store
        count = 0
        for shard in sorted(shards):
            if asyncio.get_running_loop().time() - looked > self._every:
                break
            left = [past async for past in store.unfinished_in((shard,))]
            if store.node != node:
                return
            count += sum(resume(kernel, past) for past in left)
            self._held.add(shard)
        if shards and self._held:
            self._place()
            kernel.journal.suspended = None
            log.info("node %.8s holds %d shards; %d more go on", node, len(self._held), count)
            kernel.inbox.poke()

    # ── letting go ──────────────────────────────────────────────────────────────────────────

    def _forget_what_rests(self) -> None:
        """Forget the conversations of each shard that is to be given, where all are at rest."""
        kernel = self._kernel
        roots: dict[int, set[Conversation]] = {shard: set() for shard in self._giving}
        busy = {shard_of(each.id) for each in kernel.inbox.waiting}
        busy |= {shard_of(each.id) for each in kernel.journal.unwritten}
        for thread in kernel.threads:
            conversation = thread.conversation
            shard = shard_of(conversation.id)
            if shard in roots:
                roots[shard].add(conversation)
                waiters = waiting_in(conversation)
                if thread.current is not None or (waiters is not None and waiters.anybody):
                    busy.add(shard)
        for shard in self._giving - busy:
            for conversation in roots[shard]:
                self._forget(conversation)
            self._held.discard(shard)
            self._given.add(shard)
        self._giving &= self._held

    def _begin_anew(self, error: TakenOver) -> None:
        """Forget everything: others may have gone on with it. Then be another node."""
        kernel = self._kernel
        log.error("everything is left to other nodes, and this one begins anew: %s", error)
        self._graves.append(self._store.begin_anew())
        self._held, self._giving, self._given = set(), set(), set()
        self._lost, self._is_new = False, True
        for lane in kernel.scheduler.lanes.values():
            lane.paused = False  # It may have been let go on meanwhile; else that is learnt again.
        self._place()
        self._suspend()
        gone = {thread.conversation for thread in kernel.threads}
        gone |= {wire.conversation for wire in kernel.inbox.clear()}
        for conversation in gone:
            self._forget(conversation)
        kernel.journal.forget(Undeliverable(str(error)))

    def _forget(self, conversation: Conversation) -> None:
        """Drop a conversation from memory: nothing is noted, it goes on elsewhere."""
        conversation.notes.over = True
        conversation.notes.lines = []
        words = "the conversation goes on on another node"
        self._kernel.faults.dismiss(conversation, Undeliverable(words))
        root = conversation.root
        if root is not None and root.open:
            self._kernel.threads.drop(root)

    def _suspend(self) -> None:
        self._kernel.journal.suspended = BackendUnavailable(_NOTHING_HELD)

    def _place(self) -> None:
        """Open conversations in all shards in turn that are held and not to be given away."""
        keeps = self._held - self._giving
        if keeps != self._placed:
            self._placed = keeps
            rows = zip(*(endings_of(shard) for shard in sorted(keeps)), strict=True)
            self._endings = cycle([each for row in rows for each in row])

    def _ending(self) -> str:
        """Return how the id of a new conversation has to end, so that it is ours."""
        ending = next(self._endings, None)
        if ending is None:
            raise BackendUnavailable(_NOTHING_HELD)
        return ending


def _number(said: object) -> int:
    """Return what another node says of itself, where it is a number."""
    return int(said) if isinstance(said, int | float) else 0


def _names(said: object) -> tuple[str, ...]:
    return tuple(map(str, said)) if isinstance(said, list | tuple) else ()


def _paused_in(kernel: Kernel) -> tuple[str, ...]:
    lane = kernel.scheduler.lane
    return tuple(each.name for each in kernel.listeners if lane(each).paused)
