"""Text cut to a number of bytes, never within a character."""

from __future__ import annotations

_ENCODING = ("utf-8", "surrogatepass")  # half of a surrogate pair is odd, but no reason to fail


def size(text: str) -> int:
    """Return how many bytes a text takes."""
    return len(text) if text.isascii() else len(text.encode(*_ENCODING))


def head(text: str, limit: int) -> str:
    """Return as much of the beginning as ``limit`` bytes hold."""
    if text.isascii():
        return text[:limit]
    data = text.encode(*_ENCODING)
    if len(data) <= limit:
        return text
    while limit and data[limit] & 0xC0 == 0x80:  # the rest of a character that began before
        limit -= 1
    return data[:limit].decode(*_ENCODING)


def cut(text: str, limit: int, mark: str) -> str:
    """Return the head of a text that is too long, then ``mark``, with the whole in the limit.

    ``{}`` in the mark stands for the number of bytes that were left out.
    """
    whole = size(text)
    if whole <= limit:
        return text
    kept = head(text, max(0, limit - len(mark.format(whole))))
    return (kept + mark.format(whole - size(kept)))[:limit]  # the mark itself is ASCII
