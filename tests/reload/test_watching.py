"""While it is watched, an organism follows its files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from watchfiles import Change

from tests.assembly.projects import GREETER, Project, greeter, organism
from xml_pipeline import Organism
from xml_pipeline.errors import XmlPipelineError
from xml_pipeline.events import Event, ReloadEvent
from xml_pipeline.reload import Reloader, watch

PATIENCE = 30.0
"""Seconds that a test waits for the operating system to tell of a change."""
AGAIN = 0.5
"""Seconds after which a change is made again: the watch may not have begun at the first."""


class Follower:
    """A watched organism, and what it has told of its reloads."""

    def __init__(self, running: Organism) -> None:
        self.running = running
        self.stop = asyncio.Event()
        self._heard: asyncio.Queue[ReloadEvent] = asyncio.Queue()
        running.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        if isinstance(event, ReloadEvent):
            self._heard.put_nowait(event)

    async def until(
        self, change: Callable[[], object], wanted: Callable[[ReloadEvent], bool]
    ) -> None:
        """Make a change, again and again, until a reload that is wanted has come of it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                change()
                try:
                    async with asyncio.timeout(AGAIN):
                        while not wanted(await self._heard.get()):
                            pass
                        return
                except TimeoutError:
                    continue


@asynccontextmanager
async def following(project: Project) -> AsyncIterator[Follower]:
    """Run the project, and watch it meanwhile."""
    async with Organism.load(project.file) as running, asyncio.TaskGroup() as group:
        follower = Follower(running)
        group.create_task(watch(running, follower.stop))
        yield follower
        follower.stop.set()


async def test_a_changed_file_is_taken_over(project: Project) -> None:
    project.greets("Hello")
    two = organism(GREETER, GREETER.replace("greeter,", "second,", 1))
    async with following(project) as follower:
        await follower.until(
            lambda: project.write("organism.yaml", two), lambda event: event.added == ("second",)
        )
        assert "second" in [each.name for each in follower.running.listeners]


async def test_a_changed_module_is_taken_over_though_it_was_broken_meanwhile(
    project: Project,
) -> None:
    project.greets("Hello")
    module = "handlers/greeter.py"
    async with following(project) as follower:
        await follower.until(
            lambda: project.write(module, "1 / 0"), lambda event: bool(event.problems)
        )
        await follower.until(
            lambda: project.write(module, greeter("Howdy")),
            lambda event: event.changed == ("greeter",),
        )
        assert [each.name for each in follower.running.listeners].count("greeter") == 1


async def test_a_folder_that_comes_into_use_is_watched_from_then_on(project: Project) -> None:
    project.greets("Hello")
    project.write("handlers/deeper/below.py", greeter("Salut"))
    below = GREETER.replace("handlers.greeter", "handlers.deeper.below")
    deep = organism(below)
    async with following(project) as follower:
        await follower.until(
            lambda: project.write("organism.yaml", deep), lambda event: bool(event.changed)
        )
        project.write("handlers/deeper/below.py", greeter("Ciao"))
        await follower.until(
            lambda: project.write("handlers/deeper/below.py", greeter("Ciao")),
            lambda event: event.applied,
        )
        reloader = follower.running.reloader
        assert isinstance(reloader, Reloader)
        assert project.root / "handlers/deeper" in reloader.folders


async def test_watching_ends_when_it_is_told_to(project: Project) -> None:
    project.greets("Hello")
    async with Organism.load(project.file) as running:
        stop = asyncio.Event()
        stop.set()
        await watch(running, stop)
        assert stop.is_set()


async def test_an_organism_without_a_file_cannot_be_watched() -> None:
    async with Organism() as running:
        with pytest.raises(XmlPipelineError, match="not loaded from a file"):
            await watch(running, asyncio.Event())


@pytest.mark.parametrize(
    ("name", "concerns"),
    [
        ("organism.yaml", True),
        ("greeter.py", True),
        (".env", True),
        ("..data", True),
        ("other.yaml", False),
        ("greeter.pyc", False),
        ("organism.yaml.swp", False),
        ("events.log", False),
    ],
)
def test_only_what_an_organism_is_read_from_concerns_it(
    project: Project, name: str, concerns: bool
) -> None:
    project.greets("Hello")
    reloader = Organism.load(project.file).reloader
    assert isinstance(reloader, Reloader)
    assert reloader.concerns(Change.modified, str(project.root / name)) is concerns


def test_the_folders_of_the_file_of_its_modules_and_of_env_files_are_watched(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    project.greets("Hello")
    reloader = Organism.load(project.file).reloader
    assert isinstance(reloader, Reloader)
    assert reloader.folders == {project.root, project.root / "handlers", Path(elsewhere)}


async def test_a_change_made_before_the_watch_began_is_taken_over_too(project: Project) -> None:
    project.greets("Hello")
    two = organism(GREETER, GREETER.replace("greeter,", "second,", 1))
    async with Organism.load(project.file) as running, running.events() as events:
        project.write("organism.yaml", two)
        stop = asyncio.Event()
        watching = asyncio.create_task(watch(running, stop))
        async for event in events:
            if isinstance(event, ReloadEvent):
                break
        stop.set()
        await watching
    assert event == ReloadEvent(applied=True, added=("second",))
