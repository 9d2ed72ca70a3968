"""What is told of an error: a code and an id, to peers and to the outside alike."""

from __future__ import annotations

import asyncio
import re
from random import Random
from typing import Any

import pytest

from tests.flows.mutations import envelope, mutated
from tests.flows.payloads import Note, Result, Task
from tests.flows.watching import Watch, settled
from xml_pipeline.errors import FAULT_CODES, Unanswered
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.system import NEUTRAL_WORDS, Huh, SystemError
from xml_pipeline.testing import Probe, memory_organism, respond

TELLTALE = re.compile(
    r"/|\\|\.py|Traceback|line \d|lxml|libxml|XMLSchema|XSD|schema|Error\b|Exception|Rejected"
    r"|Invalid|worker|secret|Task|Note|handler raised|0x[0-9a-f]+|password",
    re.IGNORECASE,
)


def crash(*_: object) -> None:
    raise RuntimeError("/etc/secret/password.py")


def mishaps() -> dict[str, Any]:
    """Return what a handler may say that goes wrong, by what goes wrong."""
    bad = "<Note><secret>x</secret></Note>"
    return {
        "absent": HandlerResponse(Note("x"), to="absent"),
        "forbidden": HandlerResponse(Note("x"), to="secret"),
        "unfit": HandlerResponse(Result("x"), to="worker"),
        "unreadable": HandlerResponse(b"<Note><text>cut off", to="worker"),
        "invalid": HandlerResponse(bad.encode(), to="worker"),
        "unwritable": HandlerResponse(Note("\0"), to="worker"),
        "no payload": HandlerResponse(object(), to="worker"),
        "crash": HandlerResponse(Note("crash"), to="worker"),
        "slow": HandlerResponse(Note("slow"), to="worker"),
        "ill": HandlerResponse(Note("ill"), to="worker"),
    }


async def work(note: Note, metadata: HandlerMetadata) -> Any:
    if note.text == "crash":
        crash()
    if note.text == "slow":
        await asyncio.Event().wait()
    return respond(Note("\0"))


@pytest.mark.virtual_clock
async def test_what_a_peer_is_told_of_an_error_names_nothing_but_its_code_and_id() -> None:
    told: list[SystemError | Huh] = []
    ways = mishaps()

    def react(payload: Any, _: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            return ways[payload.text]
        told.append(payload)
        return respond(Result(""))

    asker = Probe("asker", (Task, SystemError), react, peers=("worker", "absent"))
    worker = Listener("worker", Note, work, description="Works.", timeout=1.0)
    async with memory_organism(asker, worker, Probe("secret", Note)) as organism:
        watch = Watch(organism)
        for way in ways:
            await organism.ask("asker", Task(way))
        await settled(organism)
    assert len(told) == len(ways)
    for each in told:
        assert isinstance(each, SystemError)
        assert each.code in FAULT_CODES
        assert each.message in NEUTRAL_WORDS.values()
        assert re.fullmatch("[0-9a-f]{16}", each.id)
        assert not TELLTALE.search(each.message)
    assert [each.id for each in watch.faults] == [
        each.id for each in told if isinstance(each, SystemError)
    ]


@pytest.mark.virtual_clock
async def test_what_the_outside_is_told_of_an_error_names_nothing_but_its_code_and_id() -> None:
    worker = Listener("worker", (Task, Note), work, description="Works.", timeout=1.0)
    random, seeds = Random(24), (envelope("worker"), envelope("secret", "<Note/>"), envelope(None))
    async with memory_organism(worker) as organism:
        waiters = [
            organism.waiter(organism.accept(mutated(random, random.choice(seeds)), "outside"))
            for _ in range(1_000)
        ]
        for text in ("crash", "slow", "ill"):
            note = f'<Note xmlns=""><text>{text}</text></Note>'
            waiters.append(organism.waiter(organism.accept(envelope("worker", note), "outside")))
        await asyncio.wait(waiters)
    errors = [error for each in waiters if (error := each.exception())]
    assert len(errors) > 900
    assert {error.code for error in errors if isinstance(error, Unanswered)} >= {
        "validation",
        "routing",
        "handler",
        "timeout",
    }
    for error in errors:
        assert isinstance(error, Unanswered)
        assert not TELLTALE.search(str(error)), str(error)
        assert error.__cause__ is None


@pytest.mark.virtual_clock
async def test_who_wrote_what_cannot_be_read_gets_back_only_the_beginning_of_it() -> None:
    told: list[Huh] = []
    text = b"<Note><text>cut off in the middle " * 300

    def react(payload: Any, _: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            return text
        told.append(payload)
        return respond(Result(""))

    async with memory_organism(Probe("asker", (Task, Huh), react)) as organism:
        await organism.ask("asker", Task("x"))
    (huh,) = told
    assert huh.error in NEUTRAL_WORDS.values()
    assert text.startswith(huh.original_attempt)
    assert 0 < len(huh.original_attempt) <= 4096
