"""Text of files, as it can be told and as it is written."""

from __future__ import annotations

from typing import Annotated

from annotated_types import MaxLen, MinLen

from xml_pipeline.payload.text import carried
from xml_pipeline.tools.base import ToolFailed
from xml_pipeline.tools.beneath import Parts, shown

FilePath = Annotated[str, MinLen(1), MaxLen(4096)]
Content = Annotated[str, MaxLen(400_000)]
Told = Annotated[str, MaxLen(600_000)]

MOST_BYTES = 256 * 1024
"""Bytes of a file that is read or changed."""

_LOOKED_AT = 4096
_CONTROLS = bytes({*range(0x20), 0x7F} - {*b"\t\n\r\f\b\x1b"})


def is_binary(data: bytes) -> bool:
    """Tell whether more than 30 % of the first 4096 bytes are control characters."""
    beginning = data[:_LOOKED_AT]
    controls = len(beginning) - len(beginning.translate(None, _CONTROLS))
    return controls > 0.3 * len(beginning)


def as_text(data: bytes, parts: Parts) -> str:
    """Return a file as text, exactly; ToolFailed where that would change it."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ToolFailed(f"{shown(parts)} is no text in UTF-8, and cannot be edited") from None
    return text


def lines_of(text: str) -> list[str]:
    """Return the lines of a text, each with its end, which is ``\\n`` only."""
    return [f"{each}\n" for each in text.split("\n")[:-1]] + [text.rpartition("\n")[2]] * (
        not text.endswith("\n") and bool(text)
    )


def numbered(lines: list[str], first: int) -> str:
    """Return lines with their numbers, as a model reads them."""
    return "\n".join(
        f"{number:>6}\t{carried(line.rstrip(chr(10)))}" for number, line in enumerate(lines, first)
    )
