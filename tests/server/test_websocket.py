"""GET /ws: events and messages over one WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.faults.together import Together, Town
from tests.faults.two_nodes import Host
from tests.server.house import (
    HELLO,
    TOKEN,
    Greeting,
    Patient,
    Visitor,
    envelope,
    head,
    listener,
    running,
)
from xml_pipeline.config import OrganismConfig
from xml_pipeline.errors import BackendUnavailable
from xml_pipeline.server import Bounds
from xml_pipeline.server.app import SENDER


class Talk:
    """A WebSocket, in JSON."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, command: str, ref: object = None, **more: object) -> None:
        said = {"command": command, "ref": ref, **more}
        await self.connection.send(json.dumps(said))

    async def hear(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            said: dict[str, Any] = json.loads(await self.connection.recv())
        return said

    async def hear_until(self, kind: str) -> dict[str, Any]:
        while (said := await self.hear())["kind"] != kind:
            pass
        return said


@asynccontextmanager
async def talking(visitor: Visitor, **headers: str) -> AsyncIterator[Talk]:
    url = visitor.address.url.replace("http", "ws") + "/ws"
    with_token = {"Authorization": f"Bearer {TOKEN}"} | headers
    async with connect(url, additional_headers=with_token, proxy=None) as connection:
        yield Talk(connection)


async def test_a_message_is_accepted_and_answered_under_its_ref() -> None:
    async with running() as visitor, talking(visitor) as talk:
        await talk.say("inject", "r1", to="greeter", payload={"name": "Ada"})
        accepted, answer = await talk.hear(), await talk.hear()
    assert (accepted["kind"], accepted["ref"]) == ("accepted", "r1")
    assert accepted["id"] == f"{accepted['thread']}.1"
    assert (answer["kind"], answer["ref"]) == ("answer", "r1")
    assert (answer["type"], answer["payload"]) == ("Greeted", {"text": "Hello, Ada!"})
    assert answer["thread"] == accepted["thread"]


async def test_a_whole_envelope_may_be_injected() -> None:
    async with running() as visitor, talking(visitor) as talk:
        await talk.say("inject", [1, 2], message=envelope(HELLO, "greeter").decode())
        answer = await talk.hear_until("answer")
    assert (answer["ref"], answer["payload"]) == ([1, 2], {"text": "Hello, Ada!"})


async def test_silence_and_faults_are_told_too() -> None:
    async with running() as visitor, talking(visitor) as talk:
        await talk.say("inject", "quiet", to="silent", payload={"name": "Ada"})
        ended = await talk.hear_until("ended")
        await talk.say("inject", "bad", to="broken", payload={"name": "Ada"})
        problem = await talk.hear_until("problem")
        await talk.say("inject", "malformed", message="<message")
        malformed = await talk.hear()
    assert ended["ref"] == "quiet"
    assert (problem["ref"], problem["status"], problem["code"]) == ("bad", 422, "handler")
    assert (malformed["kind"], malformed["ref"], malformed["status"]) == (
        "problem",
        "malformed",
        400,
    )


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        '{"command": "dance"}',
        '{"command": ["inject"]}',
        '{"command": "inject"}',
        '{"command": "inject", "message": 7}',
        '{"command": "inject", "to": "greeter", "payload": {"name": NaN}}',
        '{"command": "subscribe", "speed": "high"}',
        '{"command": "subscribe", "type": "Everything"}',
        '{"command": "subscribe", "thread": 7}',
        "[" * 1_000,
        b"\x00\x01",
    ],
)
async def test_a_bad_command_is_told_so_and_ends_nothing(frame: str | bytes) -> None:
    async with running() as visitor, talking(visitor) as talk:
        await talk.connection.send(frame)
        problem = await talk.hear()
        await talk.say("inject", to="greeter", payload={"name": "Ada"})
        answer = await talk.hear_until("answer")
    assert (problem["kind"], problem["status"]) == ("problem", 400)
    assert answer["payload"] == {"text": "Hello, Ada!"}


async def test_an_addressee_that_is_not_there_is_a_routing_fault() -> None:
    async with running() as visitor, talking(visitor) as talk:
        await talk.say("inject", to="nobody", payload={"name": "Ada"})
        problem = await talk.hear()
    assert (problem["status"], problem["code"]) == (422, "routing")


async def test_nothing_is_told_before_it_is_asked_for() -> None:
    async with running() as visitor, talking(visitor) as talk:
        await visitor.tell(wait=10)
        await talk.say("subscribe", 1, type="MessageSent")
        subscribed = await talk.hear()
        await visitor.tell(wait=10)
        event = await talk.hear()
    assert subscribed == {"kind": "subscribed", "ref": 1}
    assert (event["kind"], event["event"]) == ("event", "MessageSent")
    assert event["data"]["payload"] == HELLO.replace(' xmlns=""', "")


async def test_a_further_subscription_takes_the_place_of_the_first() -> None:
    async with running() as visitor, talking(visitor) as talk:
        await talk.say("subscribe", 1, type="MessageSent,AgentState")
        await talk.say("subscribe", 2, type="FaultEvent")
        assert [(await talk.hear())["ref"], (await talk.hear())["ref"]] == [1, 2]
        await visitor.tell("broken", wait=10)
        event = await talk.hear()
    assert event["event"] == "FaultEvent"


async def test_a_subscription_may_begin_after_an_event_that_was_seen() -> None:
    async with running(listener("greeter")) as visitor, talking(visitor) as talk:
        await talk.say("subscribe", type="MessageSent")
        await talk.hear()
        await visitor.tell(wait=10)
        seen, following = await talk.hear(), await talk.hear()
        await talk.say("subscribe", type="MessageSent", after=seen["id"])
        again = await talk.hear_until("event")
        await talk.say("subscribe", type="MessageSent", after="long ago")
        missed = await talk.hear_until("missed")
    assert again == following
    assert missed == {"kind": "missed"}


async def test_only_so_many_answers_may_be_awaited_at_once() -> None:
    patient = Patient()
    bounds = Bounds(commands=2)
    async with running(patient.listener, bounds=bounds) as visitor, talking(visitor) as talk:
        for ref in range(3):
            await talk.say("inject", ref, to="patient", payload={"name": "Ada"})
        problem = await talk.hear_until("problem")
        patient.go.set()
        await talk.hear_until("answer")
        await talk.say("inject", 3, to="patient", payload={"name": "Ada"})
        accepted = await talk.hear_until("accepted")
    assert (problem["ref"], problem["status"]) == (2, 429)
    assert accepted["ref"] in (0, 1, 3)


async def test_a_full_door_is_told_as_overload() -> None:
    narrow = OrganismConfig.model_validate({"limits": {"waiting_messages": 1}})
    async with running(listener("greeter"), config=narrow) as visitor, talking(visitor) as talk:
        visitor.organism.pause("greeter")
        await talk.say("inject", 1, to="greeter", payload={"name": "Ada"})
        await talk.hear_until("accepted")
        await talk.say("inject", 2, to="greeter", payload={"name": "Ada"})
        problem = await talk.hear_until("problem")
    assert (problem["ref"], problem["status"], problem["code"]) == (2, 503, "overload")


async def test_closing_a_socket_stops_no_work() -> None:
    patient = Patient()
    async with running(patient.listener) as visitor:
        async with talking(visitor) as talk:
            await talk.say("inject", to="patient", payload={"name": "Ada"})
            thread = (await talk.hear())["thread"]
        patient.go.set()
        await visitor.organism.drain()
        shown = (await visitor.http.get(f"/v1/threads/{thread}")).json()
    assert shown["status"] == "completed"


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer no"}, {"Origin": "http://evil.com"}])
async def test_a_handshake_without_token_or_from_another_site_is_refused(
    headers: dict[str, str],
) -> None:
    async with running() as visitor:
        with pytest.raises(InvalidStatus) as refusal:
            async with talking(visitor, **headers):
                pass
    response = refusal.value.response
    assert response.status_code in (401, 403)
    assert response.headers["content-type"] == "application/problem+json"


async def test_only_so_many_sockets_may_be_open() -> None:
    async with running(bounds=Bounds(streams=1)) as visitor, talking(visitor):
        with pytest.raises(InvalidStatus) as refusal:
            async with talking(visitor):
                pass
    assert refusal.value.response.status_code == 429


async def test_there_is_no_socket_elsewhere() -> None:
    async with running() as visitor:
        url = visitor.address.url.replace("http", "ws") + "/elsewhere"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with pytest.raises(InvalidStatus):
            async with connect(url, additional_headers=headers, proxy=None):
                pass
        plain = await visitor.http.get("/ws")
    assert plain.status_code == 404


async def test_a_socket_is_closed_as_a_restart_when_the_server_stops() -> None:
    async with running() as visitor:
        url = visitor.address.url.replace("http", "ws") + "/ws"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        connection = await connect(url, additional_headers=headers, proxy=None)
    with pytest.raises(ConnectionClosed) as closed:
        await connection.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


async def test_a_frame_beyond_the_limit_closes_the_socket_and_no_other() -> None:
    small = OrganismConfig.model_validate({"limits": {"message_bytes": 1000}})
    async with running(config=small) as visitor, talking(visitor) as other:
        async with talking(visitor) as talk:
            await talk.connection.send("x" * 3_000)
            with pytest.raises(ConnectionClosed):
                await talk.connection.recv()
        await other.say("inject", to="greeter", payload={"name": "Ada"})
        assert (await other.hear_until("answer"))["payload"] == {"text": "Hello, Ada!"}


async def test_who_asks_and_asks_and_does_not_listen_is_cut_off() -> None:
    async with running(bounds=Bounds(commands=2)) as visitor:
        address = visitor.address
        _, writer = await asyncio.open_connection(address.host, address.port, limit=1)
        upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
        key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
        writer.write(head("GET", "/ws", *upgrade, key))
        ref = json.dumps({"command": "dance", "ref": "x" * 60_000}).encode()
        frame = b"\x81\xff" + len(ref).to_bytes(8, "big") + b"\0\0\0\0" + ref
        async with asyncio.timeout(20):
            await push_until_cut(writer, frame)
        answered = await visitor.tell(wait=10)
    assert answered.status_code == 200


async def push_until_cut(writer: asyncio.StreamWriter, frame: bytes) -> None:
    with suppress(ConnectionError):
        while not writer.transport.is_closing():
            writer.write(frame)
            await writer.drain()


@asynccontextmanager
async def two_nodes() -> AsyncIterator[tuple[Visitor, Visitor]]:
    """Let two nodes share the work, each with a server."""
    stores = [Together(town) for town in [Town()] * 2]
    for each in stores:
        each.lifetime = 0.5
    async with (
        running(Host().listener, backend=stores[0]) as one,
        running(Host().listener, backend=stores[1]) as other,
    ):
        yield one, other


async def begin(visitor: Visitor) -> str:
    """Begin a conversation that goes on, and return its thread."""
    thread = await visitor.organism.send("host", Greeting("Ada"), sender=SENDER)
    await visitor.organism.drain()
    return thread


async def test_a_message_to_a_conversation_of_another_node_is_accepted_and_answered() -> None:
    async with two_nodes() as (one, other), talking(other) as talk:
        thread = await begin(one)
        bye = {"Farewell": {"name": "Bob"}}
        await talk.say("inject", "r", to="host", payload=bye, thread=thread)
        accepted, answer = await talk.hear(), await talk.hear()
    assert (accepted["kind"], accepted["ref"], accepted["thread"]) == ("accepted", "r", thread)
    assert (answer["kind"], answer["ref"], answer["thread"]) == ("answer", "r", thread)
    assert answer["payload"] == {"text": "Goodbye, Bob!"}


async def test_a_message_that_another_node_does_not_take_in_is_a_problem() -> None:
    async with two_nodes() as (one, other), talking(other) as talk:
        thread = await begin(one)
        one.organism.kernel.journal.suspended = BackendUnavailable("nothing is taken in")
        bye = {"Farewell": {"name": "Bob"}}
        await talk.say("inject", "r", to="host", payload=bye, thread=thread)
        problem = await talk.hear()
        one.organism.kernel.journal.suspended = None
    assert (problem["kind"], problem["ref"]) == ("problem", "r")
    assert "not known" in problem["detail"]
