"""Signatures and restarts: what was heard stays heard, and what was taken in is still believed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.flows.payloads import Task
from tests.identity.parts import ALICE, NOW, Clock, envelope, key_files
from xml_pipeline.backends import Commit, Entry, Mark
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.config import OrganismConfig
from xml_pipeline.errors import SignatureRefused
from xml_pipeline.identity.nonces import KeptNonces, kept_nonces
from xml_pipeline.identity.signing import Signer
from xml_pipeline.journal import Journal, lines
from xml_pipeline.message import Wire
from xml_pipeline.organism import Organism
from xml_pipeline.testing import Probe
from xml_pipeline.thread import Conversation, Thread


async def remembering() -> MemoryBackend:
    """Return the store of an organism that has been running for long."""
    backend = MemoryBackend()
    began = Mark("nonces since", "", b"0.0", time.time() + 1e9)
    await backend.append(Commit(1, time.time(), (), marks=[began]))
    return backend


def organism(folder: Path, backend: MemoryBackend, worker: Probe) -> Organism:
    (_, alice) = key_files(folder, "alice", ALICE)
    keys = {"trusted_keys": {"alice": str(alice)}, "require_signature": True}
    return Organism([worker.listener], config=OrganismConfig.model_validate(keys), backend=backend)


async def heard(folder: Path, backend: MemoryBackend, *documents: bytes) -> int:
    """Run an organism once, send it documents, and return how many of them were heard."""
    worker = Probe("worker", Task)
    async with organism(folder, backend, worker) as here:
        for each in documents:
            await here.inject(each, sender="http:operator")
        await here.drain()
    return len(worker.seen)


async def test_a_signature_made_before_the_restart_counts_after_it_once(tmp_path: Path) -> None:
    backend = await remembering()
    first, second = (Signer(ALICE)(envelope()) for _ in "ab")
    assert await heard(tmp_path, backend, first, first) == 1
    assert await heard(tmp_path, backend, first, second) == 1
    assert await heard(tmp_path, backend, first, second) == 0


async def test_a_journal_that_has_just_begun_believes_nothing_of_before(tmp_path: Path) -> None:
    document = Signer(ALICE)(envelope())
    assert await heard(tmp_path, MemoryBackend(), document) == 0


async def test_the_beginning_stays_the_beginning() -> None:
    backend, clock = MemoryBackend(), Clock()
    journal = Journal(backend, lambda: None, clock)
    first = await kept_nonces(journal)
    await journal.commit()
    clock.now += 1_000.0
    second = await kept_nonces(Journal(backend, lambda: None, clock))
    assert first.since == second.since == NOW


async def test_what_a_restart_forgets_no_clock_brings_back() -> None:
    noted: list[Mark] = []
    before = KeptNonces(noted.append, (), 0.0)
    before.note("alice", "n1", until=NOW + 60, now=NOW)
    after = KeptNonces(noted.append, noted, 0.0)
    with pytest.raises(SignatureRefused, match="seen before"):
        after.note("alice", "n1", until=NOW + 60, now=NOW)
    after.note("alice", "n2", until=NOW + 500, now=NOW + 400)
    with pytest.raises(SignatureRefused, match="forgotten"):
        after.note("alice", "n1", until=NOW + 60, now=NOW)


def unrouted(document: bytes, at: float) -> Commit:
    """Return the commit of a message that was taken in, and nothing more."""
    conversation = Conversation(1, "c" * 36, "http:operator", "")
    thread = Thread(conversation.id, conversation, None, "http:operator", "", 1)
    wire = Wire(document, "outside", "inject", "http:operator", conversation, thread, 1)
    records = b'c\thttp:operator\t""\t0.0\n' + lines.sent(wire)
    return Commit(2, at, [Entry(conversation.id, records, opens=True)])


async def test_what_was_accepted_in_time_is_heard_though_it_expired_meanwhile(
    tmp_path: Path,
) -> None:
    backend, then = await remembering(), time.time() - 1_000.0
    document = Signer(ALICE, clock=lambda: then - 5.0)(envelope())
    await backend.append(unrouted(document, then))
    assert await heard(tmp_path, backend, document) == 1
    (past,) = [each for each in await backend.conversations(10) if each.id == "c" * 36]
    assert past.ended is not None


async def test_what_had_expired_when_it_was_accepted_is_refused_still(tmp_path: Path) -> None:
    backend, then = await remembering(), time.time() - 1_000.0
    document = Signer(ALICE, clock=lambda: then - 400.0)(envelope())
    await backend.append(unrouted(document, then))
    assert await heard(tmp_path, backend) == 0
