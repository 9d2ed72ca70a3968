"""What agents tell those who watch: of agents below them, and of what everything took."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.agents.parts import Found, agent, calls, finder, script
from xml_pipeline.agents.agent import accepted
from xml_pipeline.agents.orchestrator import Orchestrator
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.config import AgentKeys
from xml_pipeline.errors import HandlerFailed
from xml_pipeline.events import AgentEvent, AgentStep, Event, ThreadEvent
from xml_pipeline.listener import Listener
from xml_pipeline.llm.base import Request
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.organism import Organism
from xml_pipeline.testing import memory_organism, respond


def told(organism: Organism) -> Callable[[AgentStep], list[AgentEvent]]:
    """Watch an organism; returns what gives the events of one step so far."""
    seen: list[Event] = []
    organism.subscribe(seen.append)
    return lambda step: [e for e in seen if isinstance(e, AgentEvent) and e.step == step]


def boss(provider: Any, *peers: str, **keys: Any) -> Listener:
    """Return an orchestrator."""
    handler = Orchestrator(provider, "scripted:test", AgentKeys(**keys), Answer)
    about: dict[str, Any] = {"agent": True, "peers": peers, "output": Answer}
    return Listener("boss", accepted((Task,)), handler, description="Leads.", **about)


async def test_agents_that_are_called_and_what_they_took_are_told_of_and_tools_are_not() -> None:
    wanted = calls(("ben", {"text": "Think."}), ("finder", {"word": "ox"}))
    ada = agent(script(wanted, "Done."), peers=("ben", "finder"))
    ben = agent(script("Thought."), name="ben")
    async with memory_organism(ada, ben, finder()) as organism:
        of = told(organism)
        await organism.ask("ada", Task("Go."))
    [dispatched], [completed] = of("sub_agents_dispatched"), of("sub_agent_completed")
    assert (dispatched.agent, dispatched.about["agents"]) == ("ada", ["ben"])
    assert (completed.agent, completed.about["agent"]) == ("ada", "ben")
    assert completed.about["call"] == "c0"
    assert completed.about["success"] is True
    assert completed.about["turns"] == 1
    assert completed.about["output_tokens"] > 0


async def test_each_delegated_task_is_told_of_and_one_that_fails_is_no_success() -> None:
    def fail(_: Request) -> Any:
        raise ProviderError("auth", "no key")

    tasks = [{"agent": name, "task": "Go."} for name in ("ben", "cal", "nobody")]
    lead = boss(
        script(calls(("delegate_task", {"tasks": tasks})), "Done."),
        "ben",
        "cal",
        orchestration={"routing": "always"},
    )
    ben, cal = agent(script("Well."), name="ben"), agent(script(fail), name="cal")
    async with memory_organism(lead, ben, cal) as organism:
        of = told(organism)
        await organism.ask("boss", Task("Go."))
    [dispatched] = of("sub_agents_dispatched")
    assert dispatched.about["agents"] == ["ben", "cal"]
    ended = {e.about["agent"]: e.about["success"] for e in of("sub_agent_completed")}
    assert ended == {"ben": True, "cal": False}


async def test_a_task_that_is_given_on_whole_is_told_of_as_an_agent_at_work() -> None:
    ben = agent(script("Well."), name="ben")
    lead = boss(script("Never asked."), "ben", orchestration={"routing": "single"})
    async with memory_organism(lead, ben) as organism:
        of = told(organism)
        await organism.ask("boss", Task("Go."))
    assert [e.about["agents"] for e in of("sub_agents_dispatched")] == [["ben"]]
    assert [e.about["success"] for e in of("sub_agent_completed")] == [True]


async def test_an_agent_that_is_not_waited_for_any_longer_has_not_succeeded() -> None:
    ben = agent(script(calls(("finder", {"word": "ox"}))), name="ben", peers=("finder",))
    ada = agent(script(calls(("ben", {"text": "Go."})), "Late."), peers=("ben",), tool_timeout=0.05)

    async def hang(_: Any) -> Any:
        await organism.ended()

    async with memory_organism(ada, ben, finder(hang)) as organism:
        of = told(organism)
        await organism.ask("ada", Task("Go."))
    assert [e.about["success"] for e in of("sub_agent_completed")] == [False]


async def test_a_run_that_fails_tells_whether_it_was_the_model_and_why() -> None:
    def fail(_: Request) -> Any:
        raise ProviderError("rate_limit", "slow down")

    async with memory_organism(agent(script(fail))) as organism:
        of = told(organism)
        with pytest.raises(HandlerFailed):
            await organism.ask("ada", Task("Go."))
    [failed] = of("run_failed")
    assert (failed.about["code"], failed.about["reason"]) == ("handler", "rate_limit")


async def test_what_is_asked_beside_the_turns_is_told_with_what_it_took() -> None:
    def say(request: Request) -> Any:
        return "Short." if not request.functions else next(lines)

    lines = iter((calls(("finder", {"word": "ox"})), "Done."))
    long = finder(lambda _: respond(Found("word " * 400)))
    ada = agent(script(say), peers=("finder",), compress_over=100)
    async with memory_organism(ada, long) as organism:
        of = told(organism)
        answer = await organism.ask("ada", Task("Look."))
    responses = of("llm_response")
    assert [e.about["beside"] for e in responses] == [False, True, False]
    spent = answer.spent
    assert sum(e.about["input_tokens"] for e in responses) == spent.input_tokens
    assert sum(e.about["output_tokens"] for e in responses) == spent.output_tokens
    assert {e.about["asked"] for e in responses} == {"scripted:test"}


async def test_a_thread_tells_which_one_is_above_it_and_by_which_message_it_was_asked_for() -> None:
    seen: list[Event] = []
    ada = agent(script(calls(("finder", {"word": "ox"})), "Done."), peers=("finder",))
    async with memory_organism(ada, finder()) as organism:
        organism.subscribe(seen.append)
        await organism.ask("ada", Task("Look."))
    opened = [e for e in seen if isinstance(e, ThreadEvent) and e.status == "created"]
    [started] = [e for e in seen if isinstance(e, AgentEvent) and e.step == "tool_call_started"]
    root, child = opened
    assert (root.parent_id, child.parent_id) == ("", root.thread_id)
    assert [child.request] == started.about["keys"]
