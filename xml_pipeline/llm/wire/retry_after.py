"""When a provider wants to be asked again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite


def asked_delay(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a reply asks for, None where it asks for none.

    ``Retry-After`` holds seconds or a date (RFC 9110, 10.2.3); some also send
    ``retry-after-ms``, which is more exact.
    """
    exact = _seconds(headers.get("retry-after-ms", ""))
    if exact is not None:
        return exact / 1000
    asked = headers.get("retry-after", "")
    seconds = _seconds(asked)
    return _until(asked) if seconds is None else seconds


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if isfinite(seconds) and seconds >= 0 else None


def _until(text: str) -> float | None:
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:  # "-0000": a date in UTC that says no zone
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
