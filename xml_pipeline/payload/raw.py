"""Payloads and fields whose content nobody has declared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RawPayload:
    """A payload that no listener has declared, as generic listeners receive it.

    ``xml`` is its exclusive canonical form, root element included.
    """

    tag: str
    xml: bytes

    def to_xml(self) -> bytes:
        """Return the document as it came."""
        return self.xml
