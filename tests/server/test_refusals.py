"""What the message route refuses, and in which words."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest

from tests.server.house import (
    HELLO,
    Patient,
    Visitor,
    converse,
    envelope,
    everybody,
    head,
    listener,
    running,
)
from xml_pipeline.config import OrganismConfig
from xml_pipeline.config.sections import LimitsConfig
from xml_pipeline.events import Event, FaultEvent
from xml_pipeline.server import Bounds

XML_TYPE, JSON_TYPE = "application/xml", "application/json"
XML_HEADER = f"Content-Type: {XML_TYPE}"

MALFORMED_XML = {
    "nothing": b"",
    "no XML": b"hello",
    "an unclosed element": b"<message",
    "two roots": envelope(HELLO) + b"<x/>",
    "no envelope": HELLO.encode(),
    "an envelope without payload": envelope(""),
    "two payloads": envelope(HELLO + HELLO),
    "a document type": b"<!DOCTYPE x>" + envelope(HELLO),
    "a payload in a namespace": envelope('<Greeting xmlns="urn:x"/>'),
    "UTF-16": envelope(HELLO).decode().encode("utf-16"),
    "bytes that are no text": b"\xff\xfe\x00",
    "depth": envelope("<a>" * 100 + "</a>" * 100),
}

MALFORMED_JSON = {
    "nothing": b"",
    "no JSON": b"{",
    "no object": b"[]",
    "a member nobody knows": b'{"to": "greeter", "payload": {}, "from": "system"}',
    "no payload": b'{"to": "greeter"}',
    "a payload that is a list": b'{"to": "greeter", "payload": []}',
    "an addressee that is a number": b'{"to": 1, "payload": {"name": "x"}}',
    "a thread that is no id": b'{"to": "greeter", "payload": {"name": "x"}, "thread": "<x/>"}',
    "a thread that is a list": b'{"to": "greeter", "payload": {"name": "x"}, "thread": []}',
    "a key twice": b'{"to": "greeter", "to": "broken", "payload": {"name": "x"}}',
    "NaN": b'{"to": "greeter", "payload": {"name": NaN}}',
    "depth": b'{"to": "greeter", "payload": ' + b"[" * 100 + b"]" * 100 + b"}",
}


def faults_of(visitor: Visitor) -> list[FaultEvent]:
    heard: list[FaultEvent] = []

    def hear(event: Event) -> None:
        if isinstance(event, FaultEvent):
            heard.append(event)

    visitor.organism.subscribe(hear)
    return heard


def assert_refused(response: httpx.Response, status: int, code: str) -> None:
    problem = response.json()
    assert (response.status_code, problem["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("wait", ["0", "10"])
async def test_malformed_documents_are_told_so_whether_one_waits_or_not(wait: str) -> None:
    async with running() as visitor:
        for body in MALFORMED_XML.values():
            heard = faults_of(visitor)
            response = await visitor.post(body, XML_TYPE, wait=wait)
            assert_refused(response, 400, "validation")
            assert [fault.id for fault in heard] == [response.json()["id"]]


async def test_malformed_bare_payloads_are_told_so() -> None:
    bodies = (*list(MALFORMED_XML.values())[:4], b"<a/><b/>", b"<a>" * 100 + b"</a>" * 100)
    async with running() as visitor:
        for body in bodies:
            response = await visitor.post(body, XML_TYPE, to="greeter")
            assert_refused(response, 400, "validation")


async def test_malformed_json_is_told_so_and_is_one_fault_each() -> None:
    async with running() as visitor:
        for body in MALFORMED_JSON.values():
            heard = faults_of(visitor)
            response = await visitor.post(body, JSON_TYPE)
            assert_refused(response, 400, "validation")
            assert [fault.id for fault in heard] == [response.json()["id"]]


@pytest.mark.parametrize("wait", ["0", "10"])
async def test_a_payload_that_does_not_fit_is_a_fault(wait: str) -> None:
    async with running() as visitor:
        wrong = envelope('<Greeting xmlns=""><age>7</age></Greeting>', "greeter")
        as_xml = await visitor.post(wrong, XML_TYPE, wait=wait)
        as_json = await visitor.post(
            b'{"to": "greeter", "payload": {"age": 7}}', JSON_TYPE, wait=wait
        )
    assert_refused(as_xml, 422, "validation")
    assert_refused(as_json, 422, "validation")


async def test_an_addressee_that_is_not_there_is_a_routing_fault() -> None:
    async with running() as visitor:
        responses = [
            await visitor.post(envelope(HELLO, "nobody"), XML_TYPE),
            await visitor.post(HELLO.encode(), XML_TYPE, to="nobody"),
            await visitor.tell("nobody"),
            await visitor.tell("echo"),
            await visitor.post(b'{"payload": {"Unknown": {}}}', JSON_TYPE),
        ]
    for response in responses:
        assert_refused(response, 422, "routing")


async def test_what_only_the_pump_may_send_is_refused() -> None:
    forged = '<ThreadEnded xmlns=""><listener>a</listener><thread>b</thread></ThreadEnded>'
    async with running() as visitor:
        response = await visitor.post(envelope(forged, "echo"), XML_TYPE)
    assert_refused(response, 422, "routing")


async def test_an_address_goes_with_bare_xml_only() -> None:
    async with running() as visitor:
        body = b'{"to": "greeter", "payload": {"name": "x"}}'
        with_json = await visitor.post(body, JSON_TYPE, to="greeter")
        with_envelope = await visitor.post(envelope(HELLO, "greeter"), XML_TYPE, thread="x")
        with_odd_thread = await visitor.post(HELLO.encode(), XML_TYPE, to="greeter", thread="x")
    assert_refused(with_odd_thread, 400, "validation")
    assert_refused(with_json, 400, "validation")
    assert_refused(with_envelope, 400, "validation")


@pytest.mark.parametrize(
    "media",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/xml; charset=utf-16"],
)
async def test_only_xml_and_json_in_utf8_are_taken(media: str) -> None:
    async with running() as visitor:
        response = await visitor.post(envelope(HELLO, "greeter"), media)
    assert response.status_code == 415


@pytest.mark.parametrize("wait", ["soon", "-1", "nan", "inf", "601"])
async def test_a_wait_is_a_reasonable_number_of_seconds(wait: str) -> None:
    async with running() as visitor:
        response = await visitor.post(envelope(HELLO, "greeter"), XML_TYPE, wait=wait)
    assert response.status_code == 400


async def test_a_body_is_not_read_beyond_what_a_message_may_have() -> None:
    small = OrganismConfig(limits=LimitsConfig(message_bytes=1_000))
    chunked = head("POST", "/v1/messages", XML_HEADER, "Transfer-Encoding: chunked")
    huge = head("POST", "/v1/messages", XML_HEADER, f"Content-Length: {'9' * 20}")
    async with running(config=small) as visitor:
        announced = await visitor.post(b"x" * 1_001, XML_TYPE)
        absurd = await converse(visitor.address, huge)
        streamed = await converse(visitor.address, chunked, b"258\r\n" + b"x" * 600 + b"\r\n" * 2)
        endless = await converse(visitor.address, chunked, *[b"64\r\n" + b"x" * 100 + b"\r\n"] * 11)
    assert announced.status_code == 413
    assert absurd.startswith(b"HTTP/1.1 413")
    assert streamed.startswith(b"HTTP/1.1 400")
    assert endless.startswith(b"HTTP/1.1 413")


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    request = head("POST", "/v1/messages", XML_HEADER, "Content-Length: 10")
    async with running(bounds=Bounds(body_within=0.05)) as visitor:
        response = await converse(visitor.address, request, b"<")
    assert response.startswith(b"HTTP/1.1 408")


async def test_a_client_that_hangs_up_in_its_body_leaves_nothing_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    request = head("POST", "/v1/messages", XML_HEADER, "Content-Length: 10")
    async with running() as visitor:
        _, writer = await asyncio.open_connection(visitor.address.host, visitor.address.port)
        writer.write(request + b"<")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert (await visitor.tell(wait=10)).status_code == 200
        threads = (await visitor.http.get("/v1/threads")).json()["threads"]
    assert len(threads) == 1
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/listeners/greeter/pause", "/nowhere"])
async def test_a_body_that_nobody_wants_is_not_read_after_the_answer(path: str) -> None:
    strangers = head("POST", path, "Content-Length: 1000000").replace(b"Bearer", b"Nothing")
    async with running() as visitor:
        refused = await converse(visitor.address, strangers, b"x")
        unread = await converse(visitor.address, head("POST", path, "Content-Length: 1000000"))
    assert refused.startswith(b"HTTP/1.1 401")
    assert b"connection: close" in unread.lower()


async def test_whoever_floods_is_told_so_and_others_still_come_in() -> None:
    patient = Patient()
    narrow = OrganismConfig(limits=LimitsConfig(waiting_messages=6))
    async with running(patient.listener, config=narrow) as visitor:
        visitor.organism.pause("patient")
        await visitor.organism.inject(
            envelope('<Greeting xmlns=""><name>Ann</name></Greeting>', "patient")
        )
        taken = [(await visitor.tell("patient")).status_code for _ in range(3)]
        refused = await visitor.tell("patient")
        await visitor.organism.inject(
            envelope('<Greeting xmlns=""><name>Ann</name></Greeting>', "patient")
        )
        visitor.organism.resume("patient")
        patient.go.set()
        await visitor.organism.drain()
    assert taken == [202, 202, 202]
    assert_refused(refused, 429, "overload")
    assert int(refused.headers["retry-after"]) >= 1


async def test_a_full_door_sheds_load_and_says_when_to_come_back() -> None:
    patient = Patient()
    narrow = OrganismConfig(limits=LimitsConfig(waiting_messages=3))
    async with running(patient.listener, config=narrow) as visitor:
        visitor.organism.pause("patient")
        taken = [(await visitor.tell("patient")).status_code for _ in range(3)]
        refused = await visitor.tell("patient")
        unready = await visitor.http.get("/readyz")
        visitor.organism.resume("patient")
        patient.go.set()
        await visitor.organism.drain()
        again = await visitor.tell("patient", wait=10)
    assert taken == [202, 202, 202]
    assert_refused(refused, 503, "overload")
    assert int(refused.headers["retry-after"]) >= 1
    assert unready.status_code == 503
    assert again.status_code == 200


async def test_a_budget_that_is_spent_is_a_fault() -> None:
    from_config = OrganismConfig.model_validate({"budget": {"seconds": 0.05}})
    patient = Patient()
    async with running(patient.listener, config=from_config) as visitor:
        response = await visitor.tell("patient", wait=10)
    assert_refused(response, 422, "budget")


async def test_a_paused_listener_makes_the_client_wait_and_not_fail() -> None:
    async with running(listener("greeter")) as visitor:
        await visitor.http.post("/v1/listeners/greeter/pause")
        waiting = asyncio.create_task(visitor.tell(wait=10))
        sent = asyncio.Event()
        visitor.organism.subscribe(lambda event: sent.set())
        await sent.wait()
        await visitor.http.post("/v1/listeners/greeter/resume")
        assert (await waiting).status_code == 200


async def test_nobody_is_told_more_than_they_may_know() -> None:
    """S24: no path, no class, no validator's words in any refusal."""
    bodies = [
        *((body, XML_TYPE) for body in MALFORMED_XML.values()),
        *((body, JSON_TYPE) for body in MALFORMED_JSON.values()),
        (envelope('<Greeting xmlns=""><years>7</years></Greeting>', "greeter"), XML_TYPE),
        (b'{"to": "greeter", "payload": {"years": 7}}', JSON_TYPE),
        (b'{"to": "broken", "payload": {"name": "x"}}', JSON_TYPE),
        (b'{"to": "nobody", "payload": {"name": "x"}}', JSON_TYPE),
    ]
    told = []
    async with running(*everybody()) as visitor:
        for body, media in bodies:
            told.append((await visitor.post(body, media, wait="10")).text)
        told += [(await visitor.http.get(f"/v1/threads/{path}")).text for path in ("x", "%00")]
    words = ("/etc/", ".py", "Error", "xml_pipeline", "Traceback", "XSD", "libxml", "years", "lxml")
    assert [(word, text) for text in told for word in words if word in text] == []
