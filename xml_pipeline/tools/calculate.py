"""``tools:calculate``: the value of an arithmetic expression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import MaxLen, MinLen

from xml_pipeline.builtin import Built, Plan
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.payload import xmlify
from xml_pipeline.tools.base import computing, without_settings
from xml_pipeline.tools.expressions import evaluate


@xmlify
@dataclass(frozen=True, slots=True)
class Calculate:
    """An expression such as ``2 * sqrt(3) < pi``."""

    expression: Annotated[str, MinLen(1), MaxLen(500)]


@xmlify
@dataclass(frozen=True, slots=True)
class Calculated:
    """Its value."""

    text: str


def configured(plan: Plan) -> Built:
    """Build the tool."""
    without_settings(plan)

    async def run(wanted: Calculate, _: HandlerMetadata) -> Calculated:
        return Calculated(str(evaluate(wanted.expression)))

    return computing(plan, Calculate, Calculated, run)
