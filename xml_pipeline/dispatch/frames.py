"""Frames: how bytes are told apart on the pipe between an organism and a worker process.

    4 bytes   length of the body, most significant first
    1 byte    kind
    …         body

The rule this file guards: whatever comes over a pipe is bytes of a fixed format, and is never
anything that Python would execute. What is no frame ends the connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from struct import Struct

from xml_pipeline.errors import XmlPipelineError

MOST_BYTES = 64 * 2**20
"""The longest body of a frame."""

_HEAD = Struct(">IB")
_LENGTH = Struct(">I")


class BadFrame(XmlPipelineError):
    """The other side of a pipe sent what no frame looks like."""


class Kind(IntEnum):
    """What a frame is: the first three go to a worker, the others come from it."""

    SETUP = 1
    JOB = 2
    TOLD = 3
    READY = 4
    REPLY = 5
    ASK = 6
    LOG = 7


_KINDS = frozenset(map(int, Kind))


def frame(kind: Kind, body: bytes) -> bytes:
    """Return the frame of a body; BadFrame where that is too long."""
    if len(body) > MOST_BYTES:
        raise BadFrame(f"{len(body)} bytes are too many for a pipe; {MOST_BYTES} are allowed")
    return _HEAD.pack(len(body), kind) + body


class Unframer:
    """Puts frames together from bytes as they come."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[Kind, bytes]]:
        """Take in some bytes and yield each frame that is complete; BadFrame for what is none."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= _HEAD.size:
            length, kind = _HEAD.unpack_from(buffer)
            if length > MOST_BYTES or kind not in _KINDS:
                raise BadFrame(f"no frame begins with {bytes(buffer[:16])!r}")
            end = _HEAD.size + length
            if len(buffer) < end:
                return
            body = bytes(buffer[_HEAD.size : end])
            del buffer[:end]
            yield Kind(kind), body


def pack(*parts: bytes) -> bytes:
    """Return several byte strings as one, each behind its length."""
    return b"".join(piece for part in parts for piece in (_LENGTH.pack(len(part)), part))


def unpack(body: bytes) -> list[bytes]:
    """Return the byte strings that were packed; BadFrame where it was something else."""
    parts, at = [], 0
    while at < len(body):
        start = at + _LENGTH.size
        if start > len(body):
            raise BadFrame("a part without its length")
        at = start + _LENGTH.unpack_from(body, start - _LENGTH.size)[0]
        if at > len(body):
            raise BadFrame("a part that is cut short")
        parts.append(body[start:at])
    return parts
