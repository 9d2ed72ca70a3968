"""Faults of the reference system that this one does not have: 19, 20 and 24 of its list.

That signatures are verified, the rest of 24, is in tests/security. 25 is about language models,
which are not built yet.
"""

from __future__ import annotations

import pickletools
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.dispatch.crafts import Made, Order
from tests.dispatch.pooled import crafter, workshop
from tests.faults.dying import Died, Dying
from tests.flows.payloads import Note, Number, Result, Task
from tests.identity.parts import ALICE, key_files
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.config import OrganismConfig
from xml_pipeline.errors import ConfigError, HandlerFailed, XmlPipelineError
from xml_pipeline.events import Event, FaultEvent, ThreadEvent
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.organism import Organism
from xml_pipeline.testing import Probe, respond


async def test_a_worker_that_fails_is_no_success_and_what_was_spent_stays_spent() -> None:
    """19. Worker failure returns None: logged, acknowledged as success, budget wiped."""
    seen: list[Event] = []
    async with workshop(crafter()) as organism:
        organism.subscribe(seen.append)
        with pytest.raises(HandlerFailed):
            await organism.ask("crafter", Order("segfault"))
        assert await organism.ask("crafter", Order("echo", "again")) == Made("again")
    first, second = (
        [each.status for each in seen if isinstance(each, ThreadEvent) and each.thread_id == id]
        for id in dict.fromkeys(each.thread_id for each in seen if isinstance(each, ThreadEvent))
    )
    assert (first[-1], second[-1]) == ("error", "completed")
    [fault] = [each for each in seen if isinstance(each, FaultEvent)]
    assert "SIGSEGV" in fault.detail


def counting() -> Probe:
    """Return a listener that counts on its thread, asks another each time, and answers at three."""

    def count(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        metadata.state["n"] = metadata.state.get("n", 0) + 1
        if metadata.state["n"] == 3:
            return respond(Result(f"three, {len(metadata.context)} heard"))
        return HandlerResponse(Note("on"), to="helper")

    return Probe("counter", (Task, Number), count, peers=("helper",))


async def test_registry_and_context_are_written_to_the_backend_and_nothing_is_pickled() -> None:
    """20. Registry and buffer never receive the backend; raw pickle in what is shared."""
    store = MemoryBackend()
    helper = Probe("helper", Note, lambda *_: respond(Number(1)))
    listeners = (counting().listener, helper.listener)
    with suppress(Died, ExceptionGroup, XmlPipelineError):
        async with Organism(listeners, backend=Dying(store, 4, written=True)) as organism:
            await organism.ask("counter", Task("go"))
    async with Organism(listeners, backend=store) as organism:
        await organism.drain()
    [summary] = await store.conversations(2)
    past = await store.conversation(summary.id)
    assert past is not None
    written = b"".join(records for _, records in past.entries)
    assert b"three, 3 heard" in written
    assert past.ended is not None
    with pytest.raises(ValueError, match="opcode"):
        pickletools.dis(written)


@pytest.mark.parametrize("wrong", ["missing", "garbage", "open to all"])
def test_a_key_that_cannot_be_used_stops_the_organism(tmp_path: Path, wrong: str) -> None:
    """24. Failed key load or signing falls through to unsigned."""
    private, _ = key_files(tmp_path, "alice", ALICE)
    if wrong == "missing":
        private.unlink()
    elif wrong == "garbage":
        private.write_text("no key")
    else:
        private.chmod(0o644)
    config = OrganismConfig.model_validate({"organism": {"identity": str(private)}})
    with pytest.raises(ConfigError):
        Organism(config=config)
