"""Idempotency keys across processes: the message is written down together with its key."""

from __future__ import annotations

import pytest

from tests.faults.ailing import Ailing
from tests.server.house import HELLO, Farewell, Greeted, Greeting, Patient, envelope, greet, running
from xml_pipeline.backends.memory import MemoryBackend
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
    patient.go.set()
    async with running(patient.listener, backend=backend) as visitor:
        again = await visitor.tell("patient", wait=10, Idempotency_Key="k")
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


async def converse(
    payload: Greeting | Farewell, metadata: HandlerMetadata
) -> HandlerResponse | None:
    """Answer a farewell, and with it every greeting before."""
    if isinstance(payload, Greeting):
        metadata.state["met"] = payload.name
        return HandlerResponse.defer(within=600)
    return HandlerResponse.respond(Greeted(f"Goodbye, {metadata.state['met']}!"))


async def test_a_message_that_another_overtook_gets_the_answer_to_all() -> None:
    backend = MemoryBackend()
    host = Listener("host", (Greeting, Farewell), converse, output=Greeted, description="A host.")
    headers = {"Content-Type": "application/xml", "Idempotency-Key": "k"}
    body = envelope(HELLO, "host")
    async with running(host, backend=backend) as visitor:
        accepted = await visitor.http.post("/v1/messages", content=body, headers=headers)
        thread = accepted.json()["thread"]
        await visitor.organism.drain()
    async with running(host, backend=backend) as visitor:
        farewell = envelope('<Farewell xmlns=""><name>Ada</name></Farewell>', "host", thread)
        await visitor.post(farewell, "application/xml")
        await visitor.organism.drain()
        answer = await visitor.http.post(
            "/v1/messages", content=body, headers=headers, params={"wait": 9}
        )
    assert "Goodbye, Ada!" in answer.text
