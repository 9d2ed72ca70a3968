"""A delivery as a job for another process, and what came of it: records, and their bytes.

How the bytes travel is not known here: over the pipe of a worker process of ours, or through
a store to a worker on another machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args

from xml_pipeline.dispatch.frames import BadFrame, pack, unpack
from xml_pipeline.errors import FAULT_CODES, FaultCode, Retryable, XmlPipelineError

SaidKind = Literal["send", "respond", "acknowledge", "defer", "pass_on"]


class Job(NamedTuple):
    """One delivery: what handles it, what it says, and what the pump knows of it.

    ``handler``, ``payload_class``, and all that the listener ``accepts`` and answers with as
    ``output``, are import paths. ``timeout`` is the seconds that the handler may take, None where
    it may take for ever. ``state`` is as ``registries.state`` writes it, ``payload`` is a document.
    """

    handler: str
    payload_class: str
    accepts: list[str]
    output: list[str]
    listener: str
    sender: str
    kind: str
    id: int
    in_reply_to: int | str
    hops: int
    attempt: int
    conversation: str
    tenant: str
    thread: str
    caller: str
    timeout: float | None
    state: bytes
    payload: bytes


class Said(NamedTuple):
    """One response of a handler; ``payload_class`` is None for text that may be XML."""

    payload_class: str | None
    to: str | None
    key: str | None
    seconds: float
    kind: SaidKind
    payload: bytes


class Answer(NamedTuple):
    """What a handler said, and its state as bytes, empty where that was never touched."""

    said: tuple[Said, ...]
    state: bytes


class Failure(NamedTuple):
    """What a handler raised instead; ``traceback`` is for the log only.

    ``after`` is the least seconds after which it may be tried again, None where that is in vain.
    ``denied`` is what a denial says to whoever wanted it.
    """

    type: str
    message: str
    code: FaultCode
    traceback: str
    after: float | None = None
    denied: str = ""


class JobFailed(XmlPipelineError):
    """A job did not succeed; ``detail`` is for the log."""

    def __init__(self, code: FaultCode, detail: str) -> None:
        super().__init__(detail)
        self.code: FaultCode = code
        self.detail = detail


class JobUndone(Retryable):
    """A job is undone, and may be tried again: its worker died, or its handler said so."""

    def __init__(self, detail: str, after: float = 0.0) -> None:
        super().__init__(detail, after)
        self.detail = detail


def encode_job(job: Job) -> bytes:
    """Write a job."""
    return pack(encode_words(*job[:-2]), job.state, job.payload)


def decode_job(body: bytes) -> Job:
    """Read a job; BadFrame for anything else."""
    parts = unpack(body)
    if len(parts) != 3:
        raise BadFrame(f"no job has {len(parts)} parts")
    job = Job._make([*decode_words(parts[0], len(Job._fields) - 2), *parts[1:]])
    for value, kinds in zip(job, _JOB_TYPES, strict=True):
        if type(value) not in kinds:
            raise BadFrame(f"no job: {value!r}")
    return job


def encode_reply(reply: Answer | Failure) -> bytes:
    """Write what came of a job; TypeError where a response holds what no response may."""
    if isinstance(reply, Failure):
        return pack(encode_words("failure", *reply))
    head = encode_words("answer", *(each[:-1] for each in reply.said))
    return pack(head, reply.state, *(each.payload for each in reply.said))


def decode_reply(body: bytes) -> Answer | Failure:
    """Read what came of a job; BadFrame for anything else."""
    parts = unpack(body)
    if not parts:
        raise BadFrame("an empty reply")
    what, *row = decode_words(parts[0])
    if what == "failure" and len(row) == len(_FAILURE_TYPES):
        typed = all(type(each) in kinds for each, kinds in zip(row, _FAILURE_TYPES, strict=True))
        if typed and row[2] in FAULT_CODES:
            return Failure(*row)
    elif what == "answer" and len(row) == len(parts) - 2:
        return Answer(tuple(map(_said, row, parts[2:])), parts[1])
    raise BadFrame(f"no reply: {parts[0][:100]!r}")


def encode_words(*words: object) -> bytes:
    """Write a row of items: a question, what is told, a line for the log.

    TypeError where one of them is nothing that JSON has.
    """
    return json.dumps(words, separators=(",", ":")).encode()


def decode_words(body: bytes, length: int | None = None) -> list[Any]:
    """Read a row of so many items, at least one; BadFrame for anything else."""
    try:
        row = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"no row of items: {error}") from None
    if type(row) is not list or not row or length not in (None, len(row)):
        raise BadFrame(f"no row of items: {body[:100]!r}")
    return row


def _said(row: object, payload: bytes) -> Said:
    if type(row) is not list or len(row) != len(Said._fields) - 1:
        raise BadFrame(f"no response: {row!r}")
    said = Said._make([*row, payload])
    for value, kinds in zip(said, _SAID_TYPES, strict=True):
        if type(value) not in kinds:
            raise BadFrame(f"no response: {value!r}")
    if said.kind not in get_args(SaidKind):
        raise BadFrame(f"no response: {said.kind!r}")
    return said


_TEXT = (str,)
_MAYBE = (str, type(None))
_NUMBER = (int,)
_JOB: Mapping[str, tuple[type, ...]] = {
    "id": _NUMBER,
    "in_reply_to": (int, str),
    "hops": _NUMBER,
    "attempt": _NUMBER,
    "timeout": (int, float, type(None)),
    "state": (bytes,),
    "accepts": (list,),
    "output": (list,),
    "payload": (bytes,),
}
_JOB_TYPES = tuple(_JOB.get(each, _TEXT) for each in Job._fields)
_SAID_TYPES = (_MAYBE, _MAYBE, _MAYBE, (int, float), _TEXT, (bytes,))
_FAILURE_TYPES = (*(_TEXT,) * 4, (int, float, type(None)), _TEXT)
