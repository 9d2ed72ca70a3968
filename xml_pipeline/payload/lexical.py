"""Text to value and back, where Python's own functions and XSD's rules differ.

The readers take what libxml2 lets through, which is a little more than XSD says; the writers
emit canonical forms.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from lxml import etree

MAX_DIGITS = 4_300
"""The most digits of a number: CPython's own limit on turning text into an int."""

XSI = "http://www.w3.org/2001/XMLSchema-instance"
_NIL = f"{{{XSI}}}nil"
_FLOATS = MappingProxyType({"inf": "INF", "-inf": "-INF", "nan": "NaN"})
_MOST_OFFSET = timedelta(hours=14)


def is_nil(element: etree._Element) -> bool:
    """Tell whether the element says that it stands for None."""
    return element.get(_NIL, "").strip() in ("true", "1")


def write_float(value: float) -> str:
    """Write the shortest text that reads back as this float."""
    text = repr(float(value))
    return _FLOATS.get(text, text)


def read_float(text: str) -> float:
    """Read an xs:double; libxml2 lets an exponent without digits pass, which then counts 0."""
    try:
        return float(text)
    except ValueError:
        return float(text.strip() + "0")


def read_long_int(text: str) -> int:
    """Read an integer whose zeros may take it beyond CPython's limit on digits."""
    text = text.strip()
    sign, digits = ("-", text[1:]) if text[0] == "-" else ("", text.removeprefix("+"))
    return int(sign + (digits.lstrip("0") or "0"))


def write_decimal(value: Decimal) -> str:
    """Write a decimal without an exponent.

    Raises:
        ValueError: it is not finite, or takes more digits than the limit.
    """
    if not value.is_finite():
        raise ValueError(f"xs:decimal has no {value}")
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and max(abs(value.adjusted()), abs(exponent)) >= MAX_DIGITS:
        raise ValueError(f"takes more than {MAX_DIGITS} digits")
    return format(value, "f")


def write_datetime(value: datetime) -> str:
    """Write an xs:dateTime; an offset that it cannot express becomes UTC."""
    offset = value.utcoffset()
    if offset is not None and (abs(offset) > _MOST_OFFSET or offset % timedelta(minutes=1)):
        value = value.astimezone(UTC)
    text = value.isoformat()
    return f"{text[:-6]}Z" if offset is not None and text.endswith("+00:00") else text


def write_date(value: date) -> str:
    """Write an xs:date. Raises TypeError for a datetime, whose time would be lost."""
    if isinstance(value, datetime):
        raise TypeError("a datetime is not a date")
    return value.isoformat()


def write_bytes(value: bytes) -> str:
    """Write base64."""
    return b64encode(value).decode("ascii")


def read_bytes(text: str | None) -> bytes:
    """Read base64, whitespace in it ignored."""
    return b64decode(text or "")
