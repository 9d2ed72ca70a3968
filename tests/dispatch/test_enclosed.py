"""A handler in a sandbox does its work, reaches nothing else, and is gone afterwards."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.assembly.projects import Project, organism
from tests.dispatch import deeds
from tests.dispatch.pooled import lines_of
from tests.tools.test_sandbox import running
from xml_pipeline import HandlerFailed, Organism, OrganismConfig
from xml_pipeline.config import SandboxConfig
from xml_pipeline.dispatch.frames import Kind as Frame
from xml_pipeline.dispatch.frames import frame
from xml_pipeline.dispatch.jobs import encode_words
from xml_pipeline.errors import BudgetExhausted, ConfigError, Timeout, Undeliverable
from xml_pipeline.sandbox import Ended, Whose
from xml_pipeline.tools.enclosed import enclosed
from xml_pipeline.tools.sandbox.offered import Kind, Offered, offered

FOUND = replace(offered(), as_root=False)
"""What this machine offers, also to the user 0, who is told no otherwise."""

REMEMBERS = "doer remembers it"
DOER = "{name: doer, description: Does., handler: handlers.doer:do, KEYS}"
MODULE = """
    from handlers import deeds

    async def do(payload: deeds.Deed, metadata):
        return await deeds.do(payload, metadata)
    """


@pytest.fixture(params=["bubblewrap", "landlock"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """A way to enclose a process, where this machine has it."""
    wanted: Kind = request.param
    if not FOUND.can(wanted):
        pytest.skip(f"this machine has no {wanted}: {FOUND}")
    return wanted


def write(project: Project, keys: str = "") -> None:
    """Write a project with somebody who does what it is told."""
    project.write("handlers/deeds.py", Path(deeds.__file__).read_text())
    project.write("handlers/doer.py", MODULE)
    settings = {"workspace": "{root: spaces, per: tenant}", "budget": "{tokens: 100}"}
    project.write("organism.yaml", organism(DOER.replace("KEYS", keys), **settings))


def living(project: Project, kind: Kind, timeout: float = 60.0, **keys: Any) -> Organism:
    """Return an organism whose only listener is in a sandbox of this kind."""
    write(project)
    loaded = Organism.load(project.file)
    [doer] = [each for each in loaded.listeners if each.name == "doer"]
    config = SandboxConfig.model_validate({"kind": kind, **keys})
    sandbox = enclosed(config, loaded.config, project.root, FOUND)
    doer = replace(doer, timeout=timeout, max_deliveries=1, sandbox=sandbox)
    return Organism([doer], config=loaded.config)


async def do(organism: Organism, what: str, about: object = "") -> str:
    """Have something tried; return what came of it."""
    payloads: Any = sys.modules["handlers.deeds"]
    answer = await organism.ask("doer", payloads.Deed(what, str(about)), timeout=60)
    return str(answer.what)


async def test_it_answers_with_what_it_is_made_of_and_nothing_of_its_folder_is_seen(
    project: Project, kind: Kind
) -> None:
    async with living(project, kind) as organism:
        assert await do(organism, "remember", "it") == REMEMBERS
        secret = project.root / "secret"
        secret.write_text("SECRET")
        for path in (secret, project.file, project.root / "handlers" / "deeds.py"):
            assert (await do(organism, "read", path)).startswith("refused")
        assert await do(organism, "write", project.root / "new") != "written"


async def test_it_may_do_to_the_workspace_what_it_is_granted(project: Project, kind: Kind) -> None:
    async with living(project, kind, workspace="write") as organism:
        assert await do(organism, "write", "note") == "written"
        assert await do(organism, "read", "note") == "written"
    [note] = project.root.rglob("spaces/*/files/note")
    assert note.read_text() == "written"
    async with living(project, kind, workspace="read") as organism:
        assert await do(organism, "read", "note") == "written"
        assert (await do(organism, "write", "note")).startswith("refused")
        assert (await do(organism, "write", "other")).startswith("refused")
    async with living(project, kind) as organism:
        assert await do(organism, "write", "note") == "written"
        assert await do(organism, "read", "note") == "refused: FileNotFoundError"


async def test_it_reaches_the_network_where_that_is_granted(project: Project, kind: Kind) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        async with living(project, kind) as organism:
            assert (await do(organism, "connect", port)).startswith("refused")
        async with living(project, kind, network=True) as organism:
            assert await do(organism, "connect", port) == "connected"


async def test_of_the_environment_it_has_what_is_named(
    project: Project, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY", "SECRET")
    monkeypatch.setenv("WANTED", "here")
    async with living(project, kind, environment=["WANTED"]) as organism:
        names = await do(organism, "environment")
    assert "WANTED" in names
    assert "CANARY" not in names


async def test_it_reads_what_is_named_as_seen_from_the_file(project: Project, kind: Kind) -> None:
    data = project.write("data/table", "figures")
    async with living(project, kind, readable=["data"]) as organism:
        assert await do(organism, "read", data) == "figures"


async def test_budget_and_state_are_as_for_any_other(project: Project, kind: Kind) -> None:
    async with living(project, kind) as organism:
        assert await do(organism, "spend", "60") == "spent"
        with pytest.raises(BudgetExhausted):
            await do(organism, "spend", "1000")
        assert await do(organism, "remember", "it") == REMEMBERS


async def test_what_it_raises_is_told_by_its_code_alone(project: Project, kind: Kind) -> None:
    async with living(project, kind) as organism:
        with pytest.raises(HandlerFailed) as caught:
            await do(organism, "fail")
    assert "secret" not in str(caught.value)


async def test_what_it_starts_is_gone_when_it_has_answered(project: Project, kind: Kind) -> None:
    async with living(project, kind) as organism:
        with lines_of("xml_pipeline.dispatch.enclosed") as printed, lines_of("deeds") as said:
            assert await do(organism, "leave", "98765431") == "left"
            assert (await said.next()).getMessage() == "leaving"
            assert (await printed.next()).getMessage() == "printed"
    assert running("98765431") == []


async def test_what_takes_too_long_is_gone_with_all_it_started(
    project: Project, kind: Kind
) -> None:
    async with living(project, kind, timeout=0.5) as organism:
        with pytest.raises(Timeout):
            await do(organism, "hang", "98765432")
        await organism.drain()
        await organism.kernel.dispatch.stop()
    assert running("98765432") == []


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("end 3", "ended without a word"),
        ("lie", "said what it may not"),
        ("chatter 80", "bytes in all"),
        ("swallow 2000000000", "MemoryError"),
        ("shout 20", "ended by its sandbox: more than 16777216 bytes of output"),
    ],
)
async def test_one_that_breaks_costs_its_own_message(
    project: Project, kind: Kind, what: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with living(project, kind) as organism:
        with pytest.raises(HandlerFailed):
            await do(organism, *what.split())
        await organism.drain()
        assert await do(organism, "remember", "it") == REMEMBERS
    assert why in caplog.text


QUIET = Ended("", 0)


@dataclass(frozen=True, slots=True)
class Saying:
    """A sandbox of processes that say these bytes and end, or cannot be started at all."""

    said: bytes = b""
    ended: Ended = QUIET
    error: OSError | None = None

    async def run(self, whose: Whose, argv: Sequence[str], fd: int) -> Ended:
        """Say it."""
        if self.error is not None:
            raise self.error
        os.write(fd, self.said)
        return self.ended


READY = frame(Frame.READY, b"")


@pytest.mark.parametrize(
    ("sandbox", "why"),
    [
        (Saying(READY + READY), "READY at the wrong time"),
        (Saying(frame(Frame.SETUP, b"")), "SETUP at the wrong time"),
        (Saying(READY + frame(Frame.LOG, encode_words(1, 2, 3))), "no line for the log"),
        (Saying(READY + frame(Frame.REPLY, b"nonsense")), "said what it may not"),
        (Saying(READY), "ended without a word"),
        (Saying(ended=Ended("no room", 125, begun=False)), "could not be enclosed: no room"),
        (Saying(error=OSError(12, "no memory")), "no memory"),
    ],
    ids=["twice", "setup", "log", "reply", "silent", "not begun", "not started"],
)
async def test_whatever_a_process_says_it_is_told_by_its_code_alone(
    project: Project, sandbox: Saying, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    write(project)
    [doer] = [each for each in Organism.load(project.file).listeners if each.name == "doer"]
    async with Organism([replace(doer, sandbox=sandbox, max_deliveries=1)]) as organism:
        with pytest.raises((HandlerFailed, Undeliverable)) as caught:
            await do(organism, "remember")
    assert why not in str(caught.value)
    assert why in caplog.text


def test_where_nothing_encloses_it_is_refused_with_the_remedy(project: Project) -> None:
    nothing = Offered("", "there is none", 0, seccomp=False)
    for wanted in ("auto", "bubblewrap", "landlock"):
        config = SandboxConfig.model_validate({"kind": wanted})
        with pytest.raises(ConfigError, match="`sandbox: false` allows its handler"):
            enclosed(config, OrganismConfig(), project.root, nothing)


@pytest.mark.skipif(offered().best is None, reason="nothing encloses processes here")
async def test_a_file_says_it_in_one_word(project: Project) -> None:
    write(project, "sandbox: true")
    async with Organism.load(project.file) as organism:
        assert await do(organism, "remember", "it") == REMEMBERS
        assert (await organism.reload()).changed == ()
        write(project, "sandbox: {network: true}")
        assert (await organism.reload()).changed == ("doer",)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("sandbox: true, cpu_bound: true", "doer has a process of its own already"),
        ("sandbox: {netwrok: true}", 'did you mean "network"?'),
        ("sandbox: {kind: none}", "must be"),
        ("sandbox: 5", "must be"),
    ],
)
def test_what_makes_no_sense_is_refused_where_it_stands(
    project: Project, keys: str, problem: str
) -> None:
    write(project, keys)
    assert any(problem in each for each in project.problems())


@pytest.mark.parametrize("handler", ["tools:calculate", "agents:sequence"])
def test_what_is_built_in_has_no_sandbox(project: Project, handler: str) -> None:
    listener = f"{{name: it, description: Does., handler: '{handler}', sandbox: true}}"
    project.write("organism.yaml", organism(listener))
    assert any("it is built in" in each for each in project.problems())
