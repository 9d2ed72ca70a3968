"""Signing envelopes."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable
from typing import Any, Protocol

from lxml import etree

from xml_pipeline.identity.form import (
    EXPIRES,
    NONCE,
    OURS,
    SIG,
    SIGNED,
    USUAL,
    canonical,
    moment_text,
)
from xml_pipeline.message import SIGNATURE_NAMESPACE
from xml_pipeline.steps.envelope import ReadEnvelope
from xml_pipeline.steps.limits import DEFAULT_LIMITS, XmlLimits

_NAMESPACES: Any = {None: SIGNATURE_NAMESPACE}


class Key(Protocol):
    """What makes a signature."""

    def sign(self, data: bytes) -> bytes: ...


class Signer:
    """Signs envelopes with one key, each for some seconds from now.

    ``sender`` is written as who says it; an empty one leaves what stands there.
    """

    def __init__(
        self,
        key: Key,
        seconds: float = USUAL,
        *,
        sender: str = "",
        clock: Callable[[], float] = time.time,
        limits: XmlLimits = DEFAULT_LIMITS,
    ) -> None:
        self._key = key
        self._seconds = seconds
        self._sender = sender
        self._clock = clock
        self._read = ReadEnvelope(limits)

    def __call__(self, raw: bytes) -> bytes:
        """Return an envelope in exclusive C14N and signed; a signature that it had is gone.

        Raises Rejected("validation") where it is no envelope that could be read.
        """
        root = self._read.document(raw)
        meta: Any = root[0]
        for each in meta.findall(OURS):
            meta.remove(each)
        if self._sender:
            meta[0].text = self._sender
        now = self._clock()
        _append(meta, NONCE, secrets.token_hex(16))
        _append(meta, SIGNED, moment_text(now))
        _append(meta, EXPIRES, moment_text(now + self._seconds))
        signature = self._key.sign(canonical(root))
        _append(meta, SIG, base64.b64encode(signature).decode())
        return canonical(root)


def _append(meta: Any, tag: str, text: str) -> None:
    etree.SubElement(meta, tag, None, _NAMESPACES).text = text
