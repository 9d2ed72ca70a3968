"""Lays constraints on a kind."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from xml_pipeline.payload.model.facets import (
    FREE,
    Bound,
    Facets,
    Number,
    check_sense,
    facets_of,
    merge,
)
from xml_pipeline.payload.model.kinds import Items, Kind, Nullable, Scalar, Table


def narrow(kind: Kind, metadata: Iterable[object]) -> Kind:
    """Return the kind with the constraints found in ``Annotated`` metadata.

    Raises:
        ValueError: a constraint says nothing about this kind, or cannot be expressed in XSD.
    """
    facets = facets_of(metadata)
    if facets == FREE:
        return kind
    match kind:
        case Nullable(inner):
            return Nullable(_narrowed(inner, facets))
    return _narrowed(kind, facets)


def _narrowed(kind: Kind, facets: Facets) -> Kind:
    match kind:
        case Scalar() if _applies(facets, kind):
            facets = merge(kind.facets, facets)
            facets = _bounded(kind.type.python, facets) if facets.bounded else facets
        case Items() | Table() if not facets.bounded and not facets.pattern:
            facets = merge(kind.facets, facets)
        case _:
            raise ValueError("the constraint says nothing about this type")
    check_sense(facets)
    return replace(kind, facets=facets)


def _applies(facets: Facets, kind: Scalar) -> bool:
    return (
        (kind.type.takes == "bounds" or not facets.bounded)
        and (kind.type.takes == "length" or not facets.sized)
        and (kind.type.python is str or facets.pattern is None)
    )


def _bounded(python: type, facets: Facets) -> Facets:
    """Return the facets with bounds of the field's own type."""
    low, high = facets.low, facets.high
    if python is int:
        return replace(facets, low=low and _least(low), high=high and _greatest(high))
    own = float if python is float else _decimal
    return replace(
        facets,
        low=low and Bound(own(low.value), low.inclusive),
        high=high and Bound(own(high.value), high.inclusive),
    )


def _least(low: Bound) -> Bound:
    """Return the least whole number as an inclusive bound."""
    whole = math.ceil(low.value)
    return Bound(whole + 1 if whole == low.value and not low.inclusive else whole, True)


def _greatest(high: Bound) -> Bound:
    """Return the greatest whole number as an inclusive bound."""
    whole = math.floor(high.value)
    return Bound(whole - 1 if whole == high.value and not high.inclusive else whole, True)


def _decimal(value: Number) -> Decimal:
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
