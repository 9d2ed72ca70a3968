"""The stations of a message's way, and the fault that rides beside them.

    Wire        bytes, as they came, and what the pump stamped beside them
    Envelope    parsed and checked: who says what to whom
    Addressed   meant for one listener, on its own thread
    Delivery    the typed payload at that listener's door

A station is immutable once it stands. It is built as a *draft*, a subclass with the same
slots that may be written, and then becomes its frozen self by a change of class: a quarter
of the cost of a frozen dataclass, and these are built for every message. (A draft has to take
back both ``__setattr__`` and ``__delattr__``: the interpreter keeps one slot for the two, and
writes fast only where neither is ours.) Stations are compared by identity.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, NoReturn

from lxml import etree

from xml_pipeline.errors import FaultCode
from xml_pipeline.listener import Listener
from xml_pipeline.payload import Codec
from xml_pipeline.spent import Spent, total
from xml_pipeline.thread import Conversation, Thread

ENVELOPE_NAMESPACE = "https://xml-pipeline.org/ns/envelope/v1"
META_NAMESPACE = "https://xml-pipeline.org/ns/meta/v1"
SIGNATURE_NAMESPACE = "https://xml-pipeline.org/ns/sig/v1"

Origin = Literal["outside", "signed", "text", "sealed"]
"""Who wrote the bytes: somebody outside, somebody outside whose signature has been verified, a
handler as free text, or our own writer."""

Kind = Literal["inject", "send", "reply", "fault"]
"""Whether a message comes from outside, asks, answers, or tells of a fault or an end."""


class Station:
    """What all stations share: they cannot be changed."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} cannot be changed: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} cannot be changed: {name}")


class Wire(Station):
    """Bytes on their way in, with what the pump knows of them.

    ``sender`` is the authenticated sender, whatever the bytes say. ``thread`` is the thread
    on which the message was sent (for a reply: the caller's), None for a reply that leaves
    the organism. ``key`` is what a reply to it will carry as ``in_reply_to``. ``made`` is the
    codec that wrote the payload, None for bytes of others. ``to`` matters for ``text`` only,
    where the bytes are payloads without an envelope. ``spent`` is what an answer took whose
    payload does not say so.
    """

    __slots__ = (
        "attempt",
        "conversation",
        "hops",
        "id",
        "in_reply_to",
        "key",
        "kind",
        "made",
        "origin",
        "raw",
        "repairs",
        "sender",
        "spent",
        "thread",
        "to",
    )
    raw: bytes
    origin: Origin
    kind: Kind
    sender: str
    conversation: Conversation
    thread: Thread | None
    id: int
    in_reply_to: int | str
    key: int | str
    hops: int
    attempt: int
    made: Codec[Any] | None
    to: str | None
    repairs: tuple[str, ...]
    spent: Spent | None

    def __new__(  # noqa: PLR0913  # a record of what is stamped, one argument a slot
        cls,
        raw: bytes,
        origin: Origin,
        kind: Kind,
        sender: str,
        conversation: Conversation,
        thread: Thread | None,
        id: int,
        in_reply_to: int | str = 0,
        hops: int = 0,
        made: Codec[Any] | None = None,
        key: int | str = 0,
        to: str | None = None,
        repairs: tuple[str, ...] = (),
        attempt: int = 1,
        spent: Spent | None = None,
    ) -> Wire:
        self: Any = _new(_WireDraft)
        self.raw = raw
        self.origin = origin
        self.kind = kind
        self.sender = sender
        self.conversation = conversation
        self.thread = thread
        self.id = id
        self.in_reply_to = in_reply_to
        self.hops = hops
        self.made = made
        self.key = key or id
        self.to = to
        self.repairs = repairs
        self.attempt = attempt
        self.spent = spent
        self.__class__ = cls
        return self  # type: ignore[no-any-return]


class Envelope(Station):
    """A parsed, checked document: the words of its header and its one payload element.

    ``notes`` say what was repaired or overwritten in it. ``fits`` is the codec whose schema its
    payload is known to fit, None where that is still to be seen.
    """

    __slots__ = ("fits", "notes", "payload", "tag", "thread_id", "to", "wire")
    wire: Wire
    to: str | None
    thread_id: str
    tag: str
    payload: etree._Element
    notes: tuple[str, ...]
    fits: Codec[Any] | None

    def __new__(  # noqa: PLR0913  # a record, one argument a slot
        cls,
        wire: Wire,
        to: str | None,
        thread_id: str,
        tag: str,
        payload: etree._Element,
        notes: tuple[str, ...] = (),
        fits: Codec[Any] | None = None,
    ) -> Envelope:
        self: Any = _new(_EnvelopeDraft)
        self.wire = wire
        self.to = to
        self.thread_id = thread_id
        self.tag = tag
        self.payload = payload
        self.notes = notes
        self.fits = fits
        self.__class__ = cls
        return self  # type: ignore[no-any-return]


class Addressed(Station):
    """An envelope for one listener, on that listener's thread.

    ``codec`` reads the payload; None where the listener takes it as it is.
    """

    __slots__ = ("codec", "envelope", "listener", "thread")
    envelope: Envelope
    listener: Listener
    thread: Thread | None
    codec: Codec[Any] | None

    def __new__(
        cls,
        envelope: Envelope,
        listener: Listener,
        thread: Thread | None,
        codec: Codec[Any] | None,
    ) -> Addressed:
        self: Any = _new(_AddressedDraft)
        self.envelope = envelope
        self.listener = listener
        self.thread = thread
        self.codec = codec
        self.__class__ = cls
        return self  # type: ignore[no-any-return]


class Delivery(Station):
    """A typed payload at a listener's door. The parsed tree is gone by now: it is large.

    Where a reply leaves the organism, ``listener`` is ``OUTSIDE`` and there is no thread.
    ``size`` is the length of the envelope in bytes, ``notes`` what was repaired in it.
    """

    __slots__ = (
        "attempt",
        "conversation",
        "hops",
        "id",
        "in_reply_to",
        "kind",
        "listener",
        "notes",
        "payload",
        "sender",
        "size",
        "spent",
        "thread",
    )
    listener: Listener
    payload: Any
    conversation: Conversation
    thread: Thread
    sender: str
    kind: Kind
    id: int
    in_reply_to: int | str
    hops: int
    attempt: int
    notes: tuple[str, ...]
    size: int
    spent: Spent | None

    def __new__(cls, addressed: Addressed, payload: Any) -> Delivery:
        wire = addressed.envelope.wire
        self: Any = _new(_DeliveryDraft)
        self.listener = addressed.listener
        self.payload = payload
        self.conversation = wire.conversation
        self.thread = addressed.thread
        self.sender = wire.sender
        self.kind = wire.kind
        self.id = wire.id
        self.in_reply_to = wire.in_reply_to
        self.hops = wire.hops
        self.attempt = wire.attempt
        self.notes = addressed.envelope.notes
        self.size = len(wire.raw)
        self.spent = wire.spent
        self.__class__ = cls
        return self  # type: ignore[no-any-return]

    def again(self) -> Delivery:
        """Return the same message as it is handed over once more."""
        other: Any = _new(_DeliveryDraft)
        for slot in Delivery.__slots__:
            setattr(other, slot, getattr(self, slot))
        other.attempt = self.attempt + 1
        other.__class__ = Delivery
        return other  # type: ignore[no-any-return]


class _WireDraft(Wire):
    __slots__ = ()
    __setattr__ = object.__setattr__  # type: ignore[assignment]
    __delattr__ = object.__delattr__  # type: ignore[assignment]


class _EnvelopeDraft(Envelope):
    __slots__ = ()
    __setattr__ = object.__setattr__  # type: ignore[assignment]
    __delattr__ = object.__delattr__  # type: ignore[assignment]


class _AddressedDraft(Addressed):
    __slots__ = ()
    __setattr__ = object.__setattr__  # type: ignore[assignment]
    __delattr__ = object.__delattr__  # type: ignore[assignment]


class _DeliveryDraft(Delivery):
    __slots__ = ()
    __setattr__ = object.__setattr__  # type: ignore[assignment]
    __delattr__ = object.__delattr__  # type: ignore[assignment]


_new = object.__new__


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a message failed.

    ``code``, ``words`` and ``retry_allowed`` are told to the sender; ``detail`` goes to the
    log, under ``id``. ``from_id`` and ``to_id`` say whose message it was. ``original`` is its
    bytes, where they could not be read. ``final``: no attempt can help, whatever the code.
    ``spent`` is what the work took that failed with it, as far as that is known.
    """

    id: str
    code: FaultCode
    detail: str
    from_id: str
    to_id: str
    original: bytes = b""
    words: str = ""
    final: bool = False
    spent: Spent | None = None

    def after(self, spent: Spent | None) -> Fault:
        """Return the fault of work that took so much more."""
        if spent is None:
            return self
        return replace(self, spent=spent if self.spent is None else total((self.spent, spent)))

    @property
    def retry_allowed(self) -> bool:
        """Tell whether trying again, perhaps differently, may help."""
        return not self.final and self.code in ("routing", "validation", "overload", "timeout")
