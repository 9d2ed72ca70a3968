"""Work of several agents that is cut off goes on where it stood, under every kind of leader."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from tests.agents.crews import ASKED, END, SHAPES, crew
from tests.agents.parts import Found, Look
from tests.faults.dying import Died, Dying
from tests.faults.test_thinking import story_of, turns_in
from xml_pipeline.agents.payloads import Task
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.errors import XmlPipelineError
from xml_pipeline.journal.reading import Story
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.organism import Organism
from xml_pipeline.testing import respond

ROOT = Path(__file__).parents[2]


def turns(shape: str) -> Counter[str]:
    """Return how often each turn of each agent is thought, if nothing is thought twice."""
    each = ASKED[shape].items()
    return Counter({f"{name} {turn}": times for name, times in each for turn in range(2)})


async def live(shape: str, asked: Counter[str], backend: Dying, *, begin: bool) -> None:
    """Let a crew work until it is done, or its process dies."""

    def note(turn: str) -> None:
        asked[turn] += 1

    def find(look: Look, _: HandlerMetadata) -> object:
        return respond(Found(look.word))

    organism = Organism(crew(shape, note, find), backend=backend)
    with suppress(Died, ExceptionGroup, XmlPipelineError):
        async with organism:
            if begin:
                await organism.send("leader", Task("Go."))
            await asyncio.wait({ended := asyncio.create_task(organism.ended())}, timeout=100.0)
            ended.cancel()


def answer_in(story: Story) -> bytes:
    """Return what was answered, with what it took."""
    [left] = [each.raw for each in story.messages.values() if each.left]
    return left.partition(b"<Answer")[2]


@pytest.mark.virtual_clock
@pytest.mark.parametrize("written", [False, True], ids=["before it is written", "after"])
@pytest.mark.parametrize("shape", SHAPES)
async def test_a_crash_in_any_one_commit_repeats_no_turn_that_was_settled(
    shape: str, written: bool
) -> None:
    whole, counted = Dying(untouched := MemoryBackend()), Counter[str]()
    await live(shape, counted, whole, begin=True)
    assert counted == turns(shape)
    expected = answer_in(await story_of(untouched))
    assert END[shape].encode() in expected
    for at in range(1 if written else 2, whole.commits + 1):
        backend, asked = MemoryBackend(), Counter[str]()
        await live(shape, asked, Dying(backend, at, written=written), begin=True)
        asked = turns_in(await story_of(backend))
        await live(shape, asked, Dying(backend), begin=False)
        story = await story_of(backend)
        assert answer_in(story) == expected, f"commit {at}"
        assert not story.root.open
        assert asked == turns_in(story) == turns(shape), f"commit {at}"


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_killed_process_is_gone_on_with_and_no_model_is_asked_again(
    shape: str, tmp_path: Path
) -> None:
    async def start(*more: str) -> asyncio.subprocess.Process:
        words = ("-m", "tests.agents.crews", shape, str(tmp_path), *more)
        out = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(sys.executable, *words, cwd=ROOT, stdout=out)

    first = await start("first")
    assert first.stdout is not None
    said = await first.stdout.readline()
    first.send_signal(signal.SIGKILL)
    await first.communicate()
    assert (said, first.returncode) == (b"waits\n", -signal.SIGKILL)
    before = Counter((tmp_path / "asked").read_text().splitlines())
    assert before < turns(shape)
    second = await start()
    await second.communicate()
    assert second.returncode == 0
    assert Counter((tmp_path / "asked").read_text().splitlines()) == turns(shape)
    assert END[shape] in (tmp_path / "answer").read_text()
