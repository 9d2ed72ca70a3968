"""A listener that can fail politely: what cannot be calculated is an answer of its own."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from handlers.arithmetic import NotArithmetic, evaluate
from xml_pipeline import HandlerMetadata, HandlerResponse, xmlify


@xmlify
@dataclass(frozen=True, slots=True)
class Calculate:
    """An arithmetic expression: numbers, ``+ - * / **`` and parentheses."""

    expression: str


@xmlify
@dataclass(frozen=True, slots=True)
class Calculated:
    """What an expression comes to, to 28 digits."""

    expression: str
    value: Decimal


@xmlify
@dataclass(frozen=True, slots=True)
class CannotCalculate:
    """Why an expression has no value."""

    reason: str


async def calculate(payload: Calculate, metadata: HandlerMetadata) -> HandlerResponse:
    """Work an expression out; a bad one is the asker's mistake and no fault of this listener."""
    try:
        value = evaluate(payload.expression)
    except NotArithmetic as reason:
        return HandlerResponse.respond(CannotCalculate(str(reason)))
    return HandlerResponse.respond(Calculated(payload.expression, value))
