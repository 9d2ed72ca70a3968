"""Idempotency keys across processes: the message is written down together with its key."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.faults.ailing import Ailing
from tests.server.house import (
    HELLO,
    Farewell,
    Greeted,
    Greeting,
    Patient,
    Visitor,
    envelope,
    greet,
    running,
)
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.events import EventStream, MessageReceived
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener

POLITE = Listener("greeter", Greeting, greet, output=Greeted, description="Greets.")


async def test_an_answer_is_the_same_after_a_restart() -> None:
    backend = MemoryBackend()
    async with running(POLITE, backend=backend) as visitor:
        first = await visitor.tell(wait=10, Idempotency_Key="k")
    async with running(POLITE, backend=backend) as visitor:
        again = await visitor.tell(wait=10, Idempotency_Key="k")
        once_more = await visitor.tell(Idempotency_Key="k")
        as_xml = await visitor.tell(wait=10, Idempotency_Key="k", Accept="application/xml")
    assert (first.status_code, again.status_code, once_more.status_code) == (200, 200, 202)
    assert again.content == first.content
    assert once_more.json()["thread"] == first.json()["thread"]
    assert b"Hello, Ada!" in as_xml.content
    assert len(await backend.conversations(10)) == 1


async def test_an_answer_of_a_class_that_nobody_names_comes_as_xml() -> None:
    backend = MemoryBackend()
    async with running(backend=backend) as visitor:
        await visitor.tell(wait=10, Idempotency_Key="k")
    async with running(backend=backend) as visitor:
        again = await visitor.tell(wait=10, Idempotency_Key="k")
    assert again.json()["xml"] == "<Greeted><text>Hello, Ada!</text></Greeted>"


async def test_a_conversation_that_goes_on_is_joined() -> None:
    backend = MemoryBackend()
    async with running(Patient().listener, backend=backend) as visitor:
        first = await visitor.tell("patient", Idempotency_Key="k")
    patient = Patient()
    async with running(patient.listener, backend=backend) as visitor:
        joined = await visitor.tell("patient", Idempotency_Key="k")
        patient.go.set()
        again = await visitor.tell("patient", wait=10, Idempotency_Key="k")
    assert joined.json() == first.json()
    assert again.status_code == 200
    assert "At last, Ada!" in again.text
    assert again.json()["thread"] == first.json()["thread"]
    assert len(await backend.conversations(10)) == 1


@pytest.mark.parametrize(("to", "status"), [("broken", 422), ("nobody", 422), ("silent", 204)])
async def test_a_message_that_came_to_nothing_reads_the_same(to: str, status: int) -> None:
    backend = MemoryBackend()
    said = {"content": envelope(HELLO, to), "params": {"wait": 9}}
    said |= {"headers": {"Content-Type": "application/xml", "Idempotency-Key": "k"}}
    answers = []
    for _ in "ab":
        async with running(backend=backend) as visitor:
            answers.append(await visitor.http.post("/v1/messages", **said))  # type: ignore[arg-type]
    assert [each.status_code for each in answers] == [status] * 2
    assert answers[0].content == answers[1].content


async def test_what_was_no_document_is_still_none() -> None:
    backend = MemoryBackend()
    headers = {"Content-Type": "application/xml", "Idempotency-Key": "k"}
    answers = []
    for _ in "ab":
        async with running(backend=backend) as visitor:
            answer = await visitor.http.post("/v1/messages", content=b"<no", headers=headers)
            answers.append((answer.status_code, answer.json()))
    assert answers[0] == answers[1]
    assert answers[0][0] == 400


async def test_another_request_under_the_key_of_an_earlier_process_is_refused() -> None:
    backend = MemoryBackend()
    async with running(backend=backend) as visitor:
        await visitor.tell("greeter", Idempotency_Key="k")
    async with running(backend=backend) as visitor:
        refused = await visitor.tell("silent", Idempotency_Key="k")
    assert refused.status_code == 422


async def test_an_answer_that_is_not_kept_is_gone_and_not_given_twice() -> None:
    backend = MemoryBackend(keep=0)
    async with running(backend=backend) as visitor:
        await visitor.tell(wait=10, Idempotency_Key="k")
    async with running(backend=backend) as visitor:
        gone = await visitor.tell(wait=10, Idempotency_Key="k")
    assert gone.status_code == 410


async def test_keys_of_the_past_cannot_be_asked_for_while_the_backend_cannot_be_read() -> None:
    backend = Ailing(MemoryBackend())
    async with running(backend=backend) as visitor:
        backend.marked = backend.cannot  # type: ignore[assignment]
        refused = await visitor.tell(wait=10, Idempotency_Key="k")
    assert refused.status_code == 503
    assert refused.headers["Retry-After"]


KEY = {"Content-Type": "application/xml", "Idempotency-Key": "k"}


async def ask(visitor: Visitor, body: bytes, wait: float = 0.0) -> httpx.Response:
    query = {"wait": str(wait)} if wait else {}
    return await visitor.http.post("/v1/messages", content=body, headers=KEY, params=query)


async def reached(listener: str, events: EventStream) -> None:
    """Wait until the next message has been handed to a listener."""
    async for event in events:
        if isinstance(event, MessageReceived) and event.to_id == listener:
            return


async def pass_on(payload: Greeting | Greeted, metadata: HandlerMetadata) -> HandlerResponse:
    """Let the helper greet, and pass on what it says."""
    if isinstance(payload, Greeting):
        return HandlerResponse(payload, to="helper")
    return HandlerResponse.respond(payload)


async def test_a_message_that_another_overtook_gets_what_is_said_to_all() -> None:
    backend, body = MemoryBackend(), envelope(HELLO, "host")
    words: dict[str, Any] = {"output": Greeted, "peers": ("helper",), "description": "A host."}
    host = Listener("host", (Greeting, Greeted), pass_on, **words)
    busy, patient = Patient("helper"), Patient("helper")
    async with running(host, busy.listener, backend=backend) as visitor:
        events = visitor.organism.events()
        accepted = await ask(visitor, body)
        second = envelope(HELLO, "host", accepted.json()["thread"])
        await visitor.post(second, "application/xml")
        for _ in "ab":
            await reached("helper", events)
    async with running(host, patient.listener, backend=backend) as visitor:
        joined = await ask(visitor, body)
        patient.go.set()
        answers = [await ask(visitor, body, 9.0)]
    async with running(host, patient.listener, backend=backend) as visitor:
        answers.append(await ask(visitor, body, 9.0))
    assert joined.json() == accepted.json()
    assert ["At last, Ada!" in each.text for each in answers] == [True, True]
    assert answers[0].content == answers[1].content


async def converse(
    payload: Greeting | Farewell, metadata: HandlerMetadata
) -> HandlerResponse | None:
    """Answer a farewell only."""
    if isinstance(payload, Greeting):
        return HandlerResponse.defer(within=600)
    return HandlerResponse.respond(Greeted(f"Goodbye, {payload.name}!"))


async def test_a_message_that_another_overtook_does_not_get_the_answer_to_that_one() -> None:
    backend, body = MemoryBackend(), envelope(HELLO, "host")
    host = Listener("host", (Greeting, Farewell), converse, output=Greeted, description="A host.")
    async with running(host, backend=backend) as visitor:
        thread = (await ask(visitor, body)).json()["thread"]
        await visitor.post(envelope(HELLO, "host", thread), "application/xml")
        await visitor.organism.drain()
    farewell = envelope('<Farewell xmlns=""><name>Ada</name></Farewell>', "host", thread)
    async with running(host, backend=backend) as visitor:
        joined = await ask(visitor, body)
        await visitor.post(farewell, "application/xml")
        answers = [joined, await ask(visitor, body, 9.0)]
    async with running(host, backend=backend) as visitor:
        answers.append(await ask(visitor, body, 9.0))
    assert [each.status_code for each in answers] == [202, 204, 204]
