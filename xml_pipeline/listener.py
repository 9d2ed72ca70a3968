"""Listener, what its handler is told, and what its handler may answer."""

from __future__ import annotations

import re
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    MutableMapping,
    Sequence,
)
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol

from xml_pipeline.callables import is_async
from xml_pipeline.noted import Noted as Noted
from xml_pipeline.payload import Codec, RawPayload, codec_of
from xml_pipeline.permission import Permission
from xml_pipeline.response import HandlerResponse as HandlerResponse
from xml_pipeline.sandbox import Sandbox
from xml_pipeline.spending import Reserved as Reserved
from xml_pipeline.spending import Spending as Spending
from xml_pipeline.spent import Spent
from xml_pipeline.subject import Subject
from xml_pipeline.thread import Conversation, Thread

LISTENER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,99}")
"""A listener's name: a letter or underscore, then letters, digits, ``_``, ``-`` and ``.``."""

ComeBack = Literal["never", "late", "at_once", "required"]

_PLAIN = frozenset((str, int, float, bool, bytes, type(None)))


class Peer(NamedTuple):
    """A listener that another may address, and the payloads with which it can be asked.

    Those are what it accepts, but for what the pump says and what its own peers answer it with.
    """

    listener: Listener
    requests: tuple[Codec[Any], ...]


class Delivered(Protocol):
    """What a handler may learn about the message it is given; ``message.Delivery`` is one."""

    @property
    def listener(self) -> Listener: ...
    @property
    def conversation(self) -> Conversation: ...
    @property
    def thread(self) -> Thread: ...
    @property
    def sender(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def id(self) -> int: ...
    @property
    def in_reply_to(self) -> int | str: ...
    @property
    def hops(self) -> int: ...
    @property
    def attempt(self) -> int: ...
    @property
    def spent(self) -> Spent | None: ...


class Surroundings(Protocol):
    """What the organism around a delivery tells its handler on request."""

    def usage_instructions(self, delivery: Delivered) -> str: ...
    def todo_nudge(self, delivery: Delivered) -> str: ...
    def deadline(self, delivery: Delivered) -> datetime | None: ...
    def budget(self, delivery: Delivered) -> Spending: ...
    def context(self, delivery: Delivered) -> Sequence[Any]: ...
    def peers(self, delivery: Delivered) -> Sequence[Peer]: ...
    def prompt(self, delivery: Delivered) -> str: ...
    def requester(self, delivery: Delivered) -> str: ...
    def notes(self, delivery: Delivered) -> Noted: ...
    def watched(self) -> bool: ...
    def tell(self, event: Any) -> None: ...


class HandlerMetadata:
    """What the pump knows of the message a handler is given. Read-only, except ``state``.

    A view, not a record: most handlers read two of these properties, so each is
    worked out when it is asked for.
    """

    __slots__ = ("_delivery", "_state", "_surroundings")

    def __init__(self, delivery: Delivered, surroundings: Surroundings) -> None:
        self._delivery = delivery
        self._surroundings = surroundings
        self._state: dict[str, Any] | None = None

    @property
    def thread_id(self) -> str:
        """Return the id of this listener's own thread: opaque, random, private."""
        return self._delivery.thread.id

    @property
    def conversation_id(self) -> str:
        """Return the id of the conversation that the thread belongs to."""
        return self._delivery.conversation.id

    @property
    def from_id(self) -> str:
        """Return the immediate sender: a listener's name, ``system``, or an outside principal."""
        return self._delivery.sender

    @property
    def own_name(self) -> str:
        """Return the name of the listener that is being called."""
        return self._delivery.listener.name

    @property
    def is_self_call(self) -> bool:
        """Tell whether the listener sent this message to itself."""
        return self._delivery.sender == self._delivery.listener.name and not self.in_reply_to

    @property
    def in_reply_to(self) -> str | None:
        """Return the key, or else the message id, of the message that this one answers."""
        answered = self._delivery.in_reply_to
        if isinstance(answered, int):
            return f"{self._delivery.conversation.id}.{answered}" if answered else None
        return answered

    @property
    def message_id(self) -> str:
        """Return the message's id: the same at every attempt, so an idempotency key."""
        return f"{self._delivery.conversation.id}.{self._delivery.id}"

    @property
    def attempt(self) -> int:
        """Return how many times this message has been tried, this time included."""
        return self._delivery.attempt

    @property
    def hops(self) -> int:
        """Return the causal depth: how many messages lie between the outside and this one."""
        return self._delivery.hops

    @property
    def spent(self) -> Spent | None:
        """Return what an answer took, None where it says so itself or nobody kept account."""
        return self._delivery.spent

    @property
    def tenant(self) -> str:
        """Return the tenant on whose behalf the conversation is held."""
        return self._delivery.conversation.tenant

    @property
    def principal(self) -> str:
        """Return who outside the conversation is held with."""
        return self._delivery.conversation.principal

    @property
    def subject(self) -> Subject | None:
        """Return the person the conversation is held for, if a token of theirs was given."""
        return self._delivery.conversation.subject

    @property
    def requester(self) -> str:
        """Return the id of the thread that this work is done for.

        It is the one above, or above whatever acts for its caller there; the conversation's own
        where somebody outside asked. So what is remembered under it is known to one agent only,
        in one piece of its work.
        """
        return self._surroundings.requester(self._delivery)

    @property
    def notes(self) -> Noted:
        """Return what this listener has noted for its requester, in earlier calls: texts by name.

        ``get`` gives an empty text for what was never noted; ``put`` keeps a text at once, even
        if the handler fails, and as long as the requester's thread lives, restarts included.
        """
        return self._surroundings.notes(self._delivery)

    @property
    def deadline(self) -> datetime | None:
        """Return when the handler will be stopped, None where it may take for ever."""
        return self._surroundings.deadline(self._delivery)

    @property
    def usage_instructions(self) -> str:
        """Return the text that tells an agent whom it may address, and how."""
        return self._surroundings.usage_instructions(self._delivery)

    @property
    def todo_nudge(self) -> str:
        """Return a reminder of the todos that seem done, or an empty string."""
        return self._surroundings.todo_nudge(self._delivery)

    @property
    def budget(self) -> Spending:
        """Return the conversation's budget."""
        return self._surroundings.budget(self._delivery)

    @property
    def context(self) -> Sequence[Any]:
        """Return the deliveries on this thread so far, this one last."""
        return self._surroundings.context(self._delivery)

    @property
    def peers(self) -> Sequence[Peer]:
        """Return the listeners that this one may address and that are there, in its order."""
        return self._surroundings.peers(self._delivery)

    @property
    def prompt(self) -> str:
        """Return this listener's own prompt, as it is registered at present."""
        return self._surroundings.prompt(self._delivery)

    @property
    def watched(self) -> bool:
        """Tell whether anybody hears what is told: if not, there is no need to."""
        return self._surroundings.watched()

    def tell(self, event: Any) -> None:
        """Tell those who watch the organism of something: an event of ``xml_pipeline.events``."""
        self._surroundings.tell(event)

    def when_over(self, callback: Callable[[], None]) -> None:
        """Have something called when the thread has closed, however that comes; it may not raise.

        For what a handler holds in memory between two messages, such as a call under way.
        """
        thread = self._delivery.thread
        thread.endings = [*(thread.endings or ()), callback]

    @property
    def state(self) -> MutableMapping[str, Any]:
        """Return what this listener remembers on this thread.

        Changes are kept only if the handler succeeds, in the step that settles the delivery.
        It holds plain data, of at most ``limits.state_bytes``; anything else in it fails the
        delivery (``registries.state`` says what is plain).
        """
        if self._state is None:
            kept = self._delivery.thread.state
            if not kept:
                self._state = {}
            elif _PLAIN.issuperset(map(type, kept.values())):
                self._state = kept.copy()
            else:
                self._state = deepcopy(kept)
        return self._state

    def changed_state(self) -> dict[str, Any] | None:
        """Return the state to keep, None when it was never touched."""
        return self._state


Answer = HandlerResponse | Iterable[HandlerResponse] | bytes | None
Handler = Callable[[Any, HandlerMetadata], Awaitable[Answer] | AsyncIterator[HandlerResponse]]


@dataclass(frozen=True, slots=True, eq=False)
class Listener:
    """A name, the payloads it accepts, a handler and a description: agents, tools, people.

    ``accepts`` is one payload class or several; ``RawPayload`` among them accepts whatever
    no other class matches, unvalidated. ``peers`` are the names it may send to (``"*"`` is
    anyone); answering and calling itself are always allowed. A message without an addressee
    reaches all ``broadcast`` listeners of its payload, or else the only one that accepts it;
    ``group`` is a second name, shared by several, that reaches all of them. ``timeout`` is
    the seconds one call may take, ``max_concurrent`` how many calls may run at once,
    ``max_hops`` the causal depth at which its messages are refused. ``output`` names the
    payload classes it answers with. ``acts_for_caller`` is for primitives and orchestrators:
    they send with their caller's peers, so that nobody gains reach by asking another, and as
    deep as their request was, so that a long row of calls is no deep one; ``keeps_depth`` is the
    latter alone. Whoever ``opens_blackboard`` shares one with all that it asks for, and with
    nobody else (``registries.blackboards``). What ``acts_outside`` is not run again by a replay.
    With ``require_signature`` it hears from outside only what is signed; what the program itself
    sends, and other listeners, need no signature. A message whose handler raises ``Retryable``
    is handed over again, ``max_deliveries`` times in all, after the first of ``retry_delays``
    seconds, then twice that, up to the second of them. ``permissions`` are rules for what is
    sent by it and by everybody below it, the first that fits; what fits none is asked about.
    In a ``sandbox`` its handler runs in a process of its own for each call.

    ``expose`` are the protocols by which others find it: ``mcp``, ``a2a``. ``come_back`` is when an
    MCP client that can is told to come back for the answer, and that others are refused.

    Raises ValueError for a bad name or description, TypeError for a handler that is not
    asynchronous, PayloadDefinitionError for a class that is no payload.
    """

    name: str
    accepts: type | Sequence[type]
    handler: Handler
    description: str = field(kw_only=True)
    agent: bool = field(default=False, kw_only=True)
    peers: tuple[str, ...] = field(default=(), kw_only=True)
    broadcast: bool = field(default=False, kw_only=True)
    group: str | None = field(default=None, kw_only=True)
    cpu_bound: bool = field(default=False, kw_only=True)
    max_concurrent: int | None = field(default=None, kw_only=True)
    timeout: float = field(default=30.0, kw_only=True)
    output: type | Sequence[type] | None = field(default=None, kw_only=True)
    prompt: str = field(default="", kw_only=True)
    max_hops: int | None = field(default=None, kw_only=True)
    acts_for_caller: bool = field(default=False, kw_only=True)
    keeps_depth: bool = field(default=False, kw_only=True)
    opens_blackboard: bool = field(default=False, kw_only=True)
    acts_outside: bool = field(default=False, kw_only=True)
    require_signature: bool = field(default=False, kw_only=True)
    expose: tuple[str, ...] = field(default=(), kw_only=True)
    come_back: ComeBack = field(default="late", kw_only=True)
    max_deliveries: int = field(default=5, kw_only=True)
    retry_delays: tuple[float, float] = field(default=(1.0, 60.0), kw_only=True)
    permissions: tuple[Permission, ...] = field(default=(), kw_only=True)
    sandbox: Sandbox | None = field(default=None, kw_only=True)
    codecs: Mapping[str, Codec[Any]] = field(init=False, repr=False)
    generic: bool = field(init=False, repr=False)
    reach: frozenset[str] | None = field(init=False, repr=False)
    answers: Mapping[str, Codec[Any]] = field(init=False, repr=False)
    apart: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in (self.name, *((self.group,) if self.group else ())):
            if not LISTENER_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no listener name: {LISTENER_NAME.pattern}")
        if not self.description.strip():
            raise ValueError(f"listener {self.name}: a description is mandatory")
        if not is_async(self.handler):
            raise TypeError(f"listener {self.name}: the handler must be an `async def`")
        if isinstance(self.peers, str):
            raise TypeError(f"listener {self.name}: peers is a tuple of names")
        self._check_limits()
        accepts = _several(self.accepts)
        object.__setattr__(self, "accepts", accepts)
        object.__setattr__(self, "peers", tuple(self.peers))
        object.__setattr__(self, "keeps_depth", self.keeps_depth or self.acts_for_caller)
        object.__setattr__(self, "permissions", tuple(self.permissions))
        if not accepts:
            raise ValueError(f"listener {self.name}: it accepts no payload at all")
        object.__setattr__(self, "codecs", self._codecs_by_tag(accepts))
        object.__setattr__(self, "answers", self._codecs_by_tag(self.outputs))
        object.__setattr__(self, "generic", RawPayload in accepts)
        object.__setattr__(self, "apart", self.cpu_bound or self.sandbox is not None)
        object.__setattr__(self, "reach", None if "*" in self.peers else frozenset(self.peers))

    def _check_limits(self) -> None:
        if not self.timeout > 0:  # nor NaN
            raise ValueError(f"listener {self.name}: timeout must be above zero")
        if self.max_concurrent is not None and self.max_concurrent < 1:
            raise ValueError(f"listener {self.name}: max_concurrent must be above zero")
        if self.max_deliveries < 1:
            raise ValueError(f"listener {self.name}: max_deliveries must be above zero")
        shortest, longest = self.retry_delays
        if not 0 < shortest <= longest:
            raise ValueError(f"listener {self.name}: retry_delays are two seconds that grow")

    def _codecs_by_tag(self, classes: tuple[type, ...]) -> Mapping[str, Codec[Any]]:
        codecs: dict[str, Codec[Any]] = {}
        for cls in classes:
            if cls is RawPayload:
                continue
            codec: Codec[Any] = codec_of(cls)
            if codecs.setdefault(codec.tag, codec) is not codec:
                raise ValueError(f"listener {self.name}: two payload classes <{codec.tag}>")
        return MappingProxyType(codecs)

    @property
    def outputs(self) -> tuple[type, ...]:
        """The payload classes it says it answers with."""
        return () if self.output is None else _several(self.output)

    def payload(self, tag: str) -> type | None:
        """Return the payload class of that tag that it accepts or answers with, else None."""
        codec = self.codecs.get(tag) or self.answers.get(tag)
        return None if codec is None else codec.cls

    def delay_after(self, attempt: int) -> float:
        """Return the seconds to wait after an attempt that failed, before the next one."""
        shortest, longest = self.retry_delays
        return min(longest, shortest * 2.0 ** min(attempt - 1, 64))

    def with_peers(self, peers: Iterable[str]) -> Listener:
        """Return the same listener with other peers."""
        return replace(self, peers=tuple(peers))


def _several(classes: type | Sequence[type]) -> tuple[type, ...]:
    return tuple(classes) if isinstance(classes, Sequence) else (classes,)
