"""A file becomes a running organism, or a list of everything that is wrong with it."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.assembly.projects import GREETER, Project, greeter, organism
from xml_pipeline import Organism, RawPayload, bootstrap
from xml_pipeline.assembly import assemble
from xml_pipeline.errors import ConfigError, Undeliverable


def module(name: str) -> Any:
    """Return an imported module of the project."""
    return sys.modules[name]


async def test_a_file_becomes_an_organism_that_answers(project: Project) -> None:
    project.greets("Hello")
    async with Organism.load(project.file) as running:
        greeting = module("handlers.greeter").Greeting("Ada")
        reply = await running.ask("greeter", greeting)
        assert reply == module("handlers.greeter").Greeted("Hello, Ada!")


FULL = """
    listeners:
      - name: greeter
        description: Greets.
        payload_class: [handlers.greeter:Greeting, xml_pipeline.payload:RawPayload]
        handler: handlers.greeter:greet_anything
        agent: true
        peers: [second, system.boot]
        broadcast: true
        group: greeters
        max_concurrent: 3
        timeout: 2.5
        prompt: Be kind.
        max_hops: 9
        output_class: handlers.greeter:Greeted
      - name: second
        description: Greets too.
        payload_class: handlers.greeter.Greeting
        handler: handlers.greeter.greet
    """


def test_every_setting_of_a_listener_reaches_it(project: Project) -> None:
    anything = "async def greet_anything(payload, metadata): ...\n"
    project.write("handlers/greeter.py", f"{greeter('Hello')}\n{anything}")
    project.write("organism.yaml", FULL)
    loaded = Organism.load(project.file)
    first, second = (each for each in loaded.listeners if "greet" in str(each.handler))
    code = module("handlers.greeter")
    assert (first.name, first.description) == ("greeter", "Greets.")
    assert (first.accepts, first.handler) == ((code.Greeting, RawPayload), code.greet_anything)
    assert (first.agent, first.broadcast, first.group) == (True, True, "greeters")
    assert (first.peers, first.prompt) == (("second", "system.boot"), "Be kind.")
    assert (first.max_concurrent, first.timeout, first.max_hops) == (3, 2.5, 9)
    assert first.outputs == (code.Greeted,)
    assert (second.name, second.accepts, second.output) == ("second", (code.Greeting,), None)
    assert loaded.kernel.prompts.get("greeter").text == "Be kind."


async def test_steps_of_the_file_are_in_the_pipeline(project: Project) -> None:
    project.greets("Hello")
    project.write(
        "handlers/steps.py",
        """
        from xml_pipeline.errors import Rejected

        class Refusing:
            def __call__(self, station):
                raise Rejected("validation", "not today")

        refuse = Refusing()
        """,
    )
    project.write(
        "organism.yaml", organism(GREETER, pipeline="{envelope: [handlers.steps:refuse]}")
    )
    async with Organism.load(project.file) as running:
        with pytest.raises(Undeliverable):
            await running.ask("greeter", module("handlers.greeter").Greeting("Ada"))


async def test_bootstrap_runs_the_organism_and_sends_its_boot_message(project: Project) -> None:
    project.write(
        "handlers/boot.py",
        """
        import asyncio

        heard = asyncio.Queue()

        async def note(payload, metadata):
            heard.put_nowait(payload)
        """,
    )
    listener = (
        "{name: first, description: d, broadcast: true,"
        " payload_class: xml_pipeline.system:Boot, handler: handlers.boot:note}"
    )
    project.write("organism.yaml", organism(listener, organism="{name: newborn}"))
    running = await bootstrap(project.file)
    boot = await module("handlers.boot").heard.get()
    assert boot.organism_name == "newborn"
    await running.__aexit__(None, None, None)


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml"):
        assemble(tmp_path / "absent.yaml")


def test_warnings_are_logged(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    project.write("handlers/greeter.py", greeter("Hello"))
    project.write("organism.yaml", organism(GREETER.replace("}", ", peers: [greeter]}")))
    with caplog.at_level(logging.WARNING):
        Organism.load(project.file)
    assert "organism.yaml:2:" in caplog.text


# ── where packages are found ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("place", ["organism.yaml", "config/organism.yaml"])
def test_packages_are_found_beside_the_file_or_one_folder_up(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    place: str,
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    project.write("handlers/greeter.py", greeter("Hello"))
    file = project.write(place, organism(GREETER))
    Organism.load(file)
    assert module("handlers.greeter").__file__ == str(project.root / "handlers/greeter.py")
    assert str(project.root) in sys.path


def test_packages_are_found_in_the_working_directory(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.chdir(project.root)
    project.write("handlers/greeter.py", greeter("Hello"))
    file = tmp_path_factory.mktemp("elsewhere") / "deep/organism.yaml"
    file.parent.mkdir()
    file.write_text(organism(GREETER))
    Organism.load(file)
    assert module("handlers.greeter").__file__ == str(project.root / "handlers/greeter.py")


def test_two_projects_in_one_process_may_call_their_packages_alike(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Project(tmp_path_factory.mktemp("other"))
    project.greets("Hello")
    other.greets("Salut")
    first, second = Organism.load(project.file), Organism.load(other.file)
    handlers = [
        each.handler for each in (*first.listeners, *second.listeners) if each.name == "greeter"
    ]
    files = [each.__code__.co_filename for each in handlers]
    assert files == [str(each.root / "handlers/greeter.py") for each in (project, other)]


async def test_a_failed_load_leaves_nothing_imported(project: Project) -> None:
    project.greets("Hello")
    project.write("handlers/second.py", "raise RuntimeError")
    second = GREETER.replace("greeter", "second")
    project.write("organism.yaml", organism(GREETER, second))
    path = sys.path[:]
    assert len(project.problems()) == 1
    assert not [name for name in sys.modules if name.partition(".")[0] == "handlers"]
    assert sys.path == path
    project.write("handlers/second.py", greeter("Salut"))
    async with Organism.load(project.file) as running:
        reply = await running.ask("second", module("handlers.second").Greeting("Ada"))
        assert reply.text == "Salut, Ada!"
