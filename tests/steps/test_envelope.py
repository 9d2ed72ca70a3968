"""What our own writer wrote is validated whole, and no less strictly than in two parts."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from annotated_types import Le
from hypothesis import given
from lxml import etree

from tests.flows.payloads import Note, Result
from tests.payload.shapes import Drawn, drawn
from xml_pipeline import Inserts, Organism
from xml_pipeline.errors import Undeliverable
from xml_pipeline.message import Envelope
from xml_pipeline.payload import codec_of, xmlify
from xml_pipeline.steps.envelope import enclosing, envelope_schema
from xml_pipeline.steps.seal import envelope_bytes, seal
from xml_pipeline.testing import Probe, memory_organism, respond


def fits(payload: bytes, **words: str) -> bool:
    """Tell whether the one schema takes an envelope around this, as one around a note."""
    raw = envelope_bytes(payload, **{"sender": "me", "to": "you", "thread_id": "t"} | words)
    return enclosing(codec_of(Note))(etree.fromstring(raw))


@given(drawn())
def test_one_schema_takes_what_the_two_take(case: Drawn) -> None:
    root = etree.fromstring(seal(case.codec, case.value, "me", "you", "t"))
    assert envelope_schema().validate(root)
    assert case.codec.schema.validate(root[1])
    assert enclosing(case.codec)(root)


def test_one_schema_refuses_what_either_of_the_two_refuses() -> None:
    assert fits(b"<Note><text>x</text></Note>")
    assert not fits(b"<Note><text>x</text><more/></Note>")
    assert not fits(b"<Note/>")
    assert not fits(b"<Task><text>x</text></Task>")
    assert not fits(b'<Note xmlns="urn:x"><text>x</text></Note>')
    assert not fits(b"<Note><text>x</text></Note>", sender="x" * 600)


def test_an_envelope_has_a_header_and_one_payload() -> None:
    validates = enclosing(codec_of(Note))
    root = etree.fromstring(envelope_bytes(b"<Note><text>x</text></Note>", "me", "you", "t"))
    assert validates(root)
    meta, note = root
    for children in ((), (meta,), (note,), (note, meta), (meta, note, deepcopy(note))):
        root[:] = children
        assert not validates(root)


def stricter() -> type:
    """Return a payload class of the name of another, with a schema of its own."""

    @xmlify
    @dataclass(frozen=True, slots=True)
    class Number:
        """A small number."""

        n: Annotated[int, Le(9)]

    return Number


def laxer() -> type:
    """Return a payload class that promises less of its number."""

    @xmlify
    @dataclass(frozen=True, slots=True)
    class Number:
        """Any number."""

        n: int

    return Number


async def test_a_receiver_has_its_own_schema_however_well_the_senders_fits() -> None:
    number: Any = laxer()
    small = Probe("small", stricter(), lambda *_: respond(Result("small")))
    async with memory_organism(small) as organism:
        with pytest.raises(Undeliverable) as caught:
            await organism.ask("small", number(n=10))
        assert caught.value.code == "validation"
        assert await organism.ask("small", number(n=9)) == Result("small")
    assert [each.n for each in small.payloads] == [9]


async def test_a_payload_beyond_its_own_limits_is_refused() -> None:
    number: Any = stricter()
    small = Probe("small", number)
    async with memory_organism(small) as organism:
        with pytest.raises((Undeliverable, ValueError)):
            await organism.ask("small", number(n=10))
    assert small.seen == []


async def test_what_a_step_of_others_has_had_is_validated_again() -> None:
    def spoil(envelope: Envelope) -> Envelope:
        if envelope.payload[0].text == "5":
            envelope.payload[0].text = "50"
        return envelope

    number: Any = stricter()
    worker = Probe("worker", number, lambda *_: respond(Result("done")))
    async with Organism([worker.listener], steps=Inserts(envelope=(spoil,))) as organism:
        assert await organism.ask("worker", number(n=4)) == Result("done")
        with pytest.raises(Undeliverable):
            await organism.ask("worker", number(n=5))
    assert worker.payloads == [number(n=4)]
