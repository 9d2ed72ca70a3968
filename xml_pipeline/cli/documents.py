"""Takes a stream apart into XML documents: one a line (NDXML), or one after the other.

Nothing is parsed here and nothing is refused: a document that is broken is handed on, so that
it is refused by name, like any other, and those after it are not lost with it. The rules:

- a document ends where its root element does;
- text between two documents is a document of its own, a broken one;
- a line that begins with an XML declaration, or exactly as the first document's root did,
  begins a document, whatever is still open: that one was broken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MOST_BYTES = 16 * 1024 * 1024
"""Bytes of one document: no organism takes as much, and no memory should have to hold more."""

_TAG = re.compile(rb"""</?[\w:\x80-\xff][^<>"']*+(?:"[^"<]*"[^<>"']*+|'[^'<]*'[^<>"']*+)*+>""")
_DECLARATION = b"<?xml "
_CLOSERS = {b"<!--": b"-->", b"<![CDATA[": b"]]>", b"<?": b"?>", b"<!DOCTYPE": b">"}
_BETWEEN = b" \t\r\n\xef\xbb\xbf"  # white space and byte order marks
_NEWLINE, _SLASH = b"\n/"
_COMMENTS = re.compile(rb"(?:\s|<!--.*?-->)*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Document:
    """The bytes of one document, and the line of the stream on which it begins."""

    raw: bytes
    line: int


class DocumentTooLong(ValueError):
    """A document has no end, or is longer than any organism takes."""


class Splitter:
    """Is fed a stream chunk by chunk, and gives back its documents as they become complete.

    Holds the one document that is not complete yet, and no more than ``most_bytes`` of it.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._buffer = bytearray()
        self._line = 1  # on which the buffer begins
        self._at = 0  # what is before it has been looked at
        self._depth = 0
        self._begun = False  # a document's prolog, or root, has been seen
        self._closed = False
        self._first_root = b""

    def feed(self, chunk: bytes) -> Iterator[Document]:
        """Take in a chunk; yield the documents that end in it.

        Raises DocumentTooLong.
        """
        self._buffer += chunk
        yield from self._documents()
        if len(self._buffer) > self._most_bytes:
            raise DocumentTooLong(f"a document of more than {self._most_bytes} bytes")

    def close(self) -> Iterator[Document]:
        """Yield what is left when the stream has ended."""
        self._closed = True
        yield from self._documents()
        if not _COMMENTS.fullmatch(self._buffer):
            yield from self._cut(len(self._buffer))

    @property
    def line(self) -> int:
        """The line on which the document begins that is not complete yet."""
        return self._line_of(self._buffer)

    def _documents(self) -> Iterator[Document]:
        while (end := self._next_end()) is not None:
            yield from self._cut(end)

    def _cut(self, end: int) -> Iterator[Document]:
        """Take the first bytes out of the buffer: a document, if there is anything in them."""
        raw = bytes(self._buffer[:end])
        if document := raw.strip(_BETWEEN):
            yield Document(document, self._line_of(raw))
        del self._buffer[:end]
        self._line += raw.count(b"\n")
        self._at = self._depth = 0
        self._begun = False

    def _line_of(self, raw: bytes | bytearray) -> int:
        """Return the line of the first character in what the buffer begins with."""
        return self._line + raw.count(b"\n", 0, len(raw) - len(raw.lstrip(_BETWEEN)))

    def _next_end(self) -> int | None:
        """Return where the first document in the buffer ends, None if that is still to come."""
        while (start := self._buffer.find(b"<", self._at)) >= 0:
            self._at = start
            if not self._begun and self._buffer[:start].strip(_BETWEEN):
                return start
            if self._depth and self._buffer[start - 1] == _NEWLINE:
                if self._buffer.startswith((self._first_root, _DECLARATION), start):
                    return start
                if self._waits_for(start, (self._first_root, _DECLARATION)):
                    return None
            end = self._end_of_markup(start)
            if end is None:
                return None
            self._at = end
            if self._ends_document(start, end):
                return end
        self._at = len(self._buffer)
        return None

    def _waits_for(self, start: int, texts: Iterable[bytes]) -> bool:
        """Tell whether the end of the buffer may be the beginning of one of these texts."""
        there = len(self._buffer) - start
        return not self._closed and any(
            there < len(each) and each.startswith(self._buffer[start:]) for each in texts
        )

    def _end_of_markup(self, start: int) -> int | None:
        """Return the end of what begins with ``<`` here, None if that is still to come.

        Where no markup can begin, it is the next character.
        """
        for opening, closing in _CLOSERS.items():
            if self._buffer.startswith(opening, start):
                end = self._buffer.find(closing, start + len(opening))
                return None if end < 0 else end + len(closing)
        if self._waits_for(start, _CLOSERS):
            return None
        if tag := _TAG.match(self._buffer, start):
            return tag.end()
        is_broken = self._closed or self._buffer.find(b"<", start + 1) >= 0
        return start + 1 if is_broken else None

    def _ends_document(self, start: int, end: int) -> bool:
        """Count a tag; tell whether it was the last one of its document."""
        if end - start == 1 or self._buffer[start + 1] in b"!?":
            self._begun = self._begun or end - start > 1
            return False
        if self._buffer[start + 1] == _SLASH:
            self._depth -= 1
        elif self._buffer[end - 2] != _SLASH:
            self._depth += 1
            self._first_root = self._first_root or bytes(self._buffer[start:end])
        self._begun = True
        return self._depth <= 0
