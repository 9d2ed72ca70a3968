"""What a signature looks like in an envelope, and over which bytes it is made.

The last four children of ``<meta>``, all in the namespace of signatures:

    <nonce>32 hexadecimal digits</nonce>            never used twice
    <signed>2026-11-21T05:09:29.640739Z</signed>    when it was made
    <expires>2026-11-21T05:14:29.640739Z</expires>  when it ends
    <sig>88 characters of base64</sig>              Ed25519, over the rest

The signed bytes are the exclusive C14N 1.0 of the whole envelope without ``<sig>``, so nonce and
times are signed with it. No algorithm is named: there is one. ``schemas/signature.xsd`` says the
same as a schema.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Any

from lxml import etree

from xml_pipeline.message import SIGNATURE_NAMESPACE

OURS = f"{{{SIGNATURE_NAMESPACE}}}*"
PARTS = [f"{{{SIGNATURE_NAMESPACE}}}{name}" for name in ("nonce", "signed", "expires", "sig")]
NONCE, SIGNED, EXPIRES, SIG = PARTS

LONGEST = 3_600
"""Seconds that a signature may hold at most."""

USUAL = 300
"""Seconds that a signature holds, unless somebody says otherwise."""

SKEW = 60.0
"""Seconds that a signature is believed beyond its end: the signer's clock may be slow."""

AHEAD = 2.0
"""Seconds by which the signer's clock may be fast. As long after a start nothing signed is
believed by an organism that does not know what was said before: it could have been heard then."""

_NONCE = re.compile(r"[0-9a-f]{32}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_BYTES = 64


def canonical(root: Any) -> bytes:
    """Return the exclusive C14N 1.0 of a tree."""
    return etree.tostring(root, method="c14n", exclusive=True, with_comments=False)


def signature_of(text: str) -> bytes | None:
    """Return the bytes that base64 stands for, None where it is not their one spelling."""
    try:
        signature = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    is_canonical = base64.b64encode(signature).decode() == text
    return signature if is_canonical and len(signature) == _BYTES else None


def is_nonce(text: str) -> bool:
    """Tell whether a text is a nonce."""
    return _NONCE.fullmatch(text) is not None


def moment_of(text: str) -> float | None:
    """Return a time in seconds since 1970, None where it is not written as it should be."""
    if not _TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def moment_text(seconds: float) -> str:
    """Write a time, in UTC and microseconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
