"""Threads and messages of earlier processes, as the journal knows them."""

from __future__ import annotations

import base64

import pytest

from tests.faults.ailing import Ailing
from tests.server.house import HELLO, envelope, running
from xml_pipeline.backends import Past, PastConversation
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.journal.reading import read


async def conversation(backend: MemoryBackend, to: str = "greeter") -> str:
    """Hold a conversation in a process that is gone; return its id."""
    async with running(backend=backend) as visitor:
        await visitor.tell(to, wait=10)
        (thread,) = (await visitor.http.get("/v1/threads")).json()["threads"]
        await visitor.organism.drain()
    id: str = thread["id"]
    return id


async def test_a_conversation_of_before_the_restart_is_shown() -> None:
    backend = MemoryBackend()
    async with running(backend=backend) as visitor:
        id = (await visitor.tell(wait=10)).json()["thread"]
        before = (await visitor.http.get(f"/v1/threads/{id}")).json()
        said_before = (await visitor.http.get(f"/v1/threads/{id}/messages")).json()["messages"]
    async with running(backend=backend) as visitor:
        after = (await visitor.http.get(f"/v1/threads/{id}")).json()
        said_after = (await visitor.http.get(f"/v1/threads/{id}/messages")).json()["messages"]
    untimed = {"opened", "changed", "at"}
    assert {**before, "opened": 0, "changed": 0} == {**after, "opened": 0, "changed": 0}
    assert [{k: v for k, v in each.items() if k not in untimed} for each in said_after] == [
        {k: v for k, v in each.items() if k not in untimed} for each in said_before
    ]


async def test_faults_of_before_the_restart_are_shown_without_their_details() -> None:
    backend = MemoryBackend()
    id = await conversation(backend, "broken")
    async with running(backend=backend) as visitor:
        shown = await visitor.http.get(f"/v1/threads/{id}/messages")
        log = (await visitor.http.get(f"/v1/threads/{id}/log")).json()
    (fault,) = [each for each in shown.json()["messages"] if each["event"] == "FaultEvent"]
    assert (fault["code"], fault["to_id"]) == ("handler", "broken")
    records = b"".join(base64.b64decode(each["records"]) for each in log["entries"])
    assert b"secrets" not in records + shown.content


async def test_the_list_has_the_conversations_of_before_only_if_asked_to() -> None:
    backend = MemoryBackend()
    first, second = await conversation(backend), await conversation(backend, "broken")
    async with running(backend=backend) as visitor:
        third = (await visitor.tell(wait=10)).json()["thread"]

        async def listed(query: str) -> list[str]:
            found = (await visitor.http.get(f"/v1/threads?{query}")).json()["threads"]
            return [each["id"] for each in found]

        assert await listed("") == [third]
        assert await listed("past=true") == [third, second, first]
        assert await listed("past=true&limit=2") == [third, second]
        assert await listed("past=true&status=error") == [second]
        assert await listed("past=true&listener=greeter") == [third, first]


async def test_messages_of_a_conversation_that_goes_on_are_shown_from_its_beginning() -> None:
    backend = MemoryBackend()
    async with running(backend=backend) as visitor:
        visitor.organism.pause("greeter")
        id = (await visitor.tell()).json()["thread"]
    async with running(backend=backend) as visitor:
        visitor.organism.resume("greeter")
        await visitor.organism.drain()
        said = (await visitor.http.get(f"/v1/threads/{id}/messages")).json()["messages"]
    assert [each["to_id"] for each in said] == ["greeter", "http:operator"]


async def test_the_log_is_what_the_journal_has() -> None:
    backend = MemoryBackend()
    id = await conversation(backend)
    async with running(backend=backend) as visitor:
        log = (await visitor.http.get(f"/v1/threads/{id}/log")).json()
    entries = tuple(Past(each["at"], base64.b64decode(each["records"])) for each in log["entries"])
    shown = PastConversation(log["id"], log["opened"], log["ended"], entries)
    assert shown == await backend.conversation(id)
    assert len(read(shown).messages) == 2


@pytest.mark.parametrize("path", ["", "/messages", "/log"])
async def test_what_nobody_knows_is_not_there(path: str) -> None:
    async with running(backend=MemoryBackend()) as visitor:
        assert (await visitor.http.get(f"/v1/threads/nonsense{path}")).status_code == 404


async def test_where_nothing_is_written_there_is_no_log() -> None:
    async with running() as visitor:
        id = (await visitor.tell(wait=10)).json()["thread"]
        assert (await visitor.http.get(f"/v1/threads/{id}/log")).status_code == 404
        assert len((await visitor.http.get("/v1/threads?past=true")).json()["threads"]) == 1


async def test_a_journal_that_cannot_be_read_is_no_missing_thread() -> None:
    backend = Ailing(MemoryBackend())
    async with running(backend=backend) as visitor:
        backend.conversation = backend.conversations = backend.cannot  # type: ignore[assignment]
        shown = [await visitor.http.get(f"/v1/threads{path}") for path in ("/x", "?past=true")]
    assert [each.status_code for each in shown] == [503, 503]


async def test_what_is_signed_or_bound_for_nobody_is_shown_as_far_as_it_came() -> None:
    backend = MemoryBackend()
    async with running(backend=backend) as visitor:
        await visitor.post(envelope(HELLO, "nobody"), "application/xml")
        await visitor.post(b"<no", "application/xml")
    async with running(backend=backend) as visitor:
        found = (await visitor.http.get("/v1/threads?past=true")).json()["threads"]
        for each in found:
            said = (await visitor.http.get(f"/v1/threads/{each['id']}/messages")).json()
            assert [one["event"] for one in said["messages"]] == ["FaultEvent"]
    assert [each["status"] for each in found] == ["error", "error"]
