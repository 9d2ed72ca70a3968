"""Refuses payloads that no value could ever fill, such as a node that must hold a node."""

from __future__ import annotations

from collections.abc import Collection

from xml_pipeline.errors import PayloadDefinitionError
from xml_pipeline.payload.model.kinds import Either, Items, Kind, Model, Nested, Row, Table


def finite_keys(model: Model) -> list[object]:
    """Return the records that a finite value can fill, those that need fewest levels first."""
    known: list[object] = []
    while True:
        fresh = [
            key
            for key, record in model.records.items()
            if key not in known
            and all(not m.required or is_finite(m.kind, known) for m in record.members)
        ]
        if not fresh:
            return known
        known += fresh


def is_finite(kind: Kind, known: Collection[object]) -> bool:
    """Tell whether a finite value of this kind needs only the records known to have one."""
    match kind:
        case Nested(key):
            return key in known
        case Either(keys):
            return any(key in known for key in keys)
        case Items(item, facets=facets) | Table(value=item, facets=facets):
            return facets.min_length == 0 or is_finite(item, known)
        case Row(items):
            return all(is_finite(item, known) for item in items)
    return True


def check_finite(model: Model) -> None:
    """Raise PayloadDefinitionError for a record that would have to contain itself for ever."""
    known = finite_keys(model)
    for key, record in model.records.items():
        for member in record.members:
            if key not in known and member.required and not is_finite(member.kind, known):
                raise PayloadDefinitionError(
                    f"{record.tag}.{member.name}: would have to hold itself for ever"
                )
