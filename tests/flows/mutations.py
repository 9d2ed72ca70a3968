"""Real envelopes, and what becomes of them when bytes are changed at random."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

NAMESPACE = "https://xml-pipeline.org/ns/envelope/v1"
TASK = '<Task xmlns=""><text>x</text></Task>'


def envelope(to: str | None, payload: str = TASK, thread: str = "t", sender: str = "o") -> bytes:
    """Return an envelope as somebody outside might write it."""
    addressee = "" if to is None else f"<to>{to}</to>"
    return (
        f'<message xmlns="{NAMESPACE}"><meta><from>{sender}</from>{addressee}'
        f"<thread>{thread}</thread></meta>{payload}</message>"
    ).encode()


TOKENS: tuple[bytes, ...] = (
    b"<", b">", b"&", b'"', b"'", b"/", b"=", b"]]>", b"<!--", b"-->", b"<![CDATA[", b"<?x y?>",
    b"<?xml version='1.0' encoding='utf-16'?>", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"&lt;",
    b"&#0;", b"&#x10FFFF;", b"&#60;message&#62;", b"\0", b"\x0b", b"\xff\xfe", b"\xc3",
    b"\xed\xa0\x80",
    "\u202e\u200b\ufeff".encode(), b"xmlns=''", b" xmlns:x='y'", b" xmlns:m='urn:m'", b"<x:y/>",
    b" a='1'", b" a='1' a='2'", b" " + b"a='1' " * 70, b"<a>" * 70, b"</a>" * 70, b"9" * 5_000,
    b"<to>worker</to>", b"<from>system</from>", b"<thread>t</thread>", TASK.encode(), b"</message>",
)  # fmt: skip
"""What a mutation puts in: markup, entities, odd encodings, limits, and parts of an envelope."""


def flip(random: Random, raw: bytearray) -> None:
    """Change one byte."""
    if raw:
        raw[random.randrange(len(raw))] = random.randrange(256)


def retype(random: Random, raw: bytearray) -> None:
    """Change one letter or digit, as a slip of the finger does."""
    if raw:
        raw[random.randrange(len(raw))] = random.choice(b"abcxyz0189 .-")


def cut(random: Random, raw: bytearray) -> None:
    """Remove a slice."""
    at = random.randint(0, len(raw))
    del raw[at : at + random.randint(1, 40)]


def truncate(random: Random, raw: bytearray) -> None:
    """End it early."""
    del raw[random.randint(0, len(raw)) :]


def repeat(random: Random, raw: bytearray) -> None:
    """Say a slice twice."""
    at = random.randint(0, len(raw))
    raw[at:at] = raw[at : at + random.randint(1, 80)]


def swap(random: Random, raw: bytearray) -> None:
    """Move a slice to another place."""
    at, length = random.randint(0, len(raw)), random.randint(1, 40)
    part = raw[at : at + length]
    del raw[at : at + length]
    to = random.randint(0, len(raw))
    raw[to:to] = part


def insert(random: Random, raw: bytearray) -> None:
    """Put a token in."""
    at = random.randint(0, len(raw))
    raw[at:at] = random.choice(TOKENS)


MUTATIONS: tuple[Callable[[Random, bytearray], None], ...] = (
    flip, retype, retype, cut, truncate, repeat, swap, insert, insert,
)  # fmt: skip


def mutated(random: Random, raw: bytes) -> bytes:
    """Return the document with one change, sometimes with two or four."""
    changed = bytearray(raw)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        random.choice(MUTATIONS)(random, changed)
    return bytes(changed)
