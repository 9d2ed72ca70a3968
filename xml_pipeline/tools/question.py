"""``tools:question``: people are asked, and answer when they can.

The question waits on its thread, which costs no task and outlives the process, until somebody
answers it with ``organism.answer(thread, PeopleAnswered(…))``, or its time is up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import MaxLen, MinLen
from pydantic import Field

from xml_pipeline.builtin import Built, Plan
from xml_pipeline.config import Section, settings_of
from xml_pipeline.config.values import Seconds
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.payload import xmlify
from xml_pipeline.tools.base import built

Label = Annotated[str, MinLen(1), MaxLen(200)]


class QuestionSettings(Section):
    """How long people have."""

    seconds: Seconds = Field(default=3600.0, description="Seconds until nobody will answer.")


@xmlify
@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers that there are to choose from."""

    label: Label
    description: Annotated[str, MaxLen(1000)] = ""


@xmlify
@dataclass(frozen=True, slots=True)
class Question:
    """A question with the answers to choose from; with ``multiple``, several of them."""

    question: Annotated[str, MinLen(1), MaxLen(2000)]
    options: Annotated[tuple[Choice, ...], MinLen(2), MaxLen(20)]
    header: Annotated[str, MaxLen(100)] = ""
    multiple: bool = False


@xmlify
@dataclass(frozen=True, slots=True)
class AskPeople:
    """Questions to whoever can answer them."""

    questions: Annotated[tuple[Question, ...], MinLen(1), MaxLen(10)]


@xmlify
@dataclass(frozen=True, slots=True)
class PeopleAnswered:
    """What people have chosen or said, one answer for each question, in their order."""

    answers: Annotated[tuple[Annotated[str, MaxLen(4000)], ...], MinLen(1), MaxLen(10)]


def configured(plan: Plan) -> Built:
    """Build the tool."""
    settings = settings_of(QuestionSettings, plan.listener.tool)

    async def run(_: AskPeople, __: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.defer(within=settings.seconds)

    return built(plan, AskPeople, PeopleAnswered, run)
