"""What may come in: an envelope, a bare XML payload, or a JSON request; all leave as an envelope.

The sender in it is ours whatever was written, and the pump checks everything again: nothing
here is trusted for having been looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from xml_pipeline.errors import Rejected
from xml_pipeline.listener import Listener
from xml_pipeline.organism import Organism
from xml_pipeline.payload import Codec
from xml_pipeline.server.unreadable import Unreadable
from xml_pipeline.steps.limits import check_limits
from xml_pipeline.steps.seal import envelope_bytes, seal

_MEMBERS = frozenset({"to", "payload", "thread"})
_THREAD_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Intake:
    """Makes an envelope of whatever a client sends."""

    def __init__(self, organism: Organism, sender: str) -> None:
        self._organism = organism
        self._sender = sender

    def payload(self, payload: bytes, to: str, thread: str) -> bytes:
        """Wrap an XML payload; an empty ``to`` is whoever accepts it.

        Raises Unreadable.
        """
        try:
            check_limits(payload, self._organism.kernel.read.limits)
            return envelope_bytes(payload, self._sender, to or None, _thread(thread))
        except Unreadable:
            raise
        except Rejected as error:
            raise Unreadable("The body is no XML payload that is accepted.", error.detail) from None

    def request(self, said: object) -> bytes:
        """Wrap what a JSON request says.

        Raises Unreadable where it is not ``{"to", "payload", "thread"}``, and Rejected where
        nobody accepts that payload or it does not fit.
        """
        if not isinstance(said, dict) or not _MEMBERS.issuperset(said):
            raise Unreadable('A request is {"to": …, "payload": …, "thread": …} and no more.')
        to, thread, payload = said.get("to"), said.get("thread", ""), said.get("payload")
        if not (to is None or isinstance(to, str)) or not isinstance(thread, str):
            raise Unreadable('"to" and "thread" are strings.')
        if not isinstance(payload, dict):
            raise Unreadable('"payload" is an object.')
        codec, fields = self._read_as(to, payload)
        return seal(codec, codec.from_json(fields), self._sender, to, _thread(thread))

    def _read_as(
        self, to: str | None, payload: Mapping[str, Any]
    ) -> tuple[Codec[Any], Mapping[str, Any]]:
        """Return what reads a payload, and its fields.

        ``{"Greeting": {…}}`` says its class; where the listener accepts only one, ``{…}`` will
        do, and is meant wherever the class has a field of its own name.
        """
        tag = next(iter(payload)) if len(payload) == 1 else ""
        named = self._hearing(to, tag)
        classes = {cls: codec for each in named for cls, codec in each.codecs.items()}
        if len(classes) == 1 and not _says_class(payload, *classes.values()):
            return next(iter(classes.values())), payload
        if tag in classes and isinstance(payload[tag], dict):
            return classes[tag], payload[tag]
        if not classes:
            raise Rejected("routing", f"nobody reads JSON at {to!r}, payload {tag!r}")
        raise Unreadable('Say which payload it is: "payload": {"Name": {…}}.')

    def _hearing(self, to: str | None, tag: str) -> Sequence[Listener]:
        listeners = self._organism.kernel.listeners
        return listeners.named(to) if to is not None else listeners.accepting(tag)


def _says_class(payload: Mapping[str, Any], codec: Codec[Any]) -> bool:
    if len(payload) != 1 or not isinstance(payload.get(codec.tag), dict):
        return False
    return codec.tag not in codec.json_schema().get("properties", {})


def _thread(thread: str) -> str:
    """Check what should be the id of a thread; none is a new conversation."""
    if thread and not _THREAD_ID.fullmatch(thread):
        raise Unreadable("That is no id of a thread.")
    return thread
