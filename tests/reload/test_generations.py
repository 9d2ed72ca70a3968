"""Messages of two generations of code meet by their XML, never by their classes."""

from __future__ import annotations

import asyncio
import sys
from textwrap import dedent
from typing import Any

import pytest

from tests.assembly.projects import PAYLOADS, Project, organism
from xml_pipeline import Organism
from xml_pipeline.errors import Undeliverable

ASKER = """
    import asyncio

    asked = asyncio.Event()

    @xmlify
    @dataclass(frozen=True, slots=True)
    class Ask:
        name: str

    async def forward(payload: Ask | Greeted, metadata: HandlerMetadata) -> HandlerResponse:
        if isinstance(payload, Ask):
            metadata.state["of"] = payload.name
            return HandlerResponse(Greeting(payload.name), to="greeter")
        said = f"{metadata.state['of']}: {payload.text} GENERATION"
        return HandlerResponse.respond(Greeted(said))
    """
GREETS = """
    import asyncio

    going, may_end = asyncio.Event(), asyncio.Event()

    async def greet(payload: Greeting, metadata: HandlerMetadata) -> HandlerResponse:
        going.set()
        await may_end.wait()
        return HandlerResponse.respond(Greeted(f"Hello, {payload.name}!"))
    """
ORGANISM = organism(
    "{name: asker, description: Asks., peers: [greeter], handler: handlers.code:forward,"
    " payload_class: [handlers.code:Ask, handlers.code:Greeted]}",
    "{name: greeter, description: Greets., handler: handlers.code:greet,"
    " payload_class: handlers.code:Greeting}",
)


def code() -> Any:
    """Return the module of the project as it is now."""
    return sys.modules["handlers.code"]


@pytest.fixture
def asking(project: Project) -> Project:
    """Give a project in which one listener asks another."""
    writes(project, "first")
    project.write("organism.yaml", ORGANISM)
    return project


def writes(project: Project, generation: str, payloads: str = PAYLOADS) -> None:
    """Write one generation of the code."""
    parts = [dedent(each) for each in (payloads, ASKER, GREETS)]
    project.write("handlers/code.py", "\n".join(parts).replace("GENERATION", generation))


async def midway(running: Organism) -> tuple[Any, asyncio.Task[Any]]:
    """Ask, and return once the greeter is at work: its code, and the answer to come."""
    first = code()
    asked = asyncio.create_task(running.ask("asker", first.Ask("Ada")))
    await first.going.wait()
    return first, asked


async def test_an_answer_by_old_code_is_read_by_new_code(asking: Project) -> None:
    async with Organism.load(asking.file) as running:
        first, asked = await midway(running)
        writes(asking, "second")
        await running.reload()
        first.may_end.set()
        reply = await asked
        assert reply == code().Greeted("Ada: Hello, Ada! second")


async def test_an_answer_by_old_code_is_held_to_the_new_schema(asking: Project) -> None:
    async with Organism.load(asking.file) as running:
        first, asked = await midway(running)
        writes(asking, "second", PAYLOADS.replace("text: str", "text: str\n        how: int = 0"))
        await running.reload()
        first.may_end.set()
        assert (await asked).text == "Ada: Hello, Ada! second"

        second, asked = await midway(running)
        writes(asking, "third", PAYLOADS.replace("text: str", "text: str\n        when: float"))
        await running.reload()
        second.may_end.set()
        with pytest.raises(Undeliverable) as refused:
            await asked
        assert refused.value.code == "validation"
