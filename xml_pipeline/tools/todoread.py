"""``tools:todoread``: an agent reads what it has to do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from annotated_types import MaxLen

from xml_pipeline.builtin import Built, Plan
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.payload import xmlify
from xml_pipeline.tools.base import built, without_settings
from xml_pipeline.tools.todos import in_words, kept
from xml_pipeline.tools.workspace import workspaces_of


@xmlify
@dataclass(frozen=True, slots=True)
class ReadTodos:
    """What there is to do is to be told."""


@xmlify
@dataclass(frozen=True, slots=True)
class TodosRead:
    """The list as it is."""

    text: Annotated[str, MaxLen(300_000)]


def configured(plan: Plan) -> Built:
    """Build the tool."""
    without_settings(plan)
    spaces = workspaces_of(plan.organism)

    async def run(_: ReadTodos, metadata: HandlerMetadata) -> TodosRead:
        todos = await asyncio.to_thread(lambda: kept(spaces.of(metadata).notes))
        return TodosRead(in_words(todos))

    return built(plan, ReadTodos, TodosRead, run)
