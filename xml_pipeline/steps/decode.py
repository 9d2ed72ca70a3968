"""Addressee to delivery: the payload's own schema, then its typed object."""

from __future__ import annotations

from typing import Any

from lxml import etree

from xml_pipeline.errors import Rejected
from xml_pipeline.message import Addressed, Delivery, Envelope
from xml_pipeline.payload import Codec, RawPayload


class Decode:
    """The step from addressee to delivery.

    A broadcast is decoded once for each distinct codec, and its addressees share the object:
    payload classes are meant to be frozen.

    Raises Rejected("validation") where the payload does not fit the listener's schema.
    """

    __slots__ = ("_codec", "_envelope", "_payload")

    def __init__(self) -> None:
        self._envelope: Envelope | None = None
        self._codec: Codec[Any] | None = None
        self._payload: Any = None

    def __call__(self, addressed: Addressed) -> Delivery:
        envelope, codec = addressed.envelope, addressed.codec
        if envelope is self._envelope and codec is self._codec:
            return Delivery(addressed, self._payload)
        element = envelope.payload
        if codec is None:
            text = etree.tostring(element, method="c14n", exclusive=True, with_comments=False)
            payload: Any = RawPayload(envelope.tag, text)
        else:
            if envelope.fits is not codec:
                schema: Any = codec.schema
                if not schema.validate(element):
                    raise Rejected("validation", f"<{envelope.tag}>: {schema.error_log.last_error}")
            payload = codec.read(element)
        self._envelope, self._codec, self._payload = envelope, codec, payload
        return Delivery(addressed, payload)

    def forget(self) -> None:
        """Let go of the last message's tree."""
        self._envelope = self._codec = self._payload = None
