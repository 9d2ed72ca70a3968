"""An orchestrator divides what is too much for one, and passes on what is not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agents.parts import agent, calls, script
from tests.agents.test_agent import results
from xml_pipeline.agents.agent import accepted
from xml_pipeline.agents.orchestrator import Orchestrator
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.agents.routing import Worker, decide, score
from xml_pipeline.config import AgentKeys
from xml_pipeline.errors import HandlerFailed
from xml_pipeline.listener import HandlerResponse, Listener
from xml_pipeline.llm.base import Provider
from xml_pipeline.testing import Probe, memory_organism

TEAM = (Worker("ann", "Writes python code."), Worker("bob", "Researches the literature."))
TEAM_NAMES = ("ann", "bob")
ALWAYS: dict[str, Any] = {"orchestration": {"routing": "always"}}


def orchestrator(provider: Provider, peers: tuple[str, ...] = TEAM_NAMES, **keys: Any) -> Listener:
    handler = Orchestrator(provider, "scripted:test", AgentKeys(**keys))
    return Listener(
        "boss",
        accepted((Task,)),
        handler,
        description="Leads.",
        agent=True,
        peers=peers,
        output=Answer,
        prompt="You are the boss.",
    )


def delegated(*tasks: tuple[str, str]) -> Any:
    return calls(("delegate_task", {"tasks": [{"agent": a, "task": t} for a, t in tasks]}))


async def test_tasks_are_delegated_side_by_side_and_come_back_under_their_names() -> None:
    boss = script(delegated(("bob", "Read."), ("ann", "Write."), ("cid", "Sing.")), "All done.")
    team = (agent(script("Written."), name="ann"), agent(script("It was read."), name="bob"))
    async with memory_organism(orchestrator(boss, **ALWAYS), *team) as organism:
        answer = await organism.ask("boss", Task("Do it all."))
    [(_, content, is_error)] = results(boss.requests[1])
    assert content == (
        "=== Agent: bob ===\nIt was read.\n\n=== Agent: ann ===\nWritten.\n\n"
        "=== cid ===\nError: there is no agent 'cid'; there are: ann, bob"
    )
    assert not is_error
    assert answer.text == "All done."
    assert answer.spent.turns == 4
    assert "- ann: Is ann." in boss.requests[0].system


async def test_an_agent_that_fails_is_told_in_its_own_section() -> None:
    boss = script(delegated(("ann", "Write."), ("bob", "Read.")), "Half of it.")
    team = (agent(script(), name="ann"), agent(script("It was read."), name="bob"))
    async with memory_organism(orchestrator(boss, **ALWAYS), *team) as organism:
        await organism.ask("boss", Task("Do it all."))
    [(_, content, is_error)] = results(boss.requests[1])
    assert "=== Agent: bob ===\nIt was read." in content
    assert "could not handle" in content
    assert not is_error


@pytest.mark.virtual_clock
async def test_what_came_in_time_is_told_beside_what_did_not() -> None:
    boss = script(delegated(("ann", "Write."), ("bob", "Read.")), "Half of it.")
    slow = Probe("bob", Task, lambda *_: HandlerResponse.defer(within=99), output=Answer)
    leader = orchestrator(boss, tool_timeout=9, **ALWAYS)
    async with memory_organism(leader, agent(script("Written."), name="ann"), slow) as organism:
        await organism.ask("boss", Task("Do it all."))
    [(_, content, is_error)] = results(boss.requests[1])
    told = ["=== Agent: ann ===", "Written.", "", "=== Agent: bob ==="]
    assert content.splitlines() == [*told, "Error: Tool execution timed out after 9s"]
    assert not is_error


@pytest.mark.parametrize("tasks", [None, [], [{"agent": "ann"}], "all"])
async def test_a_delegation_of_nothing_is_an_error(tasks: Any) -> None:
    boss = script(calls(("delegate_task", {"tasks": tasks})), "Nothing.")
    async with memory_organism(
        orchestrator(boss, ("ann",), **ALWAYS), agent(script("x"), name="ann")
    ) as organism:
        await organism.ask("boss", Task("Do it."))
    [(_, content, is_error)] = results(boss.requests[1])
    assert is_error
    assert "tasks" in content


async def test_in_sequence_only_one_task_is_given_at_once() -> None:
    boss = script(delegated(("ann", "Write."), ("bob", "Read.")), "Sorry.")
    keys: dict[str, Any] = {"orchestration": {"routing": "always", "dispatch": "sequential"}}
    team = (agent(script("x"), name="ann"), agent(script("y"), name="bob"))
    async with memory_organism(orchestrator(boss, **keys), *team) as organism:
        await organism.ask("boss", Task("Do it."))
    [(_, content, is_error)] = results(boss.requests[1])
    assert is_error
    assert "one at a time" in content
    [function] = [each for each in boss.requests[0].functions if each.name == "delegate_task"]
    assert function.schema["properties"]["tasks"]["maxItems"] == 1


async def test_a_simple_task_goes_to_one_agent_and_no_model_is_asked() -> None:
    boss = script()
    team = (agent(script("Four."), name="ann"), agent(script(), name="bob"))
    async with memory_organism(orchestrator(boss), *team) as organism:
        assert (await organism.ask("boss", Task("What is two and two?"))).text == "Four."
    assert boss.requests == []


async def test_what_one_agent_fails_at_is_orchestrated() -> None:
    boss = script("I had to do it myself.")
    team = (agent(script(), name="ann"), agent(script(), name="bob"))
    async with memory_organism(orchestrator(boss), *team) as organism:
        answer = await organism.ask("boss", Task("What is two and two?"))
    assert answer.text == "I had to do it myself."


async def test_without_escalation_what_one_agent_fails_at_has_failed() -> None:
    keys: dict[str, Any] = {"orchestration": {"escalation": False}}
    team = (agent(script(), name="ann"), agent(script(), name="bob"))
    async with memory_organism(orchestrator(script(), **keys), *team) as organism:
        with pytest.raises(HandlerFailed):
            await organism.ask("boss", Task("What is two and two?"))


@pytest.mark.parametrize(
    ("task", "points"),
    [
        ("What is a monad?", 0.0),
        ("Implement a function", 0.0),
        ("Delegate this, please", 0.3),
        ("First, read it, then, write it, finally, send it", 0.25),
        ("1. read 2. write", 0.25),
        ("Let ann and bob do it", 0.4),
        ("Research the database and deploy the report", 0.2),
        (" ".join(["word"] * 101), 0.1),
        ("Let ann and bob collaborate: 1. search 2. sql 3. docker", 1.0),
        ("How do ann and bob work together?", 0.4),
        ("However it may be", 0.0),
        ("", 0.0),
    ],
)
def test_a_task_is_scored_by_its_words(task: str, points: float) -> None:
    assert score(task, TEAM) == pytest.approx(points)


@pytest.mark.parametrize(
    ("task", "agent_name"),
    [
        ("What is a monad?", "ann"),
        ("Let ann and bob say something", "ann"),
        ("Let ann and bob look into the literature", "bob"),
        ("Let ann and bob look at the css", None),
        ("Let ann and bob collaborate", None),
        ("", "ann"),
    ],
)
def test_whoever_covers_a_task_takes_it(task: str, agent_name: str | None) -> None:
    assert decide(task, TEAM).agent == agent_name


def test_one_agent_takes_everything_and_none_takes_nothing() -> None:
    assert decide("Let ann and bob collaborate: 1. a 2. b", TEAM[:1]).agent == "ann"
    assert decide("What is it?", ()).agent is None
