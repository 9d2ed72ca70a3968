"""A router: one door for whoever does not know whom to ask.

It addresses only its peers, like every listener, and what they answer it passes on as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from handlers.calculator import Calculate, Calculated, CannotCalculate
from handlers.council import Advice, Question
from handlers.greeter import Greeted, Greeting
from handlers.herald import Announcement, Words
from xml_pipeline import HandlerMetadata, HandlerResponse, xmlify


@xmlify
@dataclass(frozen=True, slots=True)
class Remark:
    """Whatever somebody says."""

    text: str


async def direct(
    payload: Remark | Greeted | Calculated | CannotCalculate | Words | Advice,
    metadata: HandlerMetadata,
) -> HandlerResponse:
    """Forward a remark to whoever deals with such a thing; answer with what that one answers."""
    if not isinstance(payload, Remark):
        return HandlerResponse.respond(payload)
    text = payload.text.strip()
    if not any(map(str.isalpha, text)):
        return HandlerResponse(Calculate(text), to="calculator")
    if text.endswith("?"):
        return HandlerResponse(Question(text), to="council")
    if text.endswith("!"):
        return HandlerResponse(Announcement(text), to="herald")
    return HandlerResponse(Greeting(text), to="greeter")
