"""Constraints on a field, gathered from its ``Annotated`` metadata."""

from __future__ import annotations

from dataclasses import dataclass

MAX_TEXT = 65_536
"""The longest text of a field, in characters, unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class Facets:
    """Bounds on a value or on a length; None where there is none."""

    min_length: int | None = None
    max_length: int | None = None
