"""Running one job: from its bytes to a handler, and from what that says to the reply.

Where the job came from, and where the reply goes, is not known here. What the job names is
imported under the rules of an organism file: below the packages that are allowed, and from
nowhere else.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from time import time
from typing import Any, NamedTuple

from xml_pipeline.dispatch.answers import all_said, code_of
from xml_pipeline.dispatch.by_name import path_of
from xml_pipeline.dispatch.jobs import Answer, Failure, Job, Said
from xml_pipeline.errors import (
    Denied,
    FaultCode,
    PayloadDefinitionError,
    Rejected,
    Retryable,
    XmlPipelineError,
)
from xml_pipeline.imports import import_object
from xml_pipeline.listener import Delivered, HandlerMetadata, HandlerResponse, Listener, Noted, Peer
from xml_pipeline.payload import RawPayload, codec_of
from xml_pipeline.payload.raw import parse_xml
from xml_pipeline.registries import state as states
from xml_pipeline.spent import Spent
from xml_pipeline.steps.seal import check_name
from xml_pipeline.thread import Conversation, Thread

LAST_SECONDS = 1.0
"""How long tasks that a handler has left behind may take to end."""

Ask = Callable[[str, Sequence[object]], Any]
"""Asks the organism that a job came from; raises what the organism refuses it with."""


class JobRunner:
    """Runs the jobs of one process, one at a time, each as a task of the event loop."""

    def __init__(self, allow: Iterable[str], ask: Ask) -> None:
        self._allow = tuple(allow)
        self._surroundings = Asking(ask)
        self._found: dict[str, Any] = {}
        self._listeners: dict[object, Listener] = {}

    async def run(self, job: Job) -> Answer | Failure:
        """Have a job's handler called; whatever goes wrong with it is a Failure.

        Tasks that it leaves behind are cancelled.
        """
        reply = await asyncio.create_task(self._run(job))
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=LAST_SECONDS)
        return reply

    def find(self, path: str) -> Any:
        """Return what an import path names; it is judged and imported once."""
        found = self._found.get(path)
        if found is None:
            found = self._found[path] = import_object(path, self._allow)
        return found

    async def _run(self, job: Job) -> Answer | Failure:
        try:
            delivered = self._delivered(job)
            metadata = HandlerMetadata(delivered, self._surroundings.within(job.timeout))
            payload = self._payload(job)
            responses = await all_said(delivered.listener.handler, payload, metadata)
            return Answer(tuple(map(_said, responses)), _state(metadata, delivered.listener))
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            return failure(error)

    def _payload(self, job: Job) -> Any:
        cls = self.find(job.payload_class)
        if cls is RawPayload:
            return RawPayload(parse_xml(job.payload).tag, job.payload)
        return codec_of(cls).from_xml(job.payload)

    def _delivered(self, job: Job) -> Arrived:
        listener = self._listener(job)
        conversation = Conversation(0, job.conversation, job.caller, job.tenant)
        thread = Thread(job.thread, conversation, None, job.caller, job.listener, 0)
        if job.state:
            thread.state = states.decode(job.state, listener.payload)
        return Arrived(
            listener,
            conversation,
            thread,
            job.sender,
            job.kind,
            job.id,
            job.in_reply_to,
            job.hops,
            job.attempt,
        )

    def _listener(self, job: Job) -> Listener:
        key = (job.listener, job.handler, *job.accepts, "", *job.output)
        listener = self._listeners.get(key)
        if listener is None:
            listener = self._listeners[key] = Listener(
                job.listener,
                tuple(map(self.find, job.accepts)),
                self.find(job.handler),
                output=tuple(map(self.find, job.output)) or None,
                description="Works in a process of its own.",
            )
        return listener


class Arrived(NamedTuple):
    """A delivery, as far as a handler's metadata asks for it."""

    listener: Listener
    conversation: Conversation
    thread: Thread
    sender: str
    kind: str
    id: int
    in_reply_to: int | str
    hops: int
    attempt: int
    spent: Spent | None = None  # That stays with the organism.


class Asking:
    """What is around a handler is asked of the organism, when the handler asks for it."""

    __slots__ = ("_ask", "_late")

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._late: float | None = None

    def within(self, timeout: float | None) -> Asking:
        """Count the seconds of the next job from now on."""
        self._late = None if timeout is None else time() + timeout
        return self

    def usage_instructions(self, _: Delivered) -> str:
        return str(self._ask("usage_instructions", ()))

    def todo_nudge(self, _: Delivered) -> str:
        return str(self._ask("todo_nudge", ()))

    def deadline(self, _: Delivered) -> datetime | None:
        return None if self._late is None else datetime.fromtimestamp(self._late, UTC)

    def budget(self, _: Delivered) -> RemoteBudget:
        return RemoteBudget(self._ask)

    def context(self, _: Delivered) -> Sequence[Any]:
        raise XmlPipelineError(
            "metadata.context is not in a worker process: keep what you need in metadata.state"
        )

    def peers(self, _: Delivered) -> Sequence[Peer]:
        raise XmlPipelineError("metadata.peers is not in a worker process")

    def prompt(self, delivery: Delivered) -> str:
        return delivery.listener.prompt

    def requester(self, _: Delivered) -> str:
        raise XmlPipelineError("metadata.requester is not in a worker process")

    def notes(self, _: Delivered) -> Noted:
        raise XmlPipelineError("metadata.notes are not in a worker process")

    def watched(self) -> bool:
        return False

    def tell(self, event: Any) -> None:
        """Tell nobody: whoever watches is with the organism."""


class RemoteBudget:
    """The budget of the conversation, which stays with the organism."""

    __slots__ = ("_ask",)

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def reserve(self, tokens: int = 0, usd: float = 0.0) -> RemoteReservation:
        """Set tokens and money aside; BudgetExhausted where they are not there."""
        return RemoteReservation(self._ask, int(self._ask("reserve", (tokens, usd))))


class RemoteReservation:
    """Tokens and money set aside there, until the job ends at the latest."""

    __slots__ = ("_ask", "_number")

    def __init__(self, ask: Ask, number: int) -> None:
        self._ask = ask
        self._number = number

    async def written(self) -> None:
        """Do not wait: the organism notes it before it answers, and a job is tried again."""

    def settle(self, tokens: int = 0, usd: float = 0.0) -> None:
        """Give back what was set aside and count what was spent."""
        self._ask("settle", (self._number, tokens, usd))

    def release(self) -> None:
        """Give back what was set aside: nothing was spent."""
        self.settle()


def failure(error: BaseException) -> Failure:
    """Return what a handler raised as what can be told of it."""
    code = error.code if isinstance(error, Unsayable) else code_of(error)
    text = "".join(traceback.format_exception(error))
    denied = error.why if isinstance(error, Denied) else ""
    return Failure(type(error).__name__, str(error), code, text, _after(error), denied)


def _after(error: BaseException) -> float | None:
    """Return after how many seconds a job may be tried again, None where that is in vain."""
    if isinstance(error, MemoryError):  # Another process may have more of it.
        return 0.0
    return max(0.0, error.after) if isinstance(error, Retryable) else None


class Unsayable(XmlPipelineError):
    """A response cannot be written: its payload, or its addressee."""

    code: FaultCode

    def __init__(self, code: FaultCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def _state(metadata: HandlerMetadata, listener: Listener) -> bytes:
    state = metadata.changed_state()
    return b"" if state is None else states.encode(state, listener.payload)


def _said(response: HandlerResponse) -> Said:
    payload, to, key, seconds, kind, _ = response
    try:
        check_name("" if to is None else to)
        cls, document = _written(payload) if kind != "defer" else ("", b"")
    except Rejected as error:
        raise Unsayable(error.code, error.detail) from error
    except (PayloadDefinitionError, ValueError) as error:
        raise Unsayable("validation", f"{type(payload).__name__}: {error}") from error
    if not all(map(isinstance, (key, seconds), (str | None, int | float))):
        raise TypeError(f"key is text, seconds is a number: {response!r}")
    return Said(cls, to, key, seconds, kind, document)


def _written(payload: object) -> tuple[str | None, bytes]:
    """Return the import path of a payload's class, None for text, and what to write of it."""
    if isinstance(payload, bytes):
        return None, payload
    if isinstance(payload, RawPayload):
        return None, payload.xml
    return path_of(type(payload)), codec_of(type(payload)).to_xml(payload)
