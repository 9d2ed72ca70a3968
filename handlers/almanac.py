"""A small almanac: something that agents can look up and cannot know better."""

from __future__ import annotations

from dataclasses import dataclass

from xml_pipeline import HandlerMetadata, HandlerResponse, xmlify

DISTANCES = {
    "mercury": 57.9,
    "venus": 108.2,
    "earth": 149.6,
    "mars": 227.9,
    "jupiter": 778.5,
    "saturn": 1_432.0,
    "uranus": 2_867.0,
    "neptune": 4_515.0,
}
"""Mean distances from the sun, in millions of kilometres (NASA, Planetary Fact Sheet)."""


@xmlify
@dataclass(frozen=True, slots=True)
class LookUp:
    """A planet, by its English name."""

    planet: str


@xmlify
@dataclass(frozen=True, slots=True)
class Entry:
    """What the almanac says."""

    text: str


async def look_up(payload: LookUp, metadata: HandlerMetadata) -> HandlerResponse:
    """Say how far a planet is from the sun, or which planets there are."""
    planet = payload.planet.strip().lower()
    distance = DISTANCES.get(planet)
    if distance is None:
        planets = ", ".join(each.capitalize() for each in DISTANCES)
        return HandlerResponse.respond(Entry(f"There is an entry for each of {planets}."))
    words = f"{planet.capitalize()} is {distance:,} million km from the sun, on average."
    return HandlerResponse.respond(Entry(words))
