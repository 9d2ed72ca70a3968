"""A flow whose process dies goes on where it stood, and asks no step twice for one thing."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.agents.flow.parts import SPENT, flow, leader, steps, way
from tests.faults.dying import Died, Dying
from xml_pipeline.agents.flow.shape import Flow
from xml_pipeline.agents.payloads import Answer, Spent, Task
from xml_pipeline.backends import Backend
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.backends.sqlite import SqliteBackend
from xml_pipeline.errors import XmlPipelineError
from xml_pipeline.events import Event, FaultEvent
from xml_pipeline.journal.reading import read
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.testing import respond

ROUNDS = Flow(steps("abcd"), (way("ab"), way("ac"), way("bd"), way("cd"), way("da", at_most=2)))


class Crew:
    """The steps of a flow, and what they were asked: each message once, however often handed over.

    The last one owes its answer for a while.
    """

    def __init__(self, shape: Flow) -> None:
        self.asked: set[tuple[str, str]] = set()
        self.shape = shape

    async def work(self, task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        self.asked.add((metadata.own_name, metadata.message_id))
        return respond(Answer(f"{len(task.text)}{metadata.own_name}", SPENT))

    def organism(self, backend: Backend) -> Organism:
        names = dict.fromkeys(each.listener for each in self.shape.steps)
        words: dict[str, Any] = {"description": "Works.", "max_deliveries": 1_000}
        crew = [Listener(each, Task, self.work, output=Answer, **words) for each in names]
        return Organism([leader(self.shape), *crew], backend=backend)

    async def live(self, backend: Dying, *, begin: bool) -> None:
        with suppress(Died, ExceptionGroup, XmlPipelineError):
            async with self.organism(backend) as organism:
                if begin:
                    await organism.send("leader", Task("x"))
                ended = asyncio.create_task(organism.ended())
                await asyncio.wait({ended}, timeout=60.0)
                ended.cancel()

    @property
    def counted(self) -> Counter[str]:
        return Counter(name for name, _ in self.asked)


async def answers(backend: MemoryBackend) -> list[bytes]:
    (summary,) = await backend.conversations(10)
    past = await backend.conversation(summary.id)
    assert past is not None
    return [each.raw for each in read(past).messages.values() if each.left]


@pytest.mark.virtual_clock
@pytest.mark.parametrize("written", [False, True], ids=["before it is written", "after"])
async def test_a_crash_in_any_one_commit_changes_nothing(written: bool) -> None:
    whole, untouched = Crew(ROUNDS), MemoryBackend()
    dying = Dying(untouched)
    await whole.live(dying, begin=True)
    [expected] = await answers(untouched)
    assert whole.counted == dict.fromkeys("abcd", 3)
    for at in range(1, dying.commits + 1):
        crew, backend = Crew(ROUNDS), MemoryBackend()
        await crew.live(Dying(backend, at, written=written), begin=True)
        if at == 1 and not written:
            continue  # It was never accepted.
        await crew.live(Dying(backend), begin=False)
        assert crew.counted == whole.counted, f"commit {at}"
        [answer] = await answers(backend)
        assert answer.partition(b"<Answer")[2] == expected.partition(b"<Answer")[2], f"commit {at}"


class Patient(Crew):
    """A crew whose ``b`` answers when it is told to."""

    def __init__(self, shape: Flow) -> None:
        super().__init__(shape)
        self.waits = asyncio.Event()

    async def work(self, task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        if metadata.own_name == "b":
            self.waits.set()
            return HandlerResponse.defer(within=60.0)
        return await super().work(task, metadata)


async def test_a_flow_goes_on_in_another_process_with_the_same_file(tmp_path: Path) -> None:
    first, second = Patient(flow("abc", "ab", "bc")), Patient(flow("abc", "ab", "bc"))
    async with first.organism(SqliteBackend(tmp_path / "journal")) as organism:
        await organism.send("leader", Task("x"))
        await first.waits.wait()
        await organism.kernel.journal.written()
    async with second.organism(SqliteBackend(tmp_path / "journal")) as organism:
        [waiting] = [each.id for each in organism.kernel.threads if each.callee == "b"]
        organism.answer(waiting, Answer("said later", Spent(turns=5)))
        await organism.drain()
        assert len(organism.kernel.threads) == 0
    assert (first.counted, second.counted) == ({"a": 1}, {"c": 1})


async def test_a_flow_that_was_changed_meanwhile_fails_and_says_so(tmp_path: Path) -> None:
    first, second = Patient(flow("abc", "ab", "bc")), Patient(flow("abc", "ab", "ac"))
    events: list[Event] = []
    async with first.organism(SqliteBackend(tmp_path / "journal")) as organism:
        await organism.send("leader", Task("x"))
        await first.waits.wait()
        await organism.kernel.journal.written()
    async with second.organism(SqliteBackend(tmp_path / "journal")) as organism:
        [waiting] = [each.id for each in organism.kernel.threads if each.callee == "b"]
        organism.subscribe(events.append)
        organism.answer(waiting, Answer("said later"))
        await organism.drain()
        assert len(organism.kernel.threads) == 0
    assert second.counted == {}
    assert ["changed while it was at work" in each.detail for each in _faults(events)] == [True]


def _faults(events: list[Event]) -> list[FaultEvent]:
    return [each for each in events if isinstance(each, FaultEvent)]


HANDLERS = '''
    """Steps that note each call in a file; the second one ends the process the first time."""

    import os
    import signal
    from pathlib import Path

    from xml_pipeline import HandlerMetadata, HandlerResponse
    from xml_pipeline.agents.payloads import Answer, Task


    async def work(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        file = os.open("calls", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, f"{metadata.own_name} {metadata.attempt} {task.text}\\n".encode())
        os.close(file)
        if metadata.own_name == "b" and metadata.attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return HandlerResponse.respond(Answer(task.text + metadata.own_name))
    '''

ORGANISM = """
    backend: {type: sqlite, path: journal.sqlite}
    listeners:
      - {name: a, description: Works., handler: handlers.crew:work}
      - {name: b, description: Works., handler: handlers.crew:work}
      - {name: c, description: Works., handler: handlers.crew:work}
      - {name: leader, description: Leads., handler: agents:sequence, steps: [a, b, c]}
    """

PROGRAM = """
    import asyncio, sys

    from xml_pipeline import Organism
    from xml_pipeline.agents.payloads import Task


    async def main() -> None:
        async with Organism.load("organism.yaml") as organism:
            if "begin" in sys.argv:
                await organism.ask("leader", Task("x"))
            await organism.drain()


    asyncio.run(main())
    """


async def test_a_flow_survives_the_death_of_its_process(tmp_path: Path) -> None:
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers" / "__init__.py").touch()
    (tmp_path / "handlers" / "crew.py").write_text(dedent(HANDLERS))
    (tmp_path / "organism.yaml").write_text(dedent(ORGANISM))
    (tmp_path / "program.py").write_text(dedent(PROGRAM))

    async def run(*arguments: str) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "program.py", *arguments, cwd=tmp_path
        )
        return await process.wait()

    assert await run("begin") == -signal.SIGKILL
    assert await run() == 0
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == ["a 1 x", "b 1 xa", "b 2 xa", "c 1 xab"]
