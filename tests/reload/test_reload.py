"""A reload is one swap: everything in the file applies, or nothing does."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.assembly.projects import GREETER, Project, greeter, organism
from xml_pipeline import HandlerMetadata, HandlerResponse, Inserts, Listener, Organism, xmlify
from xml_pipeline.errors import Undeliverable, UnknownListener, XmlPipelineError
from xml_pipeline.events import Event, ReloadEvent


@xmlify
@dataclass(frozen=True, slots=True)
class Ping:
    """Sent by tests."""

    text: str = "ping"


async def echo(payload: Ping, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(payload)


def module(name: str) -> Any:
    """Return an imported module of the project."""
    return sys.modules[name]


async def greeted(running: Organism, name: str = "Ada") -> str:
    """Return what the greeter says now."""
    reply = await running.ask("greeter", module("handlers.greeter").Greeting(name))
    return str(reply.text)


async def test_a_changed_handler_is_used_after_the_reload(project: Project) -> None:
    project.greets("Hello")
    async with Organism.load(project.file) as running:
        assert await greeted(running) == "Hello, Ada!"
        project.write("handlers/greeter.py", greeter("Howdy"))
        event = await running.reload()
        assert event == ReloadEvent(applied=True, changed=("greeter",))
        assert await greeted(running) == "Howdy, Ada!"


async def test_a_file_that_says_the_same_changes_nothing(project: Project) -> None:
    project.greets("Hello")
    async with Organism.load(project.file) as running:
        before = running.listeners
        project.file.write_text("# a comment\n" + project.file.read_text())
        assert await running.reload() == ReloadEvent(applied=True)
        assert running.listeners == before


async def test_added_removed_and_changed_listeners_are_named(project: Project) -> None:
    project.write("handlers/greeter.py", greeter("Hello"))
    project.write("organism.yaml", organism(GREETER, GREETER.replace("greeter,", "second,", 1)))
    async with Organism.load(project.file) as running:
        changed = GREETER.replace("Greets.", "Greets warmly.")
        third = GREETER.replace("greeter,", "third,", 1)
        project.write("organism.yaml", organism(changed, third))
        assert await running.reload() == ReloadEvent(
            applied=True, added=("third",), removed=("second",), changed=("greeter",)
        )
        names = [each.name for each in running.listeners if "system" not in each.name]
        assert names == ["greeter", "third"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("organism.yaml", "listeners: ["),
        ("organism.yaml", organism(GREETER, GREETER)),
        ("organism.yaml", organism(GREETER.replace(":greet}", ":great}"))),
        ("organism.yaml", organism("{name: system.boot, description: Mine.}")),
        ("handlers/greeter.py", "def broken(:"),
        ("handlers/greeter.py", "raise RuntimeError('half-loaded')"),
        ("handlers/greeter.py", greeter("Howdy") + "\n1 / 0\n"),
        ("handlers/greeter.py", greeter("Howdy").replace("async def", "def")),
    ],
)
async def test_a_broken_project_changes_nothing_and_says_why(
    project: Project, path: str, text: str
) -> None:
    project.greets("Hello")
    async with Organism.load(project.file) as running:
        before, loaded = running.listeners, module("handlers.greeter")
        project.write(path, text)
        event = await running.reload()
        assert not event.applied
        assert str(project.file) in event.problems[0]
        assert running.listeners == before
        assert module("handlers.greeter") is loaded is module("handlers").greeter
        assert await greeted(running) == "Hello, Ada!"


async def test_all_that_is_broken_is_told_at_once_and_nothing_changes(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    project.greets("Hello")
    async with Organism.load(project.file) as running:
        before, loaded = running.listeners, module("handlers.greeter")
        project.write("handlers/greeter.py", greeter("Howdy"))
        other = GREETER.replace("greeter,", "other,", 1)
        project.write(
            "organism.yaml",
            organism(
                GREETER.replace("Greets.", "5"),
                other.replace(":greet}", ":gret}"),
                other.replace("}", ", peers: [oter]}"),
                budget="{hop: 9}",
                llm="{backends: [{provider: any}]}",
            ),
        )
        event = await running.reload()
        told = [each.removeprefix(f"{project.file}:") for each in event.problems]
        assert [each.split(": ")[0] for each in told] == [
            "1:10", "2:29", "4:34", "5:92", "6:12", "6:124",
        ]  # fmt: skip
        assert [each.message for each in caplog.records if "not reloaded" in each.message] == [
            f"not reloaded: {each}" for each in event.problems
        ]
        assert running.listeners == before
        assert module("handlers.greeter") is loaded
        assert await greeted(running) == "Hello, Ada!"


async def test_a_repaired_project_is_taken_over(project: Project) -> None:
    project.greets("Hello")
    async with Organism.load(project.file) as running:
        project.write("handlers/greeter.py", "raise RuntimeError")
        assert not (await running.reload()).applied
        project.write("handlers/greeter.py", greeter("Howdy"))
        assert (await running.reload()).applied
        assert await greeted(running) == "Howdy, Ada!"


async def test_whoever_listens_hears_of_both_outcomes(project: Project) -> None:
    project.greets("Hello")
    async with Organism.load(project.file) as running:
        heard: list[Event] = []
        running.subscribe(heard.append)
        events = [await running.reload()]
        project.write("organism.yaml", "listeners: {")
        events.append(await running.reload())
        await asyncio.sleep(0)
        assert heard == events
        assert [each.applied for each in events] == [True, False]


async def test_another_file_may_take_the_place_of_the_first(project: Project) -> None:
    project.greets("Hello")
    other = project.write("other.yaml", organism(GREETER.replace("greeter,", "other,", 1)))
    async with Organism.load(project.file) as running:
        assert (await running.reload(other)).removed == ("greeter",)
        assert await running.reload() == ReloadEvent(applied=True)
        with pytest.raises(UnknownListener):
            running.pause("greeter")


async def test_listeners_of_the_program_and_of_the_system_stay(project: Project) -> None:
    project.greets("Hello")
    async with Organism.load(project.file) as running:
        system = [each for each in running.listeners if each.name.startswith("system.")]
        mine = Listener("mine", Ping, echo, description="Registered by the program.")
        running.register(mine)
        running.register_generic("anything", echo)
        project.write("organism.yaml", organism(GREETER.replace("greeter,", "other,", 1)))
        await running.reload()
        names = [each.name for each in running.listeners if each not in system]
        assert names == ["mine", "anything", "other"]
        assert running.listeners[: len(system)] == tuple(system)
        assert await running.ask("mine", Ping()) == Ping()


async def test_a_name_that_the_program_took_is_refused(project: Project) -> None:
    project.greets("Hello")
    async with Organism.load(project.file) as running:
        mine = Listener("other", Ping, echo, description="Registered by the program.")
        running.register(mine)
        project.write("handlers/greeter.py", greeter("Howdy"))
        project.write("organism.yaml", organism(GREETER.replace("greeter,", "other,", 1)))
        event = await running.reload()
        assert event.problems == (f"{project.file}: two listeners are called 'other'",)
        assert mine in running.listeners
        assert await greeted(running) == "Hello, Ada!"


async def test_a_listener_that_was_unregistered_comes_back(project: Project) -> None:
    project.greets("Hello")
    async with Organism.load(project.file) as running:
        running.unregister("greeter")
        assert (await running.reload()).applied
        assert await greeted(running) == "Hello, Ada!"


SLOW = (
    greeter("Hello")
    + """
import asyncio

going, may_end = asyncio.Event(), asyncio.Event()

async def slow(payload: Greeting, metadata: HandlerMetadata) -> HandlerResponse:
    going.set()
    await may_end.wait()
    return HandlerResponse.respond(Greeted("the first generation"))
"""
)


async def test_a_handler_in_flight_finishes_though_its_listener_is_gone(project: Project) -> None:
    slow = GREETER.replace(":greet}", ":slow}")
    project.write("handlers/greeter.py", SLOW)
    project.write("organism.yaml", organism(slow))
    async with Organism.load(project.file) as running:
        first = module("handlers.greeter")
        asked = asyncio.create_task(running.ask("greeter", first.Greeting("Ada")))
        await first.going.wait()
        project.write("handlers/greeter.py", greeter("Howdy"))
        project.write("organism.yaml", organism(GREETER.replace("greeter,", "other,", 1)))
        assert (await running.reload()).removed == ("greeter",)
        first.may_end.set()
        assert await asked == first.Greeted("the first generation")
        with pytest.raises(Undeliverable):
            await running.ask("greeter", first.Greeting("Ada"))


async def test_what_waits_for_the_old_listener_is_handled_by_it(project: Project) -> None:
    slow = GREETER.replace(":greet}", ":slow, max_concurrent: 1}")
    project.write("handlers/greeter.py", SLOW)
    project.write("organism.yaml", organism(slow))
    async with Organism.load(project.file) as running:
        first = module("handlers.greeter")
        asked = [asyncio.create_task(running.ask("greeter", first.Greeting(name))) for name in "ab"]
        await first.going.wait()
        await asyncio.sleep(0)
        project.write("handlers/greeter.py", greeter("Howdy"))
        project.write("organism.yaml", organism(GREETER))
        assert (await running.reload()).applied
        assert await greeted(running) == "Howdy, Ada!"
        first.may_end.set()
        assert {each.text for each in await asyncio.gather(*asked)} == {"the first generation"}


async def test_limits_budgets_and_prompts_apply(project: Project) -> None:
    project.greets("Hello")
    async with Organism.load(project.file) as running:
        settings = {
            "max_concurrent_handlers": "3",
            "max_concurrent_per_agent": "2",
            "budget": "{hops: 7, tokens: 1000}",
            "limits": "{waiting_messages: 5, message_bytes: 300}",
        }
        agent = GREETER.replace("}", ", agent: true, prompt: Be kind., timeout: 4}")
        project.write("organism.yaml", organism(agent, **settings))
        assert (await running.reload()).changed == ("greeter",)
        kernel = running.kernel
        assert kernel.scheduler.max_concurrent == 3
        assert kernel.scheduler.lanes["greeter"].limit == 2
        assert kernel.scheduler.lanes["greeter"].timeout == 4
        assert (kernel.budgets.limits.hops, kernel.budgets.limits.tokens) == (7, 1000)
        assert kernel.door.max_messages == 5
        assert kernel.prompts.get("greeter").text == "Be kind."
        assert running.config.max_concurrent_handlers == 3
        thread = running.accept(b"<message>" + b" " * 300 + b"</message>", "somebody")
        with pytest.raises(Undeliverable):
            await running.waiter(thread)


STEPS = """
    from xml_pipeline.errors import Rejected

    def refuse(station):
        raise Rejected("validation", "none shall pass")
    """


@pytest.mark.parametrize("station", ["envelope", "delivery"])
async def test_inserted_steps_come_and_go(project: Project, station: str) -> None:
    project.greets("Hello")
    project.write("handlers/steps.py", STEPS)
    async with Organism.load(project.file) as running:
        pipeline = f"{{{station}: [handlers.steps:refuse]}}"
        project.write("organism.yaml", organism(GREETER, pipeline=pipeline))
        await running.reload()
        with pytest.raises(Undeliverable):
            await greeted(running)
        project.write("organism.yaml", organism(GREETER))
        await running.reload()
        assert await greeted(running) == "Hello, Ada!"


async def test_what_only_a_start_takes_over_is_told_until_then(project: Project) -> None:
    project.greets("Hello")
    async with Organism.load(project.file) as running:
        settings = {
            "server": "{port: 9000}",
            "thread_scheduling": "depth-first",
            "max_concurrent_pipelines": "9",
        }
        project.write("organism.yaml", organism(GREETER, **settings))
        told = [
            f"{project.file}:2:20: thread_scheduling: takes effect at the next start",
            f"{project.file}:3:27: max_concurrent_pipelines: takes effect at the next start",
            f"{project.file}:1:16: server.port: takes effect at the next start",
        ]
        for _ in range(2):
            assert sorted((await running.reload()).needs_restart) == sorted(told)
        project.write("organism.yaml", organism(GREETER))
        assert await running.reload() == ReloadEvent(applied=True)


async def test_reloads_at_the_same_time_come_one_after_another(project: Project) -> None:
    project.greets("Hello")
    async with Organism.load(project.file) as running:
        project.write("organism.yaml", organism(GREETER, GREETER.replace("greeter,", "b,", 1)))
        events = await asyncio.gather(*(running.reload() for _ in range(5)))
        assert events == [ReloadEvent(applied=True, added=("b",)), *[ReloadEvent(True)] * 4]


async def test_an_organism_without_a_file_cannot_be_reloaded() -> None:
    async with Organism() as running:
        with pytest.raises(XmlPipelineError, match="not loaded from a file"):
            await running.reload()


async def test_code_that_was_replaced_is_let_go_of(project: Project) -> None:
    project.greets("Hello")
    async with Organism.load(project.file) as running:
        generations = []
        for count in range(5):
            await greeted(running)
            generations.append(weakref.ref(module("handlers.greeter").greet))
            project.write("handlers/greeter.py", greeter(f"Hello{count}"))
            assert (await running.reload()).applied
        await running.drain()
        gc.collect()
        *earlier, _ = generations  # whoever handled the last message may still hold it
        assert [each() for each in earlier] == [None] * 4


async def test_programmatic_steps_are_replaced_as_a_whole(tmp_path: Path) -> None:
    async with Organism() as running:
        listener = Listener("echo", Ping, echo, description="Echoes.")
        running.reconfigure(running.config, (*running.listeners, listener), Inserts())
        assert await running.ask("echo", Ping("a")) == Ping("a")
