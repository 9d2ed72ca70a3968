"""A conversation whose log was damaged is left as it is, loudly; all others go on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from random import Random

import pytest

from tests.cases import measured_once
from tests.faults.books import lines
from tests.faults.test_mirror import Mirrored
from tests.virtual_clock import VirtualClockLoop
from xml_pipeline.backends import Past, PastConversation
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.organism import Organism
from xml_pipeline.recovery import resume

_TRIED = 8
"""So many lines of each log are damaged."""

pytestmark = pytest.mark.virtual_clock  # Each run has a loop of its own, of that kind.


def _written(letter: str, fields: list[str], body: bytes) -> bytes:
    head = "\t".join((letter, *fields)).encode() + b"\n"
    return head + body + b"\n" if letter in "mzw" else head


def _damaged(random: Random, log: bytes) -> Iterator[bytes]:
    """Yield the log with one line lost, one said twice, one changed, and one that breaks off."""
    said = [_written(*each) for each in lines(log)]
    for at in sorted(random.sample(range(len(said)), min(_TRIED, len(said)))):
        yield b"".join(said[:at] + said[at + 1 :])
        yield b"".join(said[: at + 1] + said[at:])
        yield b"".join(said[:at]) + said[at][: random.randint(0, len(said[at]) - 1)]
        changed = bytearray(said[at])
        changed[random.randrange(len(changed))] = random.choice(b"0\t\n-x\xff{")
        yield b"".join(said[:at]) + bytes(changed) + b"".join(said[at + 1 :])


async def _unfinished(store: MemoryBackend) -> AsyncIterator[PastConversation]:
    async for each in store.unfinished():
        yield each


async def _damage(seed: int) -> int:
    run = Mirrored(seed)
    await run.run()
    tried = 0
    async for past in _unfinished(run.store):
        log = b"".join(each.records for each in past.entries)
        for each in _damaged(run.random, log):
            kernel = Organism(run.listeners, backend=MemoryBackend()).kernel
            kernel.scheduler.clock = asyncio.get_running_loop().time
            resume(kernel, PastConversation(past.id, past.opened, None, (Past(0.0, each),)))
            kernel.threads.stop_clocks()
            tried += 1
    return tried


_BEGINS = b'c\toutside\t""\t0.0\n'


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        _BEGINS + b"m\t1\tinject\toutside\toutside\tnowhere\t0\t0\t0\t-\t-\t3\n<a>\n",
        _BEGINS + b'n\tid\t[["three", "fields", "only"]]\n',
        _BEGINS + b"n\tid\t" + 100_000 * b"[" + b"\n",
        _BEGINS + b"x\tid\tcompleted\n" + b"t\tbelow\tid\ta\tb\t1\n",
    ],
    ids=["nothing", "a message on no thread", "no todo", "too deep", "below what has closed"],
)
async def test_what_nobody_could_go_on_with_is_left_as_it_is(
    damaged: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    kernel = Organism([], backend=MemoryBackend()).kernel
    assert not resume(kernel, PastConversation("id", 1.0, None, (Past(1.0, damaged),)))
    assert [each.levelno for each in caplog.records] == [logging.CRITICAL]
    assert not len(kernel.threads)


@pytest.mark.parametrize("first", measured_once(range(0, 20, 5)))
def test_whatever_line_is_damaged_the_others_go_on(first: int) -> None:
    logging.disable(logging.CRITICAL)
    tried = 0
    try:
        for seed in range(first, first + 5):
            with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
                tried += runner.run(_damage(seed))
    finally:
        logging.disable(logging.NOTSET)
    assert tried
