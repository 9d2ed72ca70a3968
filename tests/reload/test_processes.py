"""Listeners that work in processes are reloaded like any other: as a whole, or not at all."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.assembly.projects import PAYLOADS, Project, organism
from xml_pipeline import HandlerFailed, Organism

GREETER = "{name: greeter, description: Greets., handler: handlers.greeter:greet, cpu_bound: true}"
POOL = "{workers: 1}"
CODE = """
    import os
    from handlers.words import WORD

    async def greet(payload: Greeting, metadata: HandlerMetadata) -> HandlerResponse:
        if payload.name == "nobody":
            os._exit(1)
        if payload.name.startswith("/"):
            with open(payload.name) as pipe:
                pipe.read()
        return HandlerResponse.respond(Greeted(f"{WORD} from {os.getpid()}"))
    """


def write(project: Project, word: str, listener: str = GREETER, pool: str = POOL) -> None:
    """Write a project whose handler answers with a word and its process."""
    project.write("handlers/words.py", f"WORD = {word!r}\n")
    project.write("handlers/greeter.py", PAYLOADS + CODE)
    project.write("organism.yaml", organism(listener, process_pool=pool))


async def greeted(living: Organism, name: str = "Ada") -> tuple[str, int]:
    """Ask the greeter; return its word, and its process."""
    payloads: Any = sys.modules["handlers.greeter"]
    answer = await living.ask("greeter", payloads.Greeting(name), timeout=30)
    word, _, pid = answer.text.split()
    return word, int(pid)


async def test_a_changed_module_is_run_by_other_processes(project: Project) -> None:
    write(project, "Hello")
    async with Organism.load(project.file) as living:
        word, first = await greeted(living)
        assert (word, first != os.getpid()) == ("Hello", True)
        project.write("handlers/words.py", "WORD = 'Salve'\n")
        assert (await living.reload()).changed == ("greeter",)
        word, second = await greeted(living)
        assert (word, second != first) == ("Salve", True)
        assert (await living.reload()).changed == ()
        assert await greeted(living) == ("Salve", second)


async def test_what_a_process_is_busy_with_it_finishes_as_it_is(
    project: Project, tmp_path: Path
) -> None:
    write(project, "Hello")
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)
    async with Organism.load(project.file) as living:
        asking = asyncio.create_task(greeted(living, pipe))
        writing = await asyncio.to_thread(os.open, pipe, os.O_WRONLY)
        project.write("handlers/words.py", "WORD = 'Salve'\n")
        assert (await living.reload()).applied
        word, new = await greeted(living)
        assert word == "Salve"
        os.close(writing)
        word, old = await asking
        assert (word, old != new) == ("Hello", True)
        assert await greeted(living) == ("Salve", new)


async def test_a_process_that_is_replaced_runs_what_was_taken_over_and_not_what_lies_there(
    project: Project,
) -> None:
    write(project, "Hello")
    async with Organism.load(project.file) as living:
        _, first = await greeted(living)
        project.write("handlers/words.py", "WORD = 'not yet'\n")
        project.write("handlers/greeter.py", "raise RuntimeError\n")
        assert not (await living.reload()).applied
        with pytest.raises(HandlerFailed):
            await greeted(living, "nobody")
        word, second = await greeted(living)
        assert (word, second != first) == ("Hello", True)


async def test_a_listener_may_come_to_the_processes_and_leave_them_again(
    project: Project,
) -> None:
    here = GREETER.replace("true", "false")
    write(project, "Hello", here)
    async with Organism.load(project.file) as living:
        assert await greeted(living) == ("Hello", os.getpid())
        write(project, "Hello")
        await living.reload()
        assert await greeted(living) != ("Hello", os.getpid())
        write(project, "Hello", here)
        await living.reload()
        assert await greeted(living) == ("Hello", os.getpid())


async def test_other_settings_of_the_pool_hold_for_other_processes(project: Project) -> None:
    write(project, "Hello", pool="{workers: 3}")
    async with Organism.load(project.file) as living:
        _, first = await greeted(living)
        write(project, "Hello", pool="{workers: 1, max_tasks_per_child: 1}")
        assert (await living.reload()).applied
        pids = [(await greeted(living))[1] for _ in range(2)]
        assert len({first, *pids}) == 3
        write(project, "Hello", pool="{workers: 2}")
        assert (await living.reload()).applied
        assert (await greeted(living))[0] == "Hello"


def test_a_listener_without_a_pool_is_a_problem_with_its_place(project: Project) -> None:
    write(project, "Hello", pool="{enabled: false}")
    [told] = project.problems()
    assert told.startswith("3:")
    assert "listeners[0].cpu_bound: needs `process_pool.enabled`" in told


async def test_a_pool_that_is_taken_away_is_a_problem_and_changes_nothing(
    project: Project,
) -> None:
    write(project, "Hello")
    async with Organism.load(project.file) as living:
        _, first = await greeted(living)
        write(project, "Hello", pool="{enabled: false}")
        assert not (await living.reload()).applied
        assert await greeted(living) == ("Hello", first)


def test_a_handler_without_a_name_is_a_problem(project: Project) -> None:
    write(project, "Hello", GREETER.replace(":greet,", ":unnamed,"))
    project.write(
        "handlers/greeter.py",
        PAYLOADS
        + """
    class Greeter:
        async def __call__(self, payload: Greeting, metadata: HandlerMetadata) -> None: ...

    unnamed = Greeter()
    """,
    )
    [told] = project.problems()
    assert "listener greeter is cpu_bound, so a worker process imports what it is made of" in told
