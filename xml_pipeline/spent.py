"""What work has taken: tokens, money, turns and calls, told with an answer or with a fault."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from typing import Annotated, Any, Protocol, runtime_checkable

from annotated_types import Ge

from xml_pipeline.errors import InvalidPayload
from xml_pipeline.payload import codec_of, xmlify
from xml_pipeline.payload.raw import parse_xml


@xmlify
@dataclass(frozen=True, slots=True)
class Spent:
    """What an answer took, with everything below it: tokens, US dollars, model and tool calls."""

    input_tokens: Annotated[int, Ge(0)] = 0
    output_tokens: Annotated[int, Ge(0)] = 0
    usd: Annotated[float, Ge(0.0)] = 0.0
    turns: Annotated[int, Ge(0)] = 0
    tool_calls: Annotated[int, Ge(0)] = 0


@runtime_checkable
class Spends(Protocol):
    """A handler that keeps account in its state of what its work has taken so far."""

    def spent_so_far(self, state: Mapping[str, Any]) -> Spent | None:
        """Return what a state says was taken and nobody was told yet; it never raises."""


def total(each: Iterable[Spent]) -> Spent:
    """Return what several have spent together."""
    fields = zip(*map(astuple, each), strict=True)
    return Spent(*map(sum, fields))


def told(spent: Spent) -> dict[str, Any]:
    """Return what work took as it is told outside: by the names of the fields."""
    return {name: getattr(spent, name) for name in Spent.__slots__}


def spent_in(xml: str) -> Spent | None:
    """Return what a document says in an element ``spent`` that it has taken, None where in none."""
    if "<spent" not in xml:
        return None
    element = parse_xml(xml.encode()).find("spent")
    if element is None:
        return None
    element.tag = Spent.__name__
    try:
        return codec_of(Spent).from_xml(element)
    except InvalidPayload:  # Somebody else's element, of the same name.
        return None
