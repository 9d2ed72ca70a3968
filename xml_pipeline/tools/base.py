"""What all tools have in common: how they are built, and how they say that they cannot.

A tool is a coroutine function from a payload to a payload. Where it cannot do what it is asked it
raises ToolFailed, and whoever asked is answered with a ToolError of these words. Anything else
that it raises is a mistake of ours, and a fault like that of any other handler.

The rule this file guards: whatever a tool found in the world, its answer can be written.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from xml_pipeline.builtin import Built, Plan
from xml_pipeline.config import Section, settings_of
from xml_pipeline.errors import ConfigError, XmlPipelineError
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.payload.text import carried
from xml_pipeline.tool_error import ToolError

LONGEST_ERROR = 100_000
"""Characters of an error that are told."""

Run = Callable[[Any, HandlerMetadata], Awaitable[Any]]


class ToolFailed(XmlPipelineError):
    """A tool cannot do what it was asked; the words are for whoever asked."""


class NoSettings(Section):
    """The settings of a tool that has none."""


@dataclass(frozen=True, slots=True)
class Tool:
    """The handler of a tool: it answers with what ``run`` returns, or says why there is nothing."""

    run: Run

    async def __call__(self, payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        """Do what is asked."""
        try:
            answer = await self.run(payload, metadata)
        except ToolFailed as error:
            answer = ToolError(carried(str(error))[:LONGEST_ERROR])
        if isinstance(answer, HandlerResponse):  # It owes the answer.
            return answer
        return HandlerResponse.respond(answer)


def built(
    plan: Plan, accepts: type, answers: type, run: Run, *, timeout: float | None = None
) -> Built:
    """Build a tool that reads or changes the world; a file cannot give it other payloads."""
    return replace(computing(plan, accepts, answers, run), timeout=timeout, acts_outside=True)


def computing(plan: Plan, accepts: type, answers: type, run: Run) -> Built:
    """Build a tool whose answer depends on nothing but what it is asked."""
    for key, named in (("payload_class", plan.accepts), ("output_class", plan.output)):
        if named:
            raise ConfigError((f"`{key}`: a built-in tool has payloads of its own",))
    return Built(Tool(run), (accepts,), (answers, ToolError))


def without_settings(plan: Plan) -> None:
    """Refuse settings of a tool that has none."""
    settings_of(NoSettings, plan.listener.tool)
