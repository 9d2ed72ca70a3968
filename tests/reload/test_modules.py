"""A reload imports anew what has changed, and what needs it; nothing else, and all or nothing."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import pytest

from tests.assembly.projects import GREETER, Project, greeter, organism
from xml_pipeline import Organism

USES_SHARED = """
    from dataclasses import dataclass

    from xml_pipeline import HandlerMetadata, HandlerResponse, xmlify
    from handlers.shared import Greeting, Greeted, word

    lives = []

    async def greet(payload: Greeting, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.respond(Greeted(f"{word()}, {payload.name}!"))
    """


def module(name: str) -> Any:
    """Return an imported module of the project."""
    return sys.modules[name]


def shares(project: Project, word: str) -> None:
    """Write what the greeter shares with others."""
    project.write("handlers/shared.py", greeter("-") + f"\ndef word():\n    return {word!r}\n")


async def said(running: Organism, name: str = "greeter") -> str:
    """Return the greeting that a listener answers with now."""
    [listener] = [each for each in running.listeners if each.name == name]
    reply = await running.ask(name, listener.accepts[0]("Ada"))  # type: ignore[index]
    return str(reply.text)


@pytest.fixture
def sharing(project: Project) -> Project:
    """Give a project of two modules, one of which uses the other."""
    shares(project, "Hello")
    project.write("handlers/greeter.py", USES_SHARED)
    project.write("organism.yaml", organism(GREETER))
    return project


async def test_modules_that_need_a_changed_one_are_imported_anew_too(sharing: Project) -> None:
    async with Organism.load(sharing.file) as running:
        before = module("handlers.greeter")
        shares(sharing, "Howdy")
        assert (await running.reload()).changed == ("greeter",)
        assert await said(running) == "Howdy, Ada!"
        assert module("handlers.greeter") is not before


async def test_a_module_that_has_not_changed_keeps_its_state(sharing: Project) -> None:
    sharing.write("handlers/other.py", greeter("Hello"))
    other = GREETER.replace("greeter", "other")
    sharing.write("organism.yaml", organism(GREETER, other))
    async with Organism.load(sharing.file) as running:
        before = module("handlers.greeter")
        sharing.write("handlers/other.py", greeter("Salut"))
        assert (await running.reload()).changed == ("other",)
        assert module("handlers.greeter") is before
        assert await said(running, "other") == "Salut, Ada!"


async def test_two_edits_of_one_length_within_one_second_are_two(project: Project) -> None:
    project.greets("Hello")
    async with Organism.load(project.file) as running:
        stamp = (project.root / "handlers/greeter.py").stat()
        for word in ("Howdy", "Salut", "Tschö"):
            file = project.write("handlers/greeter.py", greeter(word))
            os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
            assert (await running.reload()).applied
            assert await said(running) == f"{word}, Ada!"


async def test_what_was_imported_before_the_organism_keeps_its_identity(
    sharing: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(sharing.root))
    shared = importlib.import_module("handlers.shared")
    async with Organism.load(sharing.file) as running:
        assert module("handlers.shared") is shared
        sharing.file.write_text(f"# touched\n{sharing.file.read_text()}")
        await running.reload()
        assert module("handlers.shared") is shared
        shares(sharing, "Howdy")
        await running.reload()
        assert module("handlers.shared") is not shared
        assert await said(running) == "Howdy, Ada!"


async def test_what_a_handler_imports_while_it_runs_is_renewed(sharing: Project) -> None:
    text = USES_SHARED.replace(" Greeted, word", " Greeted").replace(
        "        return", "        from handlers.late import word\n        return"
    )
    sharing.write("handlers/late.py", "def word():\n    return 'Late'\n")
    sharing.write("handlers/greeter.py", text)
    async with Organism.load(sharing.file) as running:
        assert "handlers.late" not in sys.modules
        assert await said(running) == "Late, Ada!"
        sharing.write("handlers/late.py", "def word():\n    return 'Later'\n")
        await running.reload()
        assert await said(running) == "Later, Ada!"


@pytest.mark.parametrize(
    "statement",
    [
        "from .shared import Greeting, Greeted, word",
        "from . import shared as it; Greeting, Greeted, word = it.Greeting, it.Greeted, it.word",
        "import handlers.shared as it; Greeting, Greeted, word = it.Greeting, it.Greeted, it.word",
        "from handlers.again import *",
        "from handlers.again import *\n    if 0: from ...beyond import nothing",
    ],
)
async def test_every_kind_of_import_is_followed(sharing: Project, statement: str) -> None:
    sharing.write("handlers/again.py", "from handlers.shared import Greeting, Greeted, word\n")
    absolute = "from handlers.shared import Greeting, Greeted, word"
    sharing.write("handlers/greeter.py", USES_SHARED.replace(absolute, statement))
    async with Organism.load(sharing.file) as running:
        shares(sharing, "Howdy")
        await running.reload()
        assert await said(running) == "Howdy, Ada!"


async def test_a_changed_package_is_renewed_with_all_that_is_in_it(sharing: Project) -> None:
    sharing.write("handlers/__init__.py", "")
    sharing.write("handlers/bystander.py", "")
    async with Organism.load(sharing.file) as running:
        importlib.import_module("handlers.bystander")
        before = module("handlers.shared")
        sharing.write("handlers/__init__.py", "from handlers.shared import word")
        await running.reload()
        assert module("handlers").word is module("handlers.shared").word
        assert module("handlers.shared") is not before
        assert "handlers.bystander" not in sys.modules
        shares(sharing, "Howdy")
        await running.reload()
        assert module("handlers").word() == "Howdy"
        assert await said(running) == "Howdy, Ada!"


@pytest.mark.parametrize(
    "package", ["", "shared = 'a name of its own'", "import handlers.shared; del shared"]
)
async def test_a_failed_reload_leaves_every_module_as_it_was(
    sharing: Project, package: str
) -> None:
    if package:
        sharing.write("handlers/__init__.py", package)
    async with Organism.load(sharing.file) as running:
        handlers = module("handlers")
        names = {name: each for name, each in sys.modules.items() if name.startswith("handlers")}
        attributes, path = dict(vars(handlers)), sys.path[:]
        shares(sharing, "Howdy")
        sharing.write("handlers/fresh.py", greeter("Howdy"))
        sharing.write("handlers/failing.py", "import sys; sys.path.insert(0, 'x'); 1 / 0")
        fresh, failing = (GREETER.replace("greeter", each) for each in ("fresh", "failing"))
        sharing.write("organism.yaml", organism(GREETER, fresh, failing))
        event = await running.reload()
        assert [each.rpartition(": ")[2] for each in event.problems] == ["division by zero"]
        assert names == {
            name: each for name, each in sys.modules.items() if name.startswith("handlers")
        }
        assert dict(vars(handlers)) == attributes
        assert sys.path == path
        assert await said(running) == "Hello, Ada!"
        sharing.write("organism.yaml", organism(GREETER))
        assert (await running.reload()).changed == ("greeter",)
        assert await said(running) == "Howdy, Ada!"


async def test_a_module_that_is_gone_is_a_problem_until_nobody_names_it(sharing: Project) -> None:
    async with Organism.load(sharing.file) as running:
        (sharing.root / "handlers/shared.py").unlink()
        event = await running.reload()
        assert "No module named 'handlers.shared'" in event.problems[0]
        assert await said(running) == "Hello, Ada!"
        sharing.write("handlers/greeter.py", greeter("Alone"))
        assert (await running.reload()).applied
        assert await said(running) == "Alone, Ada!"


async def test_our_own_package_is_never_imported_anew(sharing: Project) -> None:
    ours = module("xml_pipeline.payload")
    async with Organism.load(sharing.file) as running:
        shares(sharing, "Howdy")
        await running.reload()
        assert module("xml_pipeline.payload") is ours


async def test_a_listener_that_came_from_elsewhere_keeps_the_class_it_was_made_with(
    sharing: Project,
) -> None:
    async with Organism.load(sharing.file) as running:
        old = module("handlers.shared").Greeting
        shares(sharing, "Howdy")
        await running.reload()
        assert module("handlers.shared").Greeting is not old
        reply = await running.ask("greeter", old("Ada"))
        assert reply == module("handlers.shared").Greeted("Howdy, Ada!")
