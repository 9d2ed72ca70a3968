"""A call or a question that waits on one node is listed, and decided on or answered, at any."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from math import inf
from typing import Any

import httpx
import pytest

from tests.approvals.parts import Job, Person, agent, rule, shell
from tests.faults.test_taken_over import until
from tests.faults.together import Together, Town
from tests.faults.two_nodes import half_each, visiting
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.tools.question import AskPeople, Choice, PeopleAnswered, Question

pytestmark = pytest.mark.virtual_clock

APPROVALS = "/v1/approvals"


@dataclass(frozen=True, slots=True)
class Node:
    organism: Organism
    store: Together
    http: httpx.AsyncClient
    person: Person

    async def waiting(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.http.get(APPROVALS)).json()["approvals"]
        return found

    async def decides(self, id: str, decision: str, **more: object) -> httpx.Response:
        return await self.http.post(f"{APPROVALS}/{id}", json={"decision": decision, **more})


def people() -> Listener:
    """Return the tool that asks people."""

    async def wait(_: AskPeople, __: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.defer(within=600.0)

    about = "Asks people."
    return Listener("question", AskPeople, wait, output=PeopleAnswered, description=about)


@asynccontextmanager
async def living_in(town: Town) -> AsyncIterator[Node]:
    store, house = Together(town), (agent(rule("ask")).listener, shell().listener, people())
    async with Organism(house, backend=store) as organism, visiting(organism) as http:
        with organism.approvals.attend():
            yield Node(organism, store, http, Person(organism))


def two_nodes() -> AbstractAsyncContextManager[tuple[Node, Node]]:
    """Let two nodes share a town, half of it each."""
    return half_each(living_in)


async def test_a_call_is_listed_at_every_node_and_decided_at_any() -> None:
    async with two_nodes() as (one, other):
        asking = [asyncio.ensure_future(n.organism.ask("agent", Job("ls"))) for n in (one, other)]
        calls = [await each.person.asked() for each in (one, other)]
        assert await one.waiting() == await other.waiting()
        assert sorted(each["id"] for each in await one.waiting()) == sorted(c.id for c in calls)
        decided = await other.decides(calls[0].id, "allow")
        assert decided.json()["payload"] == calls[0].payload
        denied = await one.decides(calls[1].id, "deny", reason="not at night")
        assert [decided.status_code, denied.status_code] == [200, 200]
        answers = [(await each).text for each in asking]
        assert answers == ["ran ls", "Denied: not at night again=False"]
        assert one.person.decisions == [(True, "http:operator")]
        assert other.person.decisions == [(False, "http:operator")]


async def test_a_decision_counts_once_wherever_it_is_taken() -> None:
    async with two_nodes() as (one, other):
        asking = asyncio.ensure_future(one.organism.ask("agent", Job("ls")))
        call = await one.person.asked()
        both = await asyncio.gather(*(each.decides(call.id, "allow") for each in (one, other)))
        assert sorted(each.status_code for each in both) == [200, 404]
        assert (await asking).text == "ran ls"
        assert one.person.decisions == [(True, "http:operator")]


async def test_what_is_wrong_with_a_decision_is_told_at_the_other_node_too() -> None:
    async with two_nodes() as (one, other):
        asking = asyncio.ensure_future(one.organism.ask("agent", Job("ls")))
        call = await one.person.asked()
        wrong: list[dict[str, Any]] = [{"arguments": ["comand"]}, {"reason": "\u0000"}]
        told = [await other.decides(call.id, "always_allow", **each) for each in wrong]
        assert [each.status_code for each in told] == [400, 400]
        always = await other.decides(call.id, "always_allow", arguments=[])
        assert always.status_code == 200
        assert (await asking).text == "ran ls"
        assert (await one.organism.ask("agent", Job("rm"))).text == "ran rm"


async def test_a_question_is_listed_at_every_node_and_answered_at_any() -> None:
    choices = (Choice("red"), Choice("blue"))
    asked = AskPeople((Question("Which?", choices), Question("And then?", choices)))
    async with two_nodes() as (one, other):
        asking = asyncio.ensure_future(one.organism.ask("question", asked))
        await until(lambda: any(each.owed is not None for each in one.organism.kernel.threads))
        shown = [(await each.http.get("/v1/questions")).json() for each in (one, other)]
        assert shown[0] == shown[1]
        [question] = shown[1]["questions"]
        assert question["questions"][0]["question"] == "Which?"
        at = f"/v1/questions/{question['id']}"
        few = await other.http.post(at, json={"answers": ["blue"]})
        done = await other.http.post(at, json={"answers": ["blue", "red"]})
        again = await other.http.post(at, json={"answers": ["blue", "red"]})
        assert [each.status_code for each in (few, done, again)] == [400, 200, 404]
        assert (await asking).answers == ("blue", "red")


async def test_a_node_that_does_not_answer_is_named_and_holds_up_nobody() -> None:
    async with two_nodes() as (one, other):
        await one.organism.send("agent", Job("ls"))
        call = await one.person.asked()
        town = one.store.town
        town.living["ghost"] = (town.living[other.store.node][0], inf)
        await until(lambda: len(one.organism.nodes) == 3)
        shown = (await one.http.get(APPROVALS)).json()
        assert [each["id"] for each in shown["approvals"]] == [call.id]
        assert shown["unheard"] == ["ghost"]
        asked = (await one.http.get("/v1/questions")).json()
        assert asked == {"questions": [], "unheard": ["ghost"]}
