"""The lines of the journal: what each says, and how it is written.

One line a fact: a letter, then fields with tabs between them. Where ``length`` is the last
field, so many bytes follow, and another line's end. Names, ids and numbers stand as they are;
what could be any text stands as a JSON string, without tabs or line ends. ``-`` is nobody.

    c channel tenant expires                        a conversation opens, with its root thread
    i principal                                     whoever signed what opened it
    g traceparent                                   the work outside that it is a part of
    t thread parent caller callee request           another thread opens
    m number kind origin sender thread in_reply_to key hops to repairs length
                                                    a message is on its way; its envelope
    j number input output usd turns calls           … tells of what it took
    a number thread listener                        … has been let in, and stands at a door
    s number thread attempt hops                    … is handed over
    u number thread                                 … was not, after all: the process ended
    y number thread at                              … is to be handed over again at that time
    d number thread                                 … has been settled
    r number                                        … was refused, or led nowhere
    l number                                        … has left the organism
    z thread length                                 what a listener remembers now
    Z thread length                                 … what has changed of it
    o thread at                                     an answer is owed until then
    w thread number at kind to key length           a message sets out then; its payload
    v thread number                                 … has set out
    p thread answered                               the caller has, or wants, its answer
    b tokens usd requests reserved_tokens reserved_usd    what has been spent and set aside
    n thread todos                                  what a listener waits for, as JSON
    k thread key length                             what a blackboard has under a key; its JSON
    e thread                                        … has been wiped clean
    h thread listener name length                   what a listener has noted for that thread
    f id code from to detail                        a fault
    x thread status                                 a thread closes, and all below it

Times are in seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from functools import lru_cache
from json import dumps
from typing import NamedTuple

from xml_pipeline.message import Fault, Wire
from xml_pipeline.spent import Spent
from xml_pipeline.thread import Thread

NOBODY = "-"
WITH_BODY = frozenset("mzZwkh")
"""Letters of lines that bytes follow."""

_MOST_DETAIL = 4_096


class Delayed(NamedTuple):
    """What sets out later, as its handler returned it; ``payload`` is its XML."""

    kind: str
    to: str | None
    key: str | None
    payload: bytes


@lru_cache(maxsize=4_096)
def text(value: str) -> str:
    """Write any text so that it is one field."""
    return dumps(value)


def opened(thread: Thread) -> bytes:
    """Write that a thread has opened."""
    parent = thread.parent.id if thread.parent is not None else NOBODY
    request = thread.request
    if request.__class__ is not int:
        request = dumps(request)
    return f"t\t{thread.id}\t{parent}\t{thread.caller}\t{thread.callee}\t{request}\n".encode()


def sent(wire: Wire) -> bytes:
    """Write that a message is on its way."""
    answers, key, thread, raw = wire.in_reply_to, wire.key, wire.thread, wire.raw
    if answers.__class__ is not int:
        answers = dumps(answers)
    if key.__class__ is not int:
        key = dumps(key)
    home = thread.id if thread is not None else NOBODY
    to = text(str(wire.to)) if wire.to is not None else NOBODY
    repairs = dumps(wire.repairs) if wire.repairs else NOBODY
    said = (
        f"m\t{wire.id}\t{wire.kind}\t{wire.origin}\t{wire.sender}\t{home}\t{answers}\t{key}"
        f"\t{wire.hops}\t{to}\t{repairs}\t{len(raw)}\n"
    )
    whole = b"%b%b\n" % (said.encode(), raw)
    return whole if wire.spent is None else whole + _took(wire.id, wire.spent)


def _took(number: int, spent: Spent) -> bytes:
    return "\t".join(map(str, ("j", number, *astuple(spent)))).encode() + b"\n"


def delayed(thread: Thread, number: int, at: float, what: Delayed) -> bytes:
    """Write that a message sets out later."""
    to = text(str(what.to)) if what.to is not None else NOBODY
    key = dumps(what.key) if what.key is not None else NOBODY
    said = f"w\t{thread.id}\t{number}\t{at}\t{what.kind}\t{to}\t{key}\t{len(what.payload)}\n"
    return b"%b%b\n" % (said.encode(), what.payload)


def of_thread(letter: str, thread: Thread, names: Sequence[str], said: bytes | str) -> bytes:
    """Write the line of something that is kept for a thread, under names that are any text."""
    body = said if isinstance(said, bytes) else said.encode("utf-8", "surrogatepass")
    fields = (letter, thread.id, *map(dumps, names), str(len(body)))
    return b"%b\n%b\n" % ("\t".join(fields).encode(), body)


def failure(fault: Fault) -> bytes:
    """Write a fault; of its details no more than somebody would read."""
    detail = dumps(fault.detail[-_MOST_DETAIL:])
    ends = f"{text(fault.from_id)}\t{text(fault.to_id)}"
    return f"f\t{fault.id}\t{fault.code}\t{ends}\t{detail}\n".encode()


def lines_of(records: bytes) -> Iterator[tuple[str, list[str], bytes]]:
    """Yield the letter, the fields and the body of each line of an entry; ValueError."""
    at = 0
    while at < len(records):
        end = records.index(b"\n", at)
        letter, *fields = records[at:end].decode().split("\t")
        at, body = end + 1, b""
        if letter in WITH_BODY:
            length = int(fields[-1])
            body = records[at : at + length]
            at += length + 1
            if len(body) != length or records[at - 1 : at] != b"\n":
                raise ValueError(f"line {letter!r} ends too early")
        yield letter, fields, body
