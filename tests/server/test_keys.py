"""Idempotency keys: over HTTP, and the table behind them."""

from __future__ import annotations

import asyncio

import pytest

from tests.server.house import HELLO, Greeting, Patient, envelope, running
from xml_pipeline.config import OrganismConfig
from xml_pipeline.events import Events
from xml_pipeline.registries.threads import Threads
from xml_pipeline.server import Bounds
from xml_pipeline.server.exchange import Exchange
from xml_pipeline.server.keys import Keys
from xml_pipeline.server.problems import Problem


async def test_the_same_request_twice_is_one_message_and_one_answer() -> None:
    async with running() as visitor:
        first = await visitor.tell(wait=10, Idempotency_Key="k1")
        again = await visitor.tell(wait=10, Idempotency_Key="k1")
        other = await visitor.tell(wait=10, Idempotency_Key="k2")
    assert first.content == again.content
    assert first.json()["thread"] != other.json()["thread"]


async def test_requests_at_the_same_time_join_one_message() -> None:
    patient = Patient()
    async with running(patient.listener) as visitor:
        calls = (visitor.tell("patient", wait=10, Idempotency_Key="k") for _ in range(5))
        waiting = [asyncio.create_task(call) for call in calls]
        await patient.called.wait()
        patient.go.set()
        answers = [(await each).content for each in waiting]
    assert len(set(answers)) == 1
    assert patient.calls == 1


async def test_a_fault_is_the_same_fault_when_asked_again() -> None:
    async with running() as visitor:
        first = await visitor.tell("broken", wait=10, Idempotency_Key="k")
        again = await visitor.tell("broken", wait=10, Idempotency_Key="k")
        body, headers = (
            envelope("", "greeter"),
            {"Content-Type": "text/xml", "Idempotency-Key": "x"},
        )
        bad = [await visitor.http.post("/v1/messages", content=body, headers=headers) for _ in "ab"]
    assert first.json() == again.json()
    assert first.status_code == again.status_code == 422
    assert bad[0].json() == bad[1].json()
    assert bad[0].status_code == bad[1].status_code == 400


async def test_another_request_under_the_same_key_is_refused() -> None:
    async with running() as visitor:
        await visitor.tell("greeter", Idempotency_Key="k")
        refused = await visitor.tell("silent", Idempotency_Key="k")
        headers = {"Idempotency-Key": "k", "Content-Type": "application/xml"}
        as_xml = await visitor.http.post(
            "/v1/messages?to=greeter", content=HELLO.encode(), headers=headers
        )
    assert refused.status_code == as_xml.status_code == 422


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "\x7f"])
async def test_a_key_is_visible_text_of_a_fair_length(key: str) -> None:
    async with running() as visitor:
        assert (await visitor.tell(Idempotency_Key=key)).status_code == 400


async def test_what_was_shed_may_be_tried_again_under_the_same_key() -> None:
    patient = Patient()
    narrow = OrganismConfig.model_validate({"limits": {"waiting_messages": 1}})
    async with running(patient.listener, config=narrow) as visitor:
        visitor.organism.pause("patient")
        await visitor.tell("patient")
        shed = await visitor.tell("patient", Idempotency_Key="k")
        visitor.organism.resume("patient")
        await patient.called.wait()
        taken = await visitor.tell("patient", Idempotency_Key="k")
    assert (shed.status_code, taken.status_code) == (503, 202)


async def test_the_server_forgets_the_oldest_keys() -> None:
    async with running(bounds=Bounds(keys=2)) as visitor:
        threads = [(await visitor.tell(Idempotency_Key=key)).json()["thread"] for key in "abca"]
    assert threads[0] != threads[3]


class Clock:
    """Seconds that pass when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def exchange(threads: Threads) -> Exchange:
    thread = threads.root("somebody")
    return Exchange(thread, f"{thread.id}.1")


@pytest.fixture
def threads() -> Threads:
    return Threads(Events())


async def test_a_key_is_forgotten_when_its_time_is_up(threads: Threads) -> None:
    clock = Clock()
    keys = Keys(10, 1_000, 60.0, clock)
    one = exchange(threads)
    keys.remember("k", b"f", one)
    clock.now = 59.9
    assert keys.find("k", b"f") is one
    clock.now = 60.0
    assert keys.find("k", b"f") is None
    assert len(keys) == 0


async def test_a_different_fingerprint_is_a_problem(threads: Threads) -> None:
    keys = Keys(10, 1_000, 60.0, Clock())
    keys.remember("k", b"f", exchange(threads))
    with pytest.raises(Problem, match="another request"):
        keys.find("k", b"g")


async def test_answers_count_in_bytes_and_the_oldest_go_first() -> None:
    async with running() as visitor:
        size = (await visitor.organism.ask_for_delivery("greeter", Greeting("Ada"))).size
    bounds = Bounds(key_bytes=2 * size + 100)
    async with running(bounds=bounds) as visitor:
        first = [(await visitor.tell(wait=10, Idempotency_Key=key)).json() for key in "abc"]
        kept = (await visitor.tell(wait=10, Idempotency_Key="c")).json()
        gone = (await visitor.tell(wait=10, Idempotency_Key="a")).json()
    assert kept == first[2]
    assert gone["thread"] != first[0]["thread"]
