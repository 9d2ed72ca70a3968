"""What a listener remembers, as the journal has it: the whole once, then what has changed of it.

A state is an object of JSON. A change is an array of three: what is new under which key, what has
come to the end of a text, and the keys that are gone. So what only grows, such as what was said in
a long conversation, is written once. New keys stand behind those that were there.
"""

from __future__ import annotations

import json
from typing import Any

from xml_pipeline.errors import InvalidState

_encoded = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
).encode
"""Looks for no circle: nothing that is written is deeper than a few dozen levels."""


def dumped(form: object) -> bytes:
    """Return JSON as the bytes that are written; the same form always gives the same."""
    return _encoded(form).encode("utf-8", "surrogatepass")


class Remembered:
    """What the lines about one thread add up to; they are read when somebody wants to know."""

    __slots__ = ("_changes", "_forms", "_whole")

    def __init__(self) -> None:
        self._whole = b""
        self._forms: dict[str, Any] | None = None
        self._changes: list[bytes] = []

    def begin(self, whole: bytes) -> None:
        """Forget all, and remember this."""
        self._whole, self._forms, self._changes = whole, None, []

    def change(self, change: bytes) -> None:
        """Remember something else besides."""
        self._changes.append(change)

    @property
    def data(self) -> bytes:
        """Return the state, nothing where there is none; InvalidState where it is no such thing."""
        if self._changes:
            try:
                self._whole = dumped(self._changed())
            except (ValueError, TypeError, LookupError, RecursionError) as error:
                raise InvalidState(f"these changes are none of that state: {error!r}") from error
        return self._whole

    def _changed(self) -> dict[str, Any]:
        forms: dict[str, Any] = self._forms or _read(self._whole)
        for new, grown, gone in map(_read, self._changes):
            for key in gone:
                del forms[key]
            for key, more in grown.items():
                forms[key] += more
            forms |= new
        self._forms, self._changes = forms, []
        return forms


def _read(data: bytes) -> Any:
    return json.loads(data.decode("utf-8", "surrogatepass"))
