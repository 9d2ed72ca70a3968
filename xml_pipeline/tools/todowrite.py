"""``tools:todowrite``: an agent writes down what it has to do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from annotated_types import MaxLen

from xml_pipeline.builtin import Built, Plan
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.payload import xmlify
from xml_pipeline.tools.base import built, without_settings
from xml_pipeline.tools.todos import TodoItem, keep
from xml_pipeline.tools.workspace import workspaces_of


@xmlify
@dataclass(frozen=True, slots=True)
class WriteTodos:
    """All that there is to do: it takes the place of the list before."""

    todos: Annotated[tuple[TodoItem, ...], MaxLen(200)]


@xmlify
@dataclass(frozen=True, slots=True)
class TodosWritten:
    """The list as it is now."""

    text: Annotated[str, MaxLen(300_000)]


def configured(plan: Plan) -> Built:
    """Build the tool."""
    without_settings(plan)
    spaces = workspaces_of(plan.organism)

    async def run(wanted: WriteTodos, metadata: HandlerMetadata) -> TodosWritten:
        text = await asyncio.to_thread(lambda: keep(spaces.of(metadata).notes, wanted.todos))
        return TodosWritten(text)

    return built(plan, WriteTodos, TodosWritten, run)
