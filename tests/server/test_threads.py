"""Routes of threads, and the history behind them."""

from __future__ import annotations

import asyncio

import pytest

from tests.server.house import Farewell, Greeted, Greeting, Patient, listener, running
from xml_pipeline.events import Event, Events, FaultEvent, MessageSent, ThreadEvent
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.registries.threads import Threads
from xml_pipeline.server import Bounds
from xml_pipeline.server.history import History
from xml_pipeline.thread import ThreadStatus


async def forward(payload: Farewell | Greeted, metadata: HandlerMetadata) -> HandlerResponse:
    if isinstance(payload, Greeted):
        return HandlerResponse.respond(payload)
    return HandlerResponse(Greeting(payload.name), to="patient")


def forwarder() -> Listener:
    return Listener(
        "forwarder", (Farewell, Greeted), forward, description="Asks.", peers=("patient",)
    )


async def test_an_open_thread_is_shown_with_its_way_and_its_children() -> None:
    patient = Patient()
    async with running(patient.listener, forwarder()) as visitor:
        body = {"to": "forwarder", "payload": {"Farewell": {"name": "Ada"}}}
        root = (await visitor.http.post("/v1/messages", json=body)).json()["thread"]
        await patient.called.wait()
        listed = (await visitor.http.get("/v1/threads?status=open")).json()["threads"]
        shown = (await visitor.http.get(f"/v1/threads/{root}")).json()
        child = (await visitor.http.get(f"/v1/threads/{shown['children'][0]}")).json()
        patient.go.set()
        await visitor.organism.drain()
        after = (await visitor.http.get(f"/v1/threads/{root}")).json()
    assert [each["callee"] for each in listed] == ["patient", "forwarder"]
    assert (shown["status"], shown["path"]) == ("active", ["http:operator", "forwarder"])
    assert (child["parent"], child["conversation"]) == (root, root)
    assert child["path"] == ["http:operator", "forwarder", "patient"]
    assert (after["status"], "path" in after) == ("completed", False)
    assert after["opened"] <= after["changed"]


async def test_the_messages_of_a_conversation_are_told_in_order() -> None:
    patient = Patient()
    patient.go.set()
    async with running(patient.listener, forwarder()) as visitor:
        body = {"to": "forwarder", "payload": {"Farewell": {"name": "Ada"}}}
        answer = await visitor.http.post("/v1/messages?wait=10", json=body)
        root = answer.json()["thread"]
        said = (await visitor.http.get(f"/v1/threads/{root}/messages")).json()["messages"]
        threads = (await visitor.http.get("/v1/threads?listener=patient")).json()["threads"]
        below = (await visitor.http.get(f"/v1/threads/{threads[0]['id']}/messages")).json()
    assert [(each["from_id"], each["to_id"]) for each in said] == [
        ("http:operator", "forwarder"),
        ("forwarder", "patient"),
        ("patient", "forwarder"),
        ("forwarder", "http:operator"),
    ]
    assert said[0]["payload"] == "<Farewell><name>Ada</name></Farewell>"
    assert [each["payload_type"] for each in below["messages"]] == ["Greeting"]


async def test_a_fault_is_told_without_its_details() -> None:
    async with running() as visitor:
        thread = (await visitor.tell("broken", wait=10)).json()["thread"]
        said = (await visitor.http.get(f"/v1/threads/{thread}/messages")).json()["messages"]
        shown = (await visitor.http.get(f"/v1/threads/{thread}")).json()
    assert [each["event"] for each in said] == ["MessageSent", "FaultEvent"]
    assert said[1]["code"] == "handler"
    assert "detail" not in said[1]
    assert shown["status"] == "error"


async def test_a_thread_can_be_killed() -> None:
    patient = Patient()
    async with running(patient.listener) as visitor:
        waiting = asyncio.create_task(visitor.tell("patient", wait=60))
        await patient.called.wait()
        thread = (await visitor.http.get("/v1/threads")).json()["threads"][0]["id"]
        killed = await visitor.http.delete(f"/v1/threads/{thread}")
        again = await visitor.http.delete(f"/v1/threads/{thread}")
        answer = await waiting
        shown = (await visitor.http.get(f"/v1/threads/{thread}")).json()
    assert (killed.status_code, again.status_code) == (204, 404)
    assert (answer.status_code, answer.json()["code"]) == (422, "handler")
    assert shown["status"] == "killed"
    assert patient.stopped.is_set()


@pytest.mark.parametrize("path", ["nothing", "nothing/messages", "%3Cx%3E", "a%00b"])
async def test_a_thread_that_is_not_known_reads_the_same_everywhere(path: str) -> None:
    async with running() as visitor:
        response = await visitor.http.get(f"/v1/threads/{path}")
    assert (response.status_code, response.json()["detail"]) == (404, "There is no such thread.")


async def test_threads_are_listed_by_status_listener_and_number() -> None:
    async with running() as visitor:
        for to in ("greeter", "greeter", "broken"):
            await visitor.tell(to, wait=10)
        bad = await visitor.http.get("/v1/threads?status=error")
        of_greeter = await visitor.http.get("/v1/threads?listener=greeter")
        one = await visitor.http.get("/v1/threads?limit=1")
        none = await visitor.http.get("/v1/threads?status=open")
    assert [each["callee"] for each in bad.json()["threads"]] == ["broken"]
    assert len(of_greeter.json()["threads"]) == 2
    assert [each["callee"] for each in one.json()["threads"]] == ["broken"]
    assert none.json()["threads"] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=-1", "status=odd"])
async def test_a_bad_filter_is_told_so(query: str) -> None:
    async with running() as visitor:
        assert (await visitor.http.get(f"/v1/threads?{query}")).status_code == 400


async def test_threads_opened_before_the_server_are_shown_too() -> None:
    patient = Patient()
    async with running(patient.listener) as visitor:
        before = visitor.organism.kernel.threads.root("somebody", "patient")
        child = visitor.organism.kernel.threads.child(before, "patient", "other", 1)
        past = history(visitor.organism.kernel.threads)
        records = {each.id: each for each in past.threads()}
        found = past.thread(before.id)
    assert records[child.id].parent == before.id
    assert found is not None
    assert past.said(found) == []


def history(threads: Threads | None = None, **bounds: int) -> History:
    most = {"conversations": 3, "messages": 4, "history_bytes": 1_000} | bounds
    return History(threads or Threads(Events()), **most)


def opened(thread: str, home: str, status: ThreadStatus = "created") -> Event:
    return ThreadEvent(thread, home, status, "caller", "callee")


def sent(thread: str, home: str, size: int = 10) -> Event:
    return MessageSent(thread, home, f"{home}.1", "a", "b", "Greeting", Greeting("x"), (), size)


def test_only_the_last_conversations_are_remembered() -> None:
    past = history()
    for number in range(5):
        past.hear(opened(f"t{number}", f"t{number}"))
    assert [each.id for each in past.threads()] == ["t4", "t3", "t2"]
    assert past.thread("t1") is None


def test_only_the_last_messages_of_a_conversation_are_remembered() -> None:
    past = history()
    past.hear(opened("t", "t"))
    for size in range(6):
        past.hear(sent("t", "t", size))
    record = past.thread("t")
    assert record is not None
    assert [each.event.size for each in past.said(record)] == [2, 3, 4, 5]  # type: ignore[union-attr]


def test_of_many_threads_the_root_stays() -> None:
    past = history()
    past.hear(opened("t", "t"))
    for number in range(6):
        past.hear(opened(f"c{number}", "t"))
    assert [each.id for each in past.threads()] == ["c5", "c4", "c3", "t"]
    assert past.thread("c0") is None


def test_bytes_push_out_the_oldest_conversations_and_then_the_oldest_messages() -> None:
    past = history()
    for home in "abc":
        past.hear(opened(home, home))
        past.hear(sent(home, home, 400))
    assert past.thread("a") is None
    assert past.thread("b") is not None
    past.hear(sent("c", "c", 900))
    assert past.thread("b") is None
    record = past.thread("c")
    assert record is not None
    assert [each.event.size for each in past.said(record)] == [900]  # type: ignore[union-attr]
    past.hear(sent("c", "c", 2_000))
    assert past.said(record) == []


def test_a_fault_of_no_conversation_is_nobodys_history() -> None:
    past = history()
    past.hear(FaultEvent("f", "validation", "", "", "http", "", "detail"))
    assert list(past.threads()) == []


def test_a_change_of_status_is_a_change_of_the_same_record() -> None:
    past = history()
    past.hear(opened("t", "t"))
    past.hear(opened("t", "t", "completed"))
    record = past.thread("t")
    assert record is not None
    assert record.status == "completed"


async def test_the_history_of_a_server_is_as_long_as_it_was_told() -> None:
    async with running(listener("greeter"), bounds=Bounds(conversations=2)) as visitor:
        threads = [(await visitor.tell(wait=10)).json()["thread"] for _ in range(3)]
        statuses = [
            (await visitor.http.get(f"/v1/threads/{thread}")).status_code for thread in threads
        ]
    assert statuses == [404, 200, 200]
