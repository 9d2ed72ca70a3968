"""Accepted means durable: what cannot be written is not acknowledged, and nobody hangs."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.faults.ailing import Ailing
from tests.server.house import TOKEN, Greeting, everybody, running
from tests.server.test_websocket import talking
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.backends.sqlite import SqliteBackend
from xml_pipeline.config import OrganismConfig
from xml_pipeline.errors import BackendUnavailable
from xml_pipeline.events import MessageSent
from xml_pipeline.organism import Organism
from xml_pipeline.server import application

HELLO = {"to": "greeter", "payload": {"name": "Ada"}}


@dataclass(frozen=True, slots=True)
class Place:
    """An organism, its backend, and somebody who speaks to it without a socket."""

    organism: Organism
    backend: Ailing
    memory: MemoryBackend
    http: httpx.AsyncClient

    async def post(self, wait: float = 0.0, key: str = "") -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        query = {"wait": str(wait)} if wait else {}
        return await self.http.post("/v1/messages", json=HELLO, params=query, headers=headers)

    async def fall_ill(self) -> asyncio.Task[httpx.Response]:
        """Let the next commit fail: that of a message which is on its way."""
        self.backend.ill = True
        sent = asyncio.create_task(self.post())
        await self.backend.failed.wait()
        return sent


@asynccontextmanager
async def place(**limits: int) -> AsyncIterator[Place]:
    memory = MemoryBackend()
    backend = Ailing(memory)
    config = OrganismConfig.model_validate({"limits": limits})
    async with Organism(everybody(), backend=backend, config=config) as organism:
        await organism.drain()  # What it notes as it begins is written.
        transport = httpx.ASGITransport(application(organism, token=TOKEN))
        token = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(
            base_url="http://localhost", headers=token, transport=transport
        ) as http:
            yield Place(organism, backend, memory, http)
        backend.ill = False
        backend.goes_on.set()
        await organism.drain()


@pytest.mark.virtual_clock
async def test_a_message_that_could_not_be_written_is_not_acknowledged() -> None:
    async with place() as here:
        began = asyncio.get_running_loop().time()
        response = await (await here.fall_ill())
        took = asyncio.get_running_loop().time() - began
    assert response.status_code == 503
    assert "not known" in response.json()["detail"]
    assert int(response.headers["Retry-After"]) >= 1
    assert took <= 5.0


@pytest.mark.virtual_clock
async def test_meanwhile_new_messages_are_refused_at_once_and_leave_nothing() -> None:
    async with place() as here:
        await here.fall_ill()
        began = asyncio.get_running_loop().time()
        refused = [await here.post(wait) for wait in (0.0, 60.0)]
        ready = await here.http.get("/readyz")
        alive = await here.http.get("/healthz")
        assert asyncio.get_running_loop().time() == began
    assert [each.status_code for each in (*refused, ready, alive)] == [503, 503, 503, 200]
    assert all(each.headers["Retry-After"] for each in (*refused, ready))
    assert len(await here.memory.conversations(10)) == 1


@pytest.mark.virtual_clock
async def test_it_recovers_and_what_was_in_doubt_has_happened_once() -> None:
    async with place() as here:
        doubtful = await (await here.fall_ill())
        here.backend.ill = False
        await here.organism.kernel.journal.written()
        assert (await here.http.get("/readyz")).status_code == 200
        assert (await here.post(wait=10.0)).json()["payload"] == {"text": "Hello, Ada!"}
    threads = [each.id for each in await here.memory.conversations(10)]
    assert threads.count(doubtful.json()["thread"]) == 1
    assert len(threads) == 2


@pytest.mark.virtual_clock
async def test_whoever_asks_again_with_its_key_is_told_of_the_same_message() -> None:
    async with place() as here:
        here.backend.ill = True
        doubtful = await here.post(key="k")
        here.backend.ill = False
        again = await here.post(wait=10.0, key="k")
    assert (doubtful.status_code, again.status_code) == (503, 200)
    assert again.json()["thread"] == doubtful.json()["thread"]


@pytest.mark.virtual_clock
async def test_a_request_that_waits_for_its_answer_does_not_wait_for_the_disk() -> None:
    async with place() as here:
        here.organism.pause("greeter")
        events = here.organism.events()
        waiting = asyncio.create_task(here.post(wait=600.0))
        while not isinstance(await anext(events), MessageSent):
            pass
        await here.organism.kernel.journal.written()
        await here.fall_ill()
        response = await waiting
        here.organism.resume("greeter")
    assert response.status_code == 202


@pytest.mark.virtual_clock
async def test_a_commit_that_never_ends_is_no_acknowledgement_either() -> None:
    async with place() as here:
        here.backend.goes_on.clear()
        began = asyncio.get_running_loop().time()
        first = await here.post()
        assert asyncio.get_running_loop().time() - began <= 5.0
        refused = await here.post()
        ready = await here.http.get("/readyz")
    assert [each.status_code for each in (first, refused, ready)] == [503, 503, 503]


@pytest.mark.virtual_clock
async def test_python_is_told_the_same(caplog: pytest.LogCaptureFixture) -> None:
    async with place() as here:
        here.backend.ill = True
        with pytest.raises(BackendUnavailable, match="not known"):
            await here.organism.send("greeter", Greeting("Ada"))
        with pytest.raises(BackendUnavailable, match="nothing more is taken in"):
            await here.organism.send("greeter", Greeting("Ada"))
        with pytest.raises(BackendUnavailable, match="nothing more is taken in"):
            await here.organism.inject(b"<message/>")
        with pytest.raises(BackendUnavailable, match="nothing more is taken in"):
            await here.organism.ask("greeter", Greeting("Ada"))
    said = [each.message for each in caplog.records if each.levelno == logging.CRITICAL]
    assert [each.partition(":")[0] for each in said] == [
        "the journal cannot be written, nothing goes on"
    ]


@pytest.mark.virtual_clock
async def test_those_in_line_at_the_outer_door_are_turned_away() -> None:
    async with place(waiting_messages=1) as here:
        here.organism.pause("greeter")
        await here.organism.send("greeter", Greeting("Ada"))
        in_line = asyncio.create_task(here.organism.send("greeter", Greeting("Bob")))
        await asyncio.sleep(0)
        here.backend.ill = True
        here.organism.kill(next(iter(here.organism.kernel.threads)).id)
        await asyncio.wait({in_line})
        with pytest.raises(BackendUnavailable):
            await in_line
        here.organism.resume("greeter")


@pytest.mark.virtual_clock
@pytest.mark.parametrize("which", ["/{thread}", "?all=true"])
async def test_a_kill_is_acknowledged_when_it_is_written_and_not_before(which: str) -> None:
    async with place() as here:
        here.organism.pause("greeter")
        thread = await here.organism.send("greeter", Greeting("Ada"))
        here.backend.goes_on.clear()
        url = f"/v1/threads{which.format(thread=thread)}"
        killing = asyncio.create_task(here.http.delete(url))
        await asyncio.sleep(0.1)
        assert not killing.done()
        here.backend.goes_on.set()
        assert (await killing).is_success
        assert [each async for each in here.memory.unfinished()] == []
        here.organism.resume("greeter")


@pytest.mark.virtual_clock
async def test_of_a_kill_that_cannot_be_written_nobody_says_that_it_was_done() -> None:
    async with place() as here:
        here.organism.pause("greeter")
        thread = await here.organism.send("greeter", Greeting("Ada"))
        here.backend.ill = True
        response = await here.http.delete(f"/v1/threads/{thread}")
        assert (response.status_code, "not known" in response.json()["detail"]) == (503, True)
        assert here.organism.kernel.threads.find(thread) is None
        here.organism.resume("greeter")


async def test_a_file_that_somebody_else_writes_to_is_waited_for_and_then_told_of(
    tmp_path: Path,
) -> None:
    file = tmp_path / "journal.db"
    async with Organism(everybody(), backend=SqliteBackend(file)) as organism:
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("begin immediate")
            with pytest.raises(BackendUnavailable, match="not known"):
                await organism.send("greeter", Greeting("Ada"))
            with pytest.raises(BackendUnavailable, match="nothing more is taken in"):
                await organism.send("greeter", Greeting("Ada"))
            other.execute("rollback")
        await organism.kernel.journal.written()
        assert (await organism.ask("greeter", Greeting("Bob"))).text == "Hello, Bob!"


async def test_a_websocket_hears_that_nothing_is_known_of_its_message() -> None:
    backend = Ailing(MemoryBackend())
    async with running(backend=backend) as visitor, talking(visitor) as talk:
        backend.ill = True
        await talk.say("inject", "r1", to="greeter", payload={"name": "Ada"})
        doubt = await talk.hear()
        await talk.say("inject", "r2", to="greeter", payload={"name": "Ada"})
        refused = await talk.hear()
        backend.ill = False
        accepted, answer = await talk.hear(), await talk.hear()
    assert [each["kind"] for each in (doubt, refused, accepted, answer)] == [
        "problem", "problem", "accepted", "answer",
    ]  # fmt: skip
    assert [each["ref"] for each in (doubt, refused, accepted, answer)] == ["r1", "r2", "r1", "r1"]
    assert "not known" in doubt["detail"]
