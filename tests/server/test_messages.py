"""POST /v1/messages: what comes in, and what goes out on the same request."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from lxml import etree

from tests.server.house import HELLO, JSON, TOKEN, Patient, envelope, everybody, running
from xml_pipeline.events import Event, FaultEvent, MessageSent
from xml_pipeline.message import ENVELOPE_NAMESPACE, META_NAMESPACE
from xml_pipeline.steps.envelope import envelope_schema

XML_TYPE = "application/xml"
ENV, META = f"{{{ENVELOPE_NAMESPACE}}}", f"{{{META_NAMESPACE}}}"


async def test_a_message_is_accepted_with_its_thread_and_id() -> None:
    async with running() as visitor:
        response = await visitor.tell()
        said = response.json()
    assert response.status_code == 202
    assert said["id"] == f"{said['thread']}.1"
    assert response.headers["location"] == f"/v1/threads/{said['thread']}"


async def test_whoever_waits_gets_the_answer_on_the_same_request() -> None:
    async with running() as visitor:
        said = (await visitor.tell(wait=10)).json()
    assert (said["from"], said["type"], said["hops"]) == ("greeter", "Greeted", 1)
    assert said["payload"] == {"text": "Hello, Ada!"}
    assert said["in_reply_to"] == f"{said['thread']}.1"


async def test_an_envelope_is_answered_by_a_stamped_envelope() -> None:
    async with running() as visitor:
        response = await visitor.post(envelope(HELLO, "greeter"), XML_TYPE, wait="10")
    message = etree.fromstring(response.content)
    envelope_schema().assertValid(message)
    thread = message.findtext(f"{ENV}meta/{ENV}thread")
    assert response.headers["content-type"] == XML_TYPE
    assert message.findtext(f"{ENV}meta/{ENV}from") == "greeter"
    assert message.findtext(f"{ENV}meta/{ENV}to") == "http:operator"
    assert message.findtext(f"{ENV}meta/{META}id") == f"{thread}.2"
    assert message.findtext(f"{ENV}meta/{META}in-reply-to") == f"{thread}.1"
    assert message.findtext(f"{ENV}meta/{META}hops") == "1"
    assert message.findtext("Greeted/text") == "Hello, Ada!"
    assert etree.tostring(message, method="c14n", exclusive=True) == response.content


@pytest.mark.parametrize(
    ("header", "stamped", "honoured"),
    [
        (f"00-{'a' * 32}-{'b' * 16}-01", "", "a"),
        (f"00-{'a' * 32}-{'b' * 16}-01", f"00-{'c' * 32}-{'d' * 16}-01", "c"),
        (f"00-{'0' * 32}-{'b' * 16}-01", "", ""),
        ("anything", "", ""),
    ],
)
async def test_a_request_says_which_work_it_is_a_part_of_and_its_envelope_knows_better(
    header: str, stamped: str, honoured: str
) -> None:
    seen: list[Event] = []
    stamp = f"<traceparent xmlns='{META_NAMESPACE}'>{stamped}</traceparent></meta>"
    said = envelope(HELLO, "greeter")
    async with running() as visitor:
        visitor.organism.subscribe(seen.append)
        headers = {"Content-Type": XML_TYPE, "traceparent": header}
        body = said.replace(b"</meta>", stamp.encode()) if stamped else said
        await visitor.http.post("/v1/messages?wait=10", content=body, headers=headers)
    traces = {each.traceparent[3:4] for each in seen if isinstance(each, MessageSent)}
    assert traces == {honoured}


async def test_a_bare_payload_is_wrapped_for_the_listener_in_the_address() -> None:
    async with running() as visitor:
        response = await visitor.post(HELLO.encode(), "text/xml", to="greeter", wait="10")
    assert b"Hello, Ada!" in response.content


async def test_a_bare_payload_for_nobody_in_particular_reaches_whoever_accepts_it() -> None:
    farewell = b"<Farewell><name>Ada</name></Farewell>"
    async with running() as visitor:
        response = await visitor.post(farewell, XML_TYPE, to="", wait="10")
    assert b"Goodbye, Ada!" in response.content


async def test_json_for_nobody_in_particular_says_which_payload_it_is() -> None:
    body = b'{"payload": {"Farewell": {"name": "Ada"}}}'
    async with running() as visitor:
        response = await visitor.post(body, "application/json", wait="10")
    assert response.json()["payload"] == {"text": "Goodbye, Ada!"}


async def test_a_listener_of_several_payloads_is_told_which_one_is_meant() -> None:
    async with running() as visitor:
        named = b'{"to": "host", "payload": {"Farewell": {"name": "Ada"}}}'
        told = await visitor.post(named, "application/json", wait="10")
        bare = b'{"to": "host", "payload": {"name": "Ada"}}'
        untold = await visitor.post(bare, "application/json", wait="10")
    assert told.json()["payload"] == {"text": "Goodbye, Ada!"}
    assert (untold.status_code, untold.json()["code"]) == (400, "validation")


async def test_the_only_payload_of_a_listener_may_be_named_too() -> None:
    body = b'{"to": "greeter", "payload": {"Greeting": {"name": "Ada"}}}'
    async with running() as visitor:
        response = await visitor.post(body, "application/json; charset=UTF-8", wait="10")
    assert response.json()["payload"] == {"text": "Hello, Ada!"}


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/xml", XML_TYPE),
        ("text/xml;q=0.5, application/json;q=0.4", XML_TYPE),
        ("application/json, application/xml", "application/json"),
        ("*/*", "application/json"),
        ("image/png", "application/json"),
        ("application/xml;q=0", "application/json"),
        ("application/xml;q=much", "application/json"),
    ],
)
async def test_the_client_chooses_the_form_of_the_answer(accept: str, kind: str) -> None:
    async with running() as visitor:
        response = await visitor.tell(wait=10, accept=accept)
    assert response.headers["content-type"] == kind


async def test_what_json_cannot_say_is_told_in_xml() -> None:
    async with running() as visitor:
        said = (await visitor.tell("measurer", wait=10)).json()
    assert said["xml"] == "<Measured><value>INF</value></Measured>"


async def test_what_a_generic_listener_says_is_told_in_xml() -> None:
    async with running() as visitor:
        sent = await visitor.post(b"<Anything><b>1</b></Anything>", XML_TYPE, to="echo", wait="10")
        headers = {"Content-Type": XML_TYPE, "Accept": "application/json"}
        answer = await visitor.http.post(
            "/v1/messages?to=echo&wait=10", content=b"<Anything/>", headers=headers
        )
    assert b"<b>1</b>" in sent.content
    assert (answer.json()["type"], answer.json()["xml"]) == ("Anything", "<Anything></Anything>")


async def test_a_listener_that_says_nothing_ends_the_wait_without_content() -> None:
    async with running() as visitor:
        response = await visitor.tell("silent", wait=10)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["location"].startswith("/v1/threads/")


async def test_a_fault_is_told_with_its_code_and_id() -> None:
    async with running() as visitor:
        heard: list[Event] = []
        visitor.organism.subscribe(heard.append)
        response = await visitor.tell("broken", wait=10)
    fault = next(event for event in heard if isinstance(event, FaultEvent))
    problem = response.json()
    assert response.status_code == problem["status"] == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert (problem["code"], problem["id"]) == ("handler", fault.id)
    assert problem["thread"] == fault.conversation_id


async def test_when_time_is_up_the_message_goes_on_without_the_client() -> None:
    patient = Patient()
    async with running(patient.listener) as visitor:
        response = await visitor.tell("patient", wait=0.05)
        assert response.status_code == 202
        assert not patient.stopped.is_set()
        path = f"/v1/threads/{response.json()['thread']}"
        assert (await visitor.http.get(path)).json()["status"] == "active"


async def test_a_client_that_hangs_up_while_it_waits_stops_the_work() -> None:
    patient = Patient()
    async with running(patient.listener) as visitor:
        waiting = asyncio.create_task(visitor.tell("patient", wait=60))
        await patient.called.wait()
        waiting.cancel()
        async with asyncio.timeout(5):
            await patient.stopped.wait()
    assert waiting.cancelled()


async def test_a_client_that_will_come_back_may_hang_up() -> None:
    patient = Patient()
    async with running(patient.listener) as visitor:
        waiting = asyncio.create_task(visitor.tell("patient", wait=60, Idempotency_Key="k"))
        await patient.called.wait()
        waiting.cancel()
        again = asyncio.create_task(visitor.tell("patient", wait=60, Idempotency_Key="k"))
        patient.go.set()
        response = await again
    assert response.json()["payload"] == {"text": "At last, Ada!"}
    assert patient.calls == 1


async def test_a_further_message_joins_the_conversation_that_it_names() -> None:
    patient = Patient()
    async with running(patient.listener) as visitor:
        thread = (await visitor.tell("patient")).json()["thread"]
        body = {"payload": {"Greeting": {"name": "Bob"}}, "to": "patient", "thread": thread}
        second = await visitor.http.post("/v1/messages", json=body)
        third = await visitor.post(HELLO.encode(), XML_TYPE, to="patient", thread=thread)
    assert second.json() == {"thread": thread, "id": f"{thread}.2"}
    assert third.json() == {"thread": thread, "id": f"{thread}.3"}


async def test_hanging_up_on_a_further_message_leaves_the_conversation_alone() -> None:
    patient = Patient()
    async with running(patient.listener) as visitor:
        first = asyncio.create_task(visitor.tell("patient", wait=60))
        await patient.called.wait()
        thread = (await visitor.http.get("/v1/threads?listener=patient")).json()["threads"][0]["id"]
        body = {"payload": {"name": "Bob"}, "to": "patient", "thread": thread}
        arrived = asyncio.Event()
        visitor.organism.subscribe(lambda event: arrived.set())
        second = asyncio.create_task(
            visitor.http.post("/v1/messages", params={"wait": "60"}, json=body)
        )
        await arrived.wait()
        second.cancel()
        await asyncio.wait({second})
        patient.go.set()
        assert (await first).json()["payload"] == {"text": "At last, Ada!"}


@pytest.mark.parametrize(
    "bad", ['<Greeting xmlns=""><x/></Greeting>', '<Unknown xmlns=""/>', "no element"]
)
async def test_a_bad_further_message_is_the_problem_of_its_own_sender(bad: str) -> None:
    patient = Patient()
    async with running(patient.listener) as visitor:
        first = asyncio.create_task(visitor.tell("patient", wait=10))
        await patient.called.wait()
        thread = (await visitor.http.get("/v1/threads")).json()["threads"][0]["id"]
        refused = await visitor.post(envelope(bad, "patient", thread), XML_TYPE, wait="10")
        patient.go.set()
        answer = await first
    assert refused.status_code in (400, 422)
    assert refused.json()["message"] == f"{thread}.2"
    assert answer.json()["payload"] == {"text": "At last, Ada!"}


async def test_of_two_messages_at_once_only_the_bad_one_is_refused() -> None:
    patient = Patient()
    async with running(patient.listener) as visitor:
        desk = visitor.organism
        first = asyncio.create_task(visitor.tell("patient", wait=10))
        await patient.called.wait()
        thread = (await visitor.http.get("/v1/threads")).json()["threads"][0]["id"]
        bodies = (envelope(HELLO, "patient", thread), envelope("", "patient", thread))
        both = [asyncio.create_task(visitor.post(body, XML_TYPE)) for body in bodies]
        statuses = [(await each).status_code for each in both]
        patient.go.set()
        assert (await first).status_code == 200
        await desk.drain()
    assert statuses == [202, 400]


async def test_somebody_elses_thread_is_a_new_conversation() -> None:
    patient = Patient()
    async with running(patient.listener) as visitor:
        theirs = await visitor.organism.inject(envelope(HELLO, "patient"), sender="somebody")
        body = {"payload": {"name": "Bob"}, "to": "patient", "thread": theirs}
        said = (await visitor.http.post("/v1/messages", json=body)).json()
    assert said["thread"] != theirs
    assert said["id"].endswith(".1")


async def test_the_sender_is_whoever_has_the_token_whatever_was_written() -> None:
    async with running() as visitor:
        forged = envelope(HELLO, "greeter").replace(b"<from>me<", b"<from>system<")
        thread = (await visitor.post(forged, XML_TYPE)).json()["thread"]
        said = (await visitor.http.get(f"/v1/threads/{thread}/messages")).json()["messages"]
    assert said[0]["from_id"] == "http:operator"
    assert said[0]["notes"] == ["it said it came from 'system'"]


async def test_a_slow_body_is_read_as_it_comes() -> None:
    async def pieces() -> object:
        for byte in b'{"to": "greeter", "payload": {"name": "Ada"}}':
            yield bytes((byte,))

    async with running() as visitor:
        response = await visitor.http.post(
            "/v1/messages?wait=10",
            content=pieces(),  # type: ignore[arg-type]  # an async generator is what httpx takes
            headers=JSON,
        )
    assert response.json()["payload"] == {"text": "Hello, Ada!"}


async def test_many_clients_are_answered_side_by_side() -> None:
    async with running() as visitor:
        answers = await asyncio.gather(*(visitor.tell(wait=10) for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["thread"] for answer in answers}) == 100


async def test_two_servers_share_nothing() -> None:
    async with running() as one, running(*everybody()[:1]) as other:
        await one.tell(wait=10)
        threads = (await other.http.get("/v1/threads")).json()["threads"]
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as http:
            listeners = (await http.get(f"{other.address.url}/v1/listeners")).json()["listeners"]
    assert threads == []
    assert "host" not in [each["name"] for each in listeners]
