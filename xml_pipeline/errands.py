"""What is to be done about a conversation is done where that is held: here, or by another node.

The rule this file guards: an errand is run once or never, and whoever sent it and waits learns
within a few seconds that it was done and written, that it was refused, or that nothing is known of
it. Who is told the last may repeat a message with its key: that is written in one step with the
message.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import asdict
from typing import Any, Generic, NamedTuple, TypeVar

from xml_pipeline.approvals import Approval, Approvals, Decision
from xml_pipeline.backends import Mark, Shared, shard_of
from xml_pipeline.control import Control
from xml_pipeline.errand import Errand, read_errand, result_of
from xml_pipeline.errors import BackendUnavailable, UnknownThread, XmlPipelineError
from xml_pipeline.ingress import named_thread
from xml_pipeline.journal.writing import PATIENCE
from xml_pipeline.kernel import Kernel
from xml_pipeline.owed import Owed, owed
from xml_pipeline.payload import RawPayload
from xml_pipeline.postbox import HasPostbox, Postbox
from xml_pipeline.running import Run
from xml_pipeline.thread import party_of

log = logging.getLogger(__name__)

_PAUSE = 0.1
_LISTENS_AGAIN = 1.0
_NOT_HELD = "not held"
_ANSWERS_WITHIN = 2.0
"""Seconds after which a node that was asked what waits there is not waited for any more."""

T = TypeVar("T")
Thing = TypeVar("Thing", Approval, Owed)

_Told = dict[str, Any]
"""What came of an errand: its ``number``, and a ``result``, or an ``error`` and its ``words``."""


class Waiting(NamedTuple, Generic[Thing]):
    """What waits on all nodes, and the nodes that have not said what does."""

    found: list[Thing]
    unheard: tuple[str, ...] = ()


class _Others(NamedTuple):
    """The other nodes: what is shared with them, and how they are written to."""

    store: Shared
    box: Postbox


class Errands:
    """Sends errands to the other nodes, and runs those that they send.

    ``run`` tells whether a conversation would be in this node's memory, by the id of a thread,
    and who the others are. What another node wants done on every node, ``orders`` does.
    """

    def __init__(self, kernel: Kernel, control: Control, approvals: Approvals, run: Run) -> None:
        store = kernel.journal.backend
        self._kernel = kernel
        self._control = control
        self._approvals = approvals
        self._life = run
        self.orders: Callable[[Errand], Awaitable[str]] = _refuse
        self._others: _Others | None = None
        if isinstance(store, Shared) and isinstance(store, HasPostbox):
            self._others = _Others(store, store.postbox())
        self._awaited: dict[str, asyncio.Future[_Told]] = {}
        self._noted: dict[tuple[str, str], str] = {}
        self._on_their_way: set[asyncio.Task[Any]] = set()

    def kill(self, thread_id: str, *, by: str) -> asyncio.Future[None]:
        """Kill a thread: at once where it is here; else by its node, as whoever waits is told."""
        if self.is_elsewhere(thread_id):
            return self.begin(self._send(Errand("kill", thread_id, by)))
        self._control.kill(thread_id, by)
        return done(None)

    def answer(self, thread_id: str, payload: Any, *, by: str) -> asyncio.Future[None]:
        """Give an answer that is owed: at once where that is here, else as ``kill`` does."""
        if self.is_elsewhere(thread_id):
            xml = payload.xml if isinstance(payload, RawPayload) else payload
            text = xml if isinstance(xml, bytes) else xml.to_xml()
            return self.begin(self._send(Errand("answer", thread_id, by, text.decode("latin-1"))))
        self._control.answer(thread_id, payload, by)
        return done(None)

    async def everywhere(self, errand: Errand) -> list[str]:
        """Have every other node that lives do something, and return what each says.

        Raises what one of them has refused it with; BackendUnavailable where one does not answer.
        """
        others = self._others
        if others is None:
            return []
        nodes = [each.id for each in await self._life.look_round() if not each.is_this]
        told = await asyncio.gather(*(self._ask_node(errand, node, others) for node in nodes))
        return [str(result_of(each)) for each in told if each.get("error") != _NOT_HELD]

    def begin(self, errand: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """Let something run to its end, whether anybody waits for it or not."""
        task = asyncio.get_running_loop().create_task(errand)
        self._on_their_way.add(task)
        task.add_done_callback(self._came_back)
        return task

    def _came_back(self, task: asyncio.Task[Any]) -> None:
        """Log what went wrong: there may be nobody who waits for it."""
        self._on_their_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("an errand has failed: %s", error)

    @property
    def is_alone(self) -> bool:
        """Tell whether there can be no other node."""
        return self._others is None

    async def decide(
        self,
        thread_id: str,
        decision: Decision,
        *,
        by: str,
        reason: str = "",
        arguments: Sequence[str] | None = None,
    ) -> Approval:
        """Do as ``Approvals.decide`` does, wherever the call waits."""
        if not self.is_elsewhere(thread_id):
            about: dict[str, Any] = {"by": by, "reason": reason, "arguments": arguments}
            return self._approvals.decide(thread_id, decision, **about)
        said = json.dumps([decision, reason, None if arguments is None else [*arguments]])
        return Approval(**json.loads(str(await self._send(Errand("decide", thread_id, by, said)))))

    async def waiting(self) -> Waiting[Approval]:
        """Return the calls that wait for a decision on any node, the oldest first.

        A node that does not answer soon is left out.
        """
        told = await self._told_by_all(Errand("list", "", ""), Approval)
        found = {each.id: each for each in (*told.found, *self._approvals.waiting())}
        return told._replace(found=sorted(found.values(), key=lambda each: each.since))

    async def owed(self, tag: str) -> Waiting[Owed]:
        """Return what answers are owed to on any node, of payloads of one tag; as ``waiting``."""
        told = await self._told_by_all(Errand("owed", "", "", tag), Owed)
        found = {each.id: each for each in (*owed(self._kernel, tag), *told.found)}
        return told._replace(found=[*found.values()])

    async def _told_by_all(self, errand: Errand, kind: type[Thing]) -> Waiting[Thing]:
        """Return what the other nodes say that waits there."""
        others = self._others
        nodes = [each.id for each in self._life.nodes if not each.is_this]
        asked = (self._told_by(node, errand, others) for node in nodes) if others else ()
        told = await asyncio.gather(*asked)
        unheard = tuple(node for node, some in zip(nodes, told, strict=True) if some is None)
        return Waiting([kind(**each) for some in told for each in some or ()], unheard)

    def is_elsewhere(self, thread_id: str) -> bool:
        """Tell whether another node would have a thread of this id in memory."""
        return self._others is not None and not self._life.holds(thread_id)

    def elsewhere(self, raw: bytes) -> str:
        """Return which thread an envelope belongs to that another node holds; empty if none."""
        named = named_thread(raw) if self._others is not None else None
        return named if named is not None and self.is_elsewhere(named) else ""

    async def say(
        self, thread_id: str, raw: bytes, sender: str, tenant: str = "", mark: Mark | None = None
    ) -> str:
        """Have an envelope taken in by the node which holds its thread; return the message's id.

        A mark is written with it, its value followed by that id. Raises Overloaded, and
        BackendUnavailable where nothing is known of it, or nobody holds the thread at present.
        """
        errand = Errand("say", thread_id, sender, raw.decode("latin-1"), tenant)
        if mark is not None:
            head = mark.value.decode("latin-1")
            named = (errand.kind, thread_id, sender, errand.text, tenant, mark.kind, mark.key)
            errand = Errand(*named, head, mark.until)
        return str(await self._send(errand))

    async def live(self) -> None:
        """Run what others send, for ever."""
        others = self._others
        if others is None:
            return
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    for letter in await _letters(others):
                        self._open(letter, others, group)
        finally:
            await self._call_back()
            await others.box.close()

    async def _call_back(self) -> None:
        """Let nothing be on its way any more: nobody would hear what comes of it."""
        for errand in self._on_their_way:
            errand.cancel()
        await asyncio.gather(*self._on_their_way, return_exceptions=True)

    # ── the side of whoever sends ───────────────────────────────────────────────────────────

    async def _send(self, errand: Errand) -> Any:
        """Send an errand until somebody takes it, and return what came of it."""
        if self._others is None:
            raise UnknownThread(f"no open thread {errand.thread!r}")
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    told = await self._ask(errand, self._others)
                    if told.get("error") != _NOT_HELD:
                        return result_of(told)
                    await asyncio.sleep(_PAUSE)  # It moves from one node to another.
        except TimeoutError:
            words = f"the node that holds {errand.thread} has not answered within {PATIENCE:g} s"
            raise BackendUnavailable(words) from None

    async def _ask_node(self, errand: Errand, node: str, others: _Others) -> _Told:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._ask(errand, others, node)
        except TimeoutError:
            words = f"node {node:.8} has not answered within {PATIENCE:g} s"
            return {"error": BackendUnavailable.__name__, "words": words}

    async def _ask(self, errand: Errand, others: _Others, node: str = "") -> _Told:
        """Send an errand to a node, or to whoever holds its thread; return what came of it."""
        number = secrets.token_hex(16)
        said = {"number": number, "from": others.store.node, "errand": asdict(errand)}
        letter, box = json.dumps(said).encode(), others.box
        told: asyncio.Future[_Told] = asyncio.get_running_loop().create_future()
        self._awaited[number] = told
        try:
            shard = shard_of(errand.thread)
            if not await (box.reply(node, letter) if node else box.send(shard, letter)):
                return {"error": _NOT_HELD}
            return await told
        finally:
            del self._awaited[number]

    async def _told_by(
        self, node: str, errand: Errand, others: _Others
    ) -> list[dict[str, Any]] | None:
        """Return what waits on another node, None where that does not answer."""
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN):
                told = result_of(await self._ask(errand, others, node))
        except (TimeoutError, BackendUnavailable) as error:
            log.warning("node %.8s does not say what waits there: %r", node, error)
            return None
        found: list[dict[str, Any]] = json.loads(str(told))
        return found

    # ── the side of whoever holds it ────────────────────────────────────────────────────────

    def _open(self, letter: bytes, others: _Others, group: asyncio.TaskGroup) -> None:
        """Run an errand, or hear what came of one; what is neither is let be, loudly."""
        try:
            said = json.loads(letter)
            number = str(said["number"])
            if "errand" in said:
                errand, sender = read_errand(said["errand"]), str(said["from"])
                group.create_task(self._run(number, errand, sender, others.box))
            elif number in self._awaited and not self._awaited[number].done():
                self._awaited[number].set_result(said)
        except (ValueError, TypeError, LookupError, RecursionError):
            log.error("what another node has sent is no errand: %.100r", letter)

    async def _run(self, number: str, errand: Errand, sender: str, box: Postbox) -> None:
        told: _Told = {"number": number}
        if errand.thread and not self._life.holds(errand.thread):
            told["error"] = _NOT_HELD
        else:
            try:
                told["result"] = await self._carry_out(errand)
            except (XmlPipelineError, ValueError) as error:
                kind = ValueError if isinstance(error, ValueError) else type(error)
                told |= {"error": kind.__name__, "words": str(error)}
        try:
            await box.reply(sender, json.dumps(told).encode())
        except BackendUnavailable as error:
            log.warning("node %.8s does not hear what came of its errand: %s", sender, error)

    async def _carry_out(self, errand: Errand) -> str:
        """Do what is to be done; return once it is written."""
        said = ""
        match errand.kind:
            case "say":
                return await self._take_in(errand)
            case "list":
                return json.dumps([asdict(each) for each in self._approvals.waiting()])
            case "owed":
                return json.dumps([asdict(each) for each in owed(self._kernel, errand.text)])
            case "kill":
                self._control.kill(errand.thread, errand.by)
            case "decide":
                decision, reason, named = json.loads(errand.text)
                about: dict[str, Any] = {"by": errand.by, "reason": reason, "arguments": named}
                approval = self._approvals.decide(errand.thread, decision, **about)
                said = json.dumps(asdict(approval))
            case "answer":
                self._control.answer(errand.thread, errand.text.encode("latin-1"), errand.by)
            case _:
                said = await self.orders(errand)
        await self._kernel.journal.written()
        return said

    async def _take_in(self, errand: Errand) -> str:
        """Take an envelope in with its mark, unless one was taken in under that already."""
        journal, named = self._kernel.journal, (errand.key, errand.mark)
        if errand.key:
            value = await journal.backend.marked(*named, journal.clock())
            known = value.decode("latin-1") if value is not None else self._noted.get(named, "")
            if known:
                return self._known(errand, known)
        self._life.admit()
        self._kernel.door.check(party_of(errand.by, errand.tenant))
        raw = errand.text.encode("latin-1")
        async with self._kernel.signatures.claimed(raw):
            conversation = self._kernel.ingress.take_in(raw, errand.by, errand.tenant).conversation
        id = f"{conversation.id}.{conversation.messages}"
        if errand.key:
            value = (errand.head + id).encode("latin-1")
            journal.mark(Mark(*named, value, errand.until))
            self._noted[named] = errand.head + id
        try:
            await journal.written()
        finally:
            self._noted.pop(named, None)
        return id

    def _known(self, errand: Errand, known: str) -> str:
        if not known.startswith(errand.head):
            raise BackendUnavailable("another message was taken in under this key")
        return known[len(errand.head) :]


def done(result: T) -> asyncio.Future[T]:
    """Return what has come of something already, to be awaited like what is under way."""
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    future.set_result(result)
    return future


async def _refuse(errand: Errand) -> str:
    raise XmlPipelineError(f"nobody here knows what {errand.kind!r} is")


async def _letters(others: _Others) -> Sequence[bytes]:
    try:
        return await others.box.receive(others.store.node)
    except BackendUnavailable as error:
        log.warning("nothing is heard of the other nodes: %s", error)
        await asyncio.sleep(_LISTENS_AGAIN)
        return ()
