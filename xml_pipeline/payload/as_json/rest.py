"""JSON keys that a record does not declare, but takes all the same, as a table of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xml_pipeline.errors import InvalidPayload
from xml_pipeline.payload.model.kinds import Member, Record


def gathered(record: Record, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the object with every undeclared key below the key of the record's rest."""
    rest = _rest_of(record)
    if rest is None:
        return value
    declared = {member.key for member in record.members if member is not rest}
    own = {key: value[key] for key in value if key in declared}
    others = {key: value[key] for key in value if key not in declared}
    return {**own, rest.key: others} if others else own


def spread(record: Record, value: dict[str, Any]) -> dict[str, Any]:
    """Return the object with the rest's entries as keys of its own.

    Raises:
        InvalidPayload: an entry has the name of a declared key.
    """
    rest = _rest_of(record)
    if rest is None or rest.key not in value:
        return value
    others = value.pop(rest.key)
    declared = {member.key for member in record.members if member is not rest}
    if taken := declared & others.keys():
        raise InvalidPayload("is declared, so it cannot be additional", min(taken))
    return {**value, **others}


def _rest_of(record: Record) -> Member | None:
    return next((member for member in record.members if member.rest), None)
