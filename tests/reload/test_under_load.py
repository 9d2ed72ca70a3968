"""R8: reloads under load. Nothing is dropped, and nothing is handled by half a configuration."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from typing import Any

from tests.assembly.projects import Project, organism
from xml_pipeline import HandlerMetadata, HandlerResponse, Listener, Organism

RELOADS = 20
WAYS = 5
"""Of so many reloads one is broken, each time in another way."""
MESSAGES = 5_000
AT_ONCE = 250

SHARED = """
    from dataclasses import dataclass

    from xml_pipeline import HandlerMetadata, HandlerResponse, xmlify

    GENERATION = {generation}

    @xmlify
    @dataclass(frozen=True, slots=True)
    class Work:
        number: int

    @xmlify
    @dataclass(frozen=True, slots=True)
    class Worked:
        number: int
        generation: int
        whole: bool
    """
FRONT = """
    import asyncio
    from handlers.shared import GENERATION, HandlerMetadata, HandlerResponse, Work, Worked

    async def front(payload: Work | Worked, metadata: HandlerMetadata) -> HandlerResponse:
        await asyncio.sleep(0)
        if isinstance(payload, Work):
            return HandlerResponse(payload, to="back")
        return HandlerResponse.respond(payload)
    """
BACK = """
    import asyncio
    from handlers.shared import GENERATION, HandlerMetadata, HandlerResponse, Work, Worked

    async def back(payload: Work, metadata: HandlerMetadata) -> HandlerResponse:
        mine = GENERATION
        told = int(metadata.usage_instructions.partition("generation ")[2].partition(".")[0])
        for _ in range(payload.number % 7):
            await asyncio.sleep(0)
        whole = type(payload) is Work and mine == told
        return HandlerResponse.respond(Worked(payload.number, mine, whole))
    """
STEPS = """
    from handlers.shared import GENERATION, Work
    from xml_pipeline.errors import Rejected

    def check(delivery):
        listener = delivery.listener
        if listener.name in ("front", "back"):
            whole = listener.description == f"In generation {GENERATION}."
            if not whole or listener.accepts[0] is not Work:
                raise Rejected("internal", "half a configuration")
        return delivery
    """


def module(name: str) -> Any:
    """Return a module of the project as it is now."""
    return sys.modules[name]


def write(project: Project, generation: int) -> None:
    """Write one generation of the project; every part of it says which."""
    project.write("handlers/shared.py", SHARED.format(generation=generation))
    project.write("handlers/front.py", FRONT)
    project.write("handlers/back.py", BACK)
    project.write("handlers/steps.py", STEPS)
    work = "handlers.shared:Work"
    project.write(
        "organism.yaml",
        organism(
            f"{{name: front, description: In generation {generation}., peers: [back],"
            f" payload_class: [{work}, handlers.shared:Worked], handler: handlers.front:front}}",
            f"{{name: back, description: In generation {generation}., payload_class: {work},"
            " handler: handlers.back:back}",
            max_concurrent_handlers=str(20 + generation),
            pipeline="{delivery: [handlers.steps:check]}",
        ),
    )


def broken(project: Project, generation: int) -> None:
    """Write a generation that fails in its last part, each time in another way."""
    write(project, generation)
    ways = (
        ("handlers/steps.py", "raise RuntimeError('half-loaded')"),
        ("handlers/back.py", "async def back(:"),
        ("organism.yaml", "listeners: ["),
        ("organism.yaml", organism("{name: front, description: d, handler: os:system}")),
    )
    project.write(*ways[generation // WAYS % len(ways)])


def is_broken(generation: int) -> bool:
    """Tell whether a generation is one of those that fail."""
    return generation % WAYS == 3


class Load:
    """Messages sent to a running organism, and what became of each."""

    def __init__(self, running: Organism, reloads: int, messages: int) -> None:
        self.running = running
        self.replies: list[Any] = []
        self.applied = [0]
        self.codes: list[weakref.ref[Any]] = []
        shares = (messages * generation // (reloads + 1) for generation in range(1, reloads + 1))
        self._reached = {share: asyncio.Event() for share in shares}

    async def ask(self, numbers: range) -> None:
        """Ask one thing after another; each answer is by a generation that was in place."""
        for number in numbers:
            lowest = self.applied[-1]
            reply = await self.running.ask("front", module("handlers.shared").Work(number))
            assert lowest <= reply.generation <= self.applied[-1]
            self.replies.append(reply)
            if reached := self._reached.get(len(self.replies)):
                reached.set()

    async def reload(self, project: Project) -> None:
        """Change the project and reload, each time another share of the answers is there."""
        for generation, reached in enumerate(self._reached.values(), 1):
            await reached.wait()
            self.codes.append(weakref.ref(module("handlers.back").back))
            (broken if is_broken(generation) else write)(project, generation)
            event = await self.running.reload()
            assert event.applied != is_broken(generation), event.problems
            if event.applied:
                self.applied.append(generation)


async def reload_under_load(project: Project, reloads: int, messages: int) -> int:
    """Reload so many times among so many messages; return how many configurations took effect."""
    write(project, 0)
    async with Organism.load(project.file) as running:
        work = module("handlers.shared").Work
        running.register(Listener("mine", work, stay, description="The program's own."))
        load = Load(running, reloads, messages)
        async with asyncio.TaskGroup() as group:
            group.create_task(load.reload(project))
            for start in range(AT_ONCE):
                group.create_task(load.ask(range(start, messages, AT_ONCE)))
        await running.drain()
        assert sorted(each.number for each in load.replies) == [*range(messages)]
        assert all(each.whole for each in load.replies)
        assert {each.generation for each in load.replies} == {*load.applied}
        assert running.kernel.scheduler.max_concurrent == 20 + load.applied[-1]
        assert "mine" in [each.name for each in running.listeners]
    *codes, _ = load.codes  # whoever handled the last message may still hold it
    applied = len(load.applied) - 1
    del load, work
    gc.collect()
    assert not any(each() for each in codes)
    return applied


async def test_reloads_under_load_drop_nothing_and_show_nothing_half_loaded(
    project: Project,
) -> None:
    assert await reload_under_load(project, RELOADS, MESSAGES) == 16


async def stay(payload: Any, metadata: HandlerMetadata) -> HandlerResponse | None:
    """Stand for a listener of the program."""
