"""GET /v1/events: what is streamed, to whom, and from where on."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

import httpx
import pytest

from tests.server.house import Visitor, head, listener, running
from xml_pipeline.events import MessageSent
from xml_pipeline.server import Bounds


class Told(NamedTuple):
    """One event of a stream; a comment has a name of its own."""

    id: str
    event: str
    data: Any


class Stream:
    """A stream of server-sent events, read one by one."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self) -> Told:
        fields: dict[str, str] = {}
        async with asyncio.timeout(10):
            async for line in self._lines:
                if not line and fields:
                    break
                name, _, value = line.partition(":")
                fields[name or "event"] = value.strip() if name else f"# {value.strip()}"
        data = json.loads(fields.get("data", "null"))
        return Told(fields.get("id", ""), fields.get("event", ""), data)

    async def until(self, event: str) -> Told:
        while (told := await self.next()).event != event:
            pass
        return told


@asynccontextmanager
async def listening(visitor: Visitor, query: str = "", last: str = "") -> AsyncIterator[Stream]:
    headers = {"Last-Event-ID": last} if last else {}
    async with visitor.http.stream("GET", f"/v1/events{query}", headers=headers) as response:
        stream = Stream(response)
        assert (await stream.next()).event.startswith("#")
        yield stream


async def test_headers_and_a_comment_come_at_once() -> None:
    async with running() as visitor, visitor.http.stream("GET", "/v1/events") as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        assert (await Stream(response).next()).event == "# here you are"


async def test_what_happens_is_told_as_it_happens() -> None:
    async with running(listener("greeter")) as visitor, listening(visitor) as stream:
        answer = await visitor.tell(wait=10)
        told = [await stream.until("MessageReceived"), await stream.until("MessageReceived")]
    thread = answer.json()["thread"]
    assert [(each.data["from_id"], each.data["to_id"]) for each in told] == [
        ("http:operator", "greeter"),
        ("greeter", "http:operator"),
    ]
    assert told[0].data["payload"] == "<Greeting><name>Ada</name></Greeting>"
    assert told[0].data["conversation_id"] == thread


async def test_a_fault_is_told_without_its_details() -> None:
    async with running() as visitor, listening(visitor, "?type=FaultEvent") as stream:
        problem = (await visitor.tell("broken", wait=10)).json()
        fault = (await stream.next()).data
    assert (fault["id"], fault["code"]) == (problem["id"], "handler")
    assert "detail" not in fault


async def test_a_stream_can_be_narrowed_to_types_listeners_and_threads() -> None:
    async with running() as visitor:
        thread = (await visitor.tell("greeter", wait=10)).json()["thread"]
        await visitor.tell("measurer", wait=10)
        async with (
            listening(visitor, "?type=MessageSent,AgentState&listener=measurer") as of_measurer,
            listening(visitor, f"?thread={thread}&type=MessageSent") as of_thread,
            listening(visitor, "?type=MessageSent&type=FaultEvent") as of_all,
        ):
            await visitor.tell("greeter", wait=10)
            await visitor.tell("measurer", wait=10)
            measurer = [await of_measurer.next() for _ in range(4)]
            everything = [await of_all.next() for _ in range(4)]
            visitor.organism.kernel.events.emit(sent_on(thread))
            one = await of_thread.next()
    assert [each.event for each in measurer] == [
        "MessageSent",
        "AgentState",
        "AgentState",
        "MessageSent",
    ]
    assert {each.event for each in everything} == {"MessageSent"}
    assert one.data["thread_id"] == thread


def sent_on(thread: str) -> Any:
    return MessageSent(thread, thread, "m", "a", "b", "Text", object())


async def test_an_event_type_that_does_not_exist_is_told_so() -> None:
    async with running() as visitor:
        response = await visitor.http.get("/v1/events?type=Everything")
    assert (response.status_code, response.headers["content-type"]) == (
        400,
        "application/problem+json",
    )


async def test_who_comes_back_goes_on_after_the_last_event_it_saw() -> None:
    async with running(listener("greeter")) as visitor:
        async with listening(visitor, "?type=MessageSent") as stream:
            await visitor.tell(wait=10)
            seen = await stream.next()
        missed = (await visitor.tell(wait=10)).json()["thread"]
        async with listening(visitor, "?type=MessageSent", last=seen.id) as stream:
            told = [await stream.next() for _ in range(3)]
    assert told[0].data["from_id"] == "greeter"
    assert [each.data["conversation_id"] for each in told[1:]] == [missed, missed]
    assert seen.id not in {each.id for each in told}


@pytest.mark.parametrize("last", ["0", "x-1", "-", "deadbeef-1", "1" * 40])
async def test_who_was_away_too_long_is_told_that_it_missed_something(last: str) -> None:
    async with running(listener("greeter")) as visitor:
        thread = (await visitor.tell(wait=10)).json()["thread"]
        async with listening(visitor, "?type=MessageSent", last=last) as stream:
            missed, first = await stream.next(), await stream.next()
    assert (missed.event, missed.id) == ("Missed", "")
    assert first.data["conversation_id"] == thread


async def test_events_beyond_the_ring_are_missed() -> None:
    async with running(listener("greeter"), bounds=Bounds(events=20)) as visitor:
        async with listening(visitor) as stream:
            await visitor.tell(wait=10)
            first = await stream.next()
        for _ in range(5):
            await visitor.tell(wait=10)
        async with listening(visitor, last=first.id) as stream:
            missed = await stream.next()
            numbers = [int((await stream.next()).id.partition("-")[2]) for _ in range(20)]
    assert (first.id != "", missed.event) == (True, "Missed")
    assert numbers == list(range(numbers[0], numbers[0] + 20))


async def test_silence_is_filled_with_comments() -> None:
    quiet = Bounds(keep_alive=0.02)
    async with running(listener("greeter"), bounds=quiet) as visitor, listening(visitor) as stream:
        comments = [(await stream.next()).event for _ in range(3)]
    assert comments == ["# still here"] * 3


async def test_only_so_many_may_watch() -> None:
    async with running(bounds=Bounds(streams=1)) as visitor:
        async with listening(visitor):
            refused = await visitor.http.get("/v1/events")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1


async def test_a_place_is_free_again_when_a_watcher_has_gone() -> None:
    async with running(bounds=Bounds(streams=1)) as visitor:
        async with listening(visitor):
            pass
        async with asyncio.timeout(10):
            while not (again := await can_watch(visitor)):
                pass  # The server has not noticed yet.
    assert again


async def can_watch(visitor: Visitor) -> bool:
    async with visitor.http.stream("GET", "/v1/events") as response:
        return response.status_code == 200


async def test_the_head_of_a_stream_has_no_body() -> None:
    async with running() as visitor:
        response = await visitor.http.head("/v1/events")
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.content == b""


async def test_a_stream_ends_when_the_server_stops() -> None:
    async with running() as visitor:
        address = visitor.address
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(head("GET", "/v1/events"))
        await reader.readuntil(b": here you are\n\n")
    assert await reader.read() == b"\r\n0\r\n\r\n"
    writer.close()


async def test_bytes_that_are_amiss_end_a_stream_under_way(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running() as visitor:
        address = visitor.address
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(head("GET", "/v1/events", "Transfer-Encoding: chunked"))
        await reader.readuntil(b": here you are\n\n")
        writer.write(b"no chunk\r\n")
        with suppress(ConnectionError):
            assert await reader.read() == b"\r\n"
        writer.close()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def outrun(readers: int) -> int:
    """Have so many that never read cut off beside one that does; return how many events it took.

    What is kept for all of them is one ring.
    """
    body = {"to": "greeter", "payload": {"name": "x" * 60_000}}
    told = 0
    async with running(listener("greeter"), bounds=Bounds(events=200)) as visitor:
        slow = [await open_without_reading(visitor) for _ in range(readers)]
        async with listening(visitor, "?type=MessageSent&listener=greeter") as healthy:
            assert await watchers(visitor) == readers + 1
            while await watchers(visitor) > 1:
                told += 2
                await visitor.http.post("/v1/messages?wait=10", json=body)
                assert (await healthy.next()).data["from_id"] == "http:operator"
                assert (await healthy.next()).data["from_id"] == "greeter"
    for each in slow:
        each.close()
    return told


async def test_readers_that_do_not_read_are_cut_off_and_others_are_not() -> None:
    """R11, at its CI size."""
    assert await outrun(20) > 0


async def watchers(visitor: Visitor) -> int:
    text = (await visitor.http.get("/metrics")).text
    return int(text.partition("\nxml_pipeline_watchers ")[2].partition("\n")[0])


async def open_without_reading(visitor: Visitor) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, (visitor.address.host, visitor.address.port))
    await loop.sock_sendall(client, head("GET", "/v1/events"))
    assert b"200" in await loop.sock_recv(client, 15)
    return client
