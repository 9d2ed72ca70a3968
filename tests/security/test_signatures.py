"""S6: whatever is done to a signed envelope, it is refused, loudly, and heard by nobody.

What is processed is the very tree that was verified.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.flows.payloads import Result, Task
from tests.flows.watching import Watch, settled
from tests.identity.parts import ALICE, BOB, SIGNATURES, TASK, Reader, envelope, signer
from tests.security.attacks import ATTACKS, FORGED
from xml_pipeline.errors import Rejected, SignatureRefused, Undeliverable
from xml_pipeline.identity.credentials import Credentials
from xml_pipeline.identity.form import canonical
from xml_pipeline.identity.nonces import Nonces
from xml_pipeline.identity.signing import Signer
from xml_pipeline.listener import HandlerResponse
from xml_pipeline.organism import Organism
from xml_pipeline.testing import Probe, memory_organism, respond


def cast() -> Probe:
    return Probe("worker", Task, lambda task, _: respond(Result(f"did {task.text}")))


def believing(*probes: Probe, required: bool = True) -> Organism:
    """Return an organism that believes alice and bob, and knows of no time before."""
    organism = memory_organism(*probes)
    signatures = organism.kernel.signatures
    signatures.take_over(
        Credentials(keys={"alice": ALICE.public, "bob": BOB.public}, required=required)
    )
    signatures.remember_in(Nonces(since=0.0))
    return organism


async def test_what_alice_signed_is_heard_as_what_alice_said() -> None:
    worker = cast()
    async with believing(worker) as organism:
        thread = organism.accept(Signer(ALICE)(envelope()), "http:operator")
        answer = await organism.waiter(thread)
    assert answer.payload == Result("did x")
    [seen] = worker.seen
    assert (seen.payload, seen.metadata.from_id) == (Task("x"), "alice")


@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_attack_is_refused_with_one_fault_and_heard_by_nobody(attack: str) -> None:
    worker = cast()
    async with believing(worker) as organism:
        watch = Watch(organism)
        thread = organism.accept(etree.tostring(ATTACKS[attack]()), "http:operator")
        with pytest.raises(Undeliverable) as caught:
            await organism.waiter(thread)
        await settled(organism)
    [fault] = watch.faults
    assert (fault.code, fault.from_id) == ("validation", "http:operator")
    assert caught.value.id == fault.id
    if fault.detail.startswith("signature: "):
        assert str(caught.value) == SignatureRefused.words
    assert (worker.seen, watch.sent) == ([], [])


@pytest.mark.parametrize("attack", [each for each in ATTACKS if each != "nothing is signed"])
async def test_where_signatures_are_no_duty_a_bad_one_is_refused_all_the_same(attack: str) -> None:
    worker = cast()
    async with believing(worker, required=False) as organism:
        watch = Watch(organism)
        organism.accept(etree.tostring(ATTACKS[attack]()), "http:operator")
        await settled(organism)
    assert (worker.seen, len(watch.faults)) == ([], 1)


async def test_an_envelope_is_heard_once_whoever_brings_it() -> None:
    worker, raw = cast(), Signer(ALICE)(envelope())
    async with believing(worker) as organism:
        watch = Watch(organism)
        for channel in ("http:operator", "http:operator", "alice", "mallory"):
            organism.accept(raw, channel)
        await settled(organism)
    assert len(worker.seen) == 1
    assert len(watch.faults) == 3
    assert all("was seen before" in each.detail for each in watch.faults)


async def test_an_organism_that_began_later_refuses_what_the_one_before_heard() -> None:
    raw, first, second = Signer(ALICE)(envelope()), cast(), cast()
    async with believing(first) as organism:
        organism.accept(raw, "http:operator")
        await settled(organism)
    again = believing(second)
    again.kernel.signatures.remember_in(Nonces())
    async with again:
        watch = Watch(again)
        again.accept(raw, "http:operator")
        await settled(again)
    assert (len(first.seen), len(second.seen)) == (1, 0)
    assert "not remembered" in watch.faults[0].detail


async def test_a_listener_may_require_what_the_organism_does_not() -> None:
    vault = Probe("vault", Task, lambda task, _: respond(task), require_signature=True)
    hall = Probe(
        "hall",
        Task,
        lambda task, _: [respond(task)] if task.text != "in" else None,
        peers=["vault"],
    )
    async with believing(vault, hall, required=False) as organism:
        watch = Watch(organism)
        for to in ("vault", "hall"):
            organism.accept(envelope(to=to), "http:operator")
            organism.accept(Signer(ALICE)(envelope(to=to)), "http:operator")
        await settled(organism)
        assert [each.metadata.from_id for each in vault.seen] == ["alice"]
        assert [each.metadata.from_id for each in hall.seen] == ["http:operator", "alice"]
        [fault] = watch.faults
        assert "vault requires one" in fault.detail
        assert await organism.ask("vault", Task("of the program itself"))


async def test_a_broadcast_from_outside_is_refused_whole_where_one_requires_a_signature() -> None:
    vault = Probe("vault", Task, broadcast=True, require_signature=True)
    hall = Probe("hall", Task, broadcast=True)
    async with believing(vault, hall, required=False) as organism:
        raw = envelope().replace(b"<to>worker</to>", b"")
        organism.accept(raw, "http:operator")
        await settled(organism)
        assert (vault.seen, hall.seen) == ([], [])
        organism.accept(Signer(ALICE)(raw), "http:operator")
        await settled(organism)
        assert (len(vault.seen), len(hall.seen)) == (1, 1)


async def test_what_listeners_say_to_each_other_needs_no_signature() -> None:
    vault = Probe("vault", Task, lambda task, _: respond(Result("open")), require_signature=True)

    def pass_on(payload: Any, _: Any) -> Any:
        from_outside = isinstance(payload, Task)
        return HandlerResponse(payload, to="vault") if from_outside else respond(payload)

    hall = Probe("hall", (Task, Result), pass_on, peers=("vault",))
    async with believing(vault, hall) as organism:
        thread = organism.accept(Signer(ALICE)(envelope(to="hall")), "http:operator")
        answer = await organism.waiter(thread)
    assert answer.payload == Result("open")


# ── Every byte ──────────────────────────────────────────────────────────────────────────


def meaning(read: Any) -> tuple[str, str | None, str, bytes]:
    """Return all that the pump will believe of an envelope."""
    return read.wire.sender, read.to, read.thread_id, canonical(read.payload)


RAW = signer()(envelope())
MEANING = meaning(Reader()(RAW))


def flips() -> Iterator[bytes]:
    for at in range(len(RAW)):
        for bit in range(8):
            yield RAW[:at] + bytes([RAW[at] ^ (1 << bit)]) + RAW[at + 1 :]


@pytest.mark.no_cover
def test_no_flipped_bit_changes_what_is_believed() -> None:
    """All of them, one by one: refused, or (two quotes, a blank) another spelling of the same."""
    accepted = 0
    for raw in flips():
        try:
            read = Reader()(raw)
        except Rejected:
            continue
        accepted += 1
        assert meaning(read) == MEANING
    assert accepted <= 10


@pytest.mark.no_cover
@settings(max_examples=1_000)
@given(
    st.lists(st.tuples(st.integers(0, len(RAW) - 1), st.integers(0, 255)), min_size=1, max_size=8)
)
def test_no_changed_bytes_change_what_is_believed(changes: list[tuple[int, int]]) -> None:
    raw = bytearray(RAW)
    for at, value in changes:
        raw[at] = value
    try:
        read = Reader()(bytes(raw))
    except Rejected:
        return
    assert meaning(read) == MEANING


@pytest.mark.no_cover
@settings(max_examples=500)
@given(
    st.integers(0, len(RAW)),
    st.integers(0, 120),
    st.sampled_from(
        ["", FORGED, TASK, "<!-- x -->", "<from>bob</from>", "<to>boss</to>", " ", "&#10;", "<x/>",
         f"<sig xmlns='{SIGNATURES}'/>", f"<nonce xmlns='{SIGNATURES}'/>", "]]>", "<![CDATA[x]]>"]
    ),
)  # fmt: skip
def test_nothing_cut_out_or_put_in_changes_what_is_believed(at: int, cut: int, put: str) -> None:
    try:
        read = Reader()(RAW[:at] + put.encode() + RAW[at + cut :])
    except Rejected:
        return
    assert meaning(read) == MEANING
