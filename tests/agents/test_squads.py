"""A squad works side by side and shares a blackboard; what agents find out is noted for others."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.agents.parts import Found, agent, calls, finder, script
from tests.agents.test_agent import results
from tests.agents.test_guarded import Picky
from xml_pipeline.agents.agent import accepted
from xml_pipeline.agents.hooks import Hooks
from xml_pipeline.agents.orchestrator import Orchestrator
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.config import AgentKeys
from xml_pipeline.events import AgentEvent, Event, MessageReceived
from xml_pipeline.guarding import ALLOWED, Called, Guardrail, Outcome, Verdict, denied
from xml_pipeline.listener import Listener
from xml_pipeline.llm.base import Provider, Request, said
from xml_pipeline.organism import Organism
from xml_pipeline.primitives import BlackboardWrite
from xml_pipeline.testing import memory_organism, respond

BOARD = "system.blackboard"
WRITE, READ = "system_blackboard_BlackboardWrite", "system_blackboard_BlackboardRead"


def boss(
    provider: Provider,
    *peers: str,
    name: str = "boss",
    tool_timeout: float | None = None,
    **orchestration: Any,
) -> Listener:
    """Return an orchestrator, as the blueprint makes it."""
    said: Any = {"routing": "always", **orchestration}
    keys = AgentKeys(orchestration=said, tool_timeout=tool_timeout)
    return Listener(
        name,
        accepted((Task,)),
        Orchestrator(provider, "scripted:test", keys),
        description="Leads.",
        agent=True,
        peers=(*peers, BOARD, "system.squad"),
        output=Answer,
        prompt="You are the boss.",
        opens_blackboard=True,
        keeps_depth=True,
    )


def gives(function: str, *tasks: tuple[str, str]) -> Any:
    return calls((function, {"tasks": [{"agent": a, "task": t} for a, t in tasks]}))


def looks(key: str) -> Any:
    return calls((READ, {"key": key}))


def repeats(turn: int) -> Any:
    """Return a line that says in this turn, counted from 0, what the last call came to."""

    def say(request: Request) -> str | None:
        turns = [each for each in request.messages if each.role == "assistant"]
        return results(request)[0][1] if len(turns) == turn else None

    return say


def offered(request: Request) -> list[str]:
    return [each.name for each in request.functions]


def watched(organism: Organism) -> list[Event]:
    seen: list[Event] = []
    organism.subscribe(seen.append)
    return seen


async def test_the_members_of_a_squad_answer_in_sections_and_what_they_took_is_added_up() -> None:
    lead = script(gives("form_squad", ("bob", "Read."), ("ann", "Write.")), "All done.")
    team = (agent(script("Written."), name="ann"), agent(script("It was read."), name="bob"))
    async with memory_organism(boss(lead, "ann", "bob"), *team) as organism:
        answer = await organism.ask("boss", Task("Do it all."))
    [(_, content, is_error)] = results(lead.requests[1])
    sections = "=== Agent: bob ===\nIt was read.\n\n=== Agent: ann ===\nWritten."
    assert (content, is_error) == (sections, False)
    assert (answer.text, answer.spent.turns, answer.spent.tool_calls) == ("All done.", 4, 1)


async def test_members_read_each_others_findings_and_the_team_outside_does_not() -> None:
    """Bob looks only once Ann has written; the squad's blackboard is gone when it has answered."""
    written = asyncio.Event()

    async def wait(look: Any) -> Any:
        if look.word == "written":
            written.set()
        await written.wait()
        return respond(Found("It is there."))

    write = calls((WRITE, {"key": "found", "value": "an ox"}))
    ann = script(write, calls(("finder", {"word": "written"})), "Noted.")
    bob = script(calls(("finder", {"word": "wait"})), looks("found"), repeats(2))
    cid = script(looks("found"), looks("squad:ann+bob"), repeats(2))
    lead = script(
        gives("form_squad", ("ann", "Find."), ("bob", "Use it.")),
        gives("delegate_task", ("cid", "Look.")),
        "Done.",
    )
    team = [
        agent(provider, name=name, peers=(BOARD, "finder"))
        for name, provider in (("ann", ann), ("bob", bob), ("cid", cid))
    ]
    async with memory_organism(boss(lead, "ann", "bob", "cid"), finder(wait), *team) as organism:
        await organism.ask("boss", Task("Do it all."))
        assert len(organism.kernel.blackboards) == 0
    squad = "=== Agent: ann ===\nNoted.\n\n=== Agent: bob ===\nan ox"
    assert results(lead.requests[1])[0][1] == squad
    assert results(cid.requests[1])[0][1] == "There is nothing on the blackboard under 'found'."
    assert results(lead.requests[2])[0][1] == f"=== Agent: cid ===\n{squad}"


async def test_a_squad_with_somebody_who_fails_answers_all_the_same_and_is_no_success() -> None:
    lead = script(gives("form_squad", ("ann", "Write."), ("bob", "Read.")), "Half of it.")
    team = (agent(script("Written."), name="ann"), agent(script(), name="bob"))
    async with memory_organism(boss(lead, "ann", "bob"), *team) as organism:
        seen = watched(organism)
        await organism.ask("boss", Task("Do it all."))
    [(_, content, is_error)] = results(lead.requests[1])
    assert "=== Agent: ann ===\nWritten.\n\n=== Agent: bob ===\nError: " in content
    assert not is_error
    told = [e for e in seen if isinstance(e, AgentEvent)]
    [dispatched] = [e for e in told if e.step == "sub_agents_dispatched"]
    assert dispatched.about["agents"] == ["ann", "bob"]
    ended = [e.about for e in told if e.step == "sub_agent_completed"]
    assert [(each["agent"], each["success"]) for each in ended] == [
        *(("ann", True), ("bob", False), ("squad[ann,bob]", False))
    ]
    assert [each["turns"] for each in ended] == [1, 1, 2]


async def test_a_squad_that_is_waited_for_no_longer_has_not_succeeded() -> None:

    async def hang(_: Any) -> Any:
        await organism.ended()

    lead = script(gives("form_squad", ("ann", "Write."), ("bob", "Read.")), "Without them.")
    bob = agent(script(calls(("finder", {"word": "ox"}))), name="bob", peers=("finder",))
    leader = boss(lead, "ann", "bob", tool_timeout=0.05)
    team = (agent(script("Written."), name="ann"), bob, finder(hang))
    async with memory_organism(leader, *team) as organism:
        seen = watched(organism)
        answer = await organism.ask("boss", Task("Do it all."))
    assert answer.text == "Without them."
    ended = [e.about for e in seen if isinstance(e, AgentEvent) and e.step == "sub_agent_completed"]
    assert [(each["agent"], each["success"]) for each in ended] == [
        *(("ann", False), ("bob", False), ("squad[ann,bob]", False))
    ]


@pytest.mark.parametrize(
    ("tasks", "why"),
    [
        ([("ann", "Write."), ("ann", "Read.")], "ann is named twice"),
        ([("ann", "Write."), ("cid", "Read.")], "there is no agent 'cid'; there are: ann, bob"),
        ([("ann", "Write.")], "a list of at least 2"),
    ],
)
async def test_nobody_begins_in_a_squad_that_cannot_be(tasks: Any, why: str) -> None:
    lead, ann = script(gives("form_squad", *tasks), "Sorry."), script("Never.")
    team = (agent(ann, name="ann"), agent(script(), name="bob"))
    async with memory_organism(boss(lead, "ann", "bob"), *team) as organism:
        await organism.ask("boss", Task("Do it all."))
    [(_, content, is_error)] = results(lead.requests[1])
    assert is_error
    assert why in content
    assert ann.requests == []


async def test_a_squad_that_cannot_begin_is_an_error_and_no_section() -> None:
    """What the model has not seen changes meanwhile: a member has left the team."""
    lead, ann = script(gives("form_squad", ("ann", "Write."), ("bob", "Read.")), "Sorry."), script()
    team = (agent(ann, name="ann"), agent(script(), name="bob"))
    async with memory_organism(boss(lead, "ann", "bob"), *team) as organism:

        def leave(event: Event) -> None:
            if isinstance(event, AgentEvent) and event.step == "tool_call_started":
                organism.unregister("bob")

        organism.subscribe(leave)
        await organism.ask("boss", Task("Do it all."))
    [(_, content, is_error)] = results(lead.requests[1])
    assert (content, is_error) == (
        "'bob' cannot be addressed: check whom you may address",
        True,
    )
    assert ann.requests == []


@pytest.mark.parametrize(
    ("team", "orchestration", "has_squads"),
    [
        (("ann", "bob"), {}, True),
        (("ann",), {}, False),
        (("ann", "bob"), {"squads": False}, False),
        (("ann", "bob"), {"dispatch": "sequential"}, False),
    ],
)
async def test_squads_are_offered_where_there_are_two_and_nothing_is_against_it(
    team: tuple[str, ...], orchestration: Any, has_squads: bool
) -> None:
    lead = script("Well.")
    crew = [agent(script(), name=name, peers=(BOARD,)) for name in team]
    async with memory_organism(boss(lead, *team, **orchestration), *crew) as organism:
        await organism.ask("boss", Task("Do it."))
    [request] = lead.requests
    functions = ["delegate_task", "form_squad"] if has_squads else ["delegate_task"]
    assert offered(request) == functions
    assert ("form_squad" in request.system) == has_squads
    assert BOARD not in request.system


async def test_answers_of_agents_are_noted_for_the_next_one_to_read() -> None:
    cid = script(looks("agent:ann"), repeats(1))
    lead = script(
        gives("delegate_task", ("ann", "Write."), ("bob", "Read.")),
        gives("delegate_task", ("cid", "Look.")),
        "Done.",
    )
    team = (
        agent(script("Written."), name="ann"),
        agent(script(), name="bob"),
        agent(cid, name="cid", peers=(BOARD,)),
    )
    async with memory_organism(boss(lead, "ann", "bob", "cid"), *team) as organism:
        seen = watched(organism)
        await organism.ask("boss", Task("Do it all."))
    assert results(lead.requests[2])[0][1] == "=== Agent: cid ===\nWritten."
    asked = [e.from_id for e in seen if isinstance(e, MessageReceived) and e.to_id == BOARD]
    assert asked == ["boss", "cid"]


async def test_what_the_leaders_guardrails_refuse_is_not_noted() -> None:
    both = gives("delegate_task", ("ann", "Write."), ("bob", "Read."))
    lead = script(both, gives("delegate_task", ("ann", "Once more.")), "Done.")
    keys = AgentKeys(orchestration={"routing": "always"})  # type: ignore[arg-type]
    hooks = Hooks((("picky", Picky("bomb")),))
    handler = Orchestrator(lead, "scripted:test", keys, hooks=hooks)
    leader = replace(boss(lead, "ann", "bob"), handler=handler)
    team = (
        agent(script("A bomb."), name="ann"),
        agent(script("It was read."), name="bob", peers=(BOARD,)),
    )
    async with memory_organism(leader, *team) as organism:
        seen = watched(organism)
        await organism.ask("boss", Task("Do it all."))
    noted = [e.payload for e in seen if isinstance(e, MessageReceived) and e.to_id == BOARD]
    assert noted == [BlackboardWrite("agent:bob", "It was read.")]


class Sums(Guardrail):
    """A guardrail that objects to words which are harmless apart."""

    async def after_tool(self, called: Called, outcome: Outcome) -> tuple[Outcome, Verdict]:
        dangerous = "fuse" in outcome.text and "powder" in outcome.text
        return outcome, denied("not both") if dangerous else ALLOWED


@pytest.mark.parametrize(
    ("second", "noted"),
    [
        ("And powder.", []),
        ("And water.", [("agent:ann", "A fuse."), ("agent:bob", "And water.")]),
    ],
)
async def test_nothing_of_a_delegation_is_noted_before_the_whole_of_it_is_judged(
    second: str, noted: list[tuple[str, str]]
) -> None:
    both = gives("delegate_task", ("ann", "Fetch."), ("bob", "Fetch."))
    lead = script(both, calls(("nobody", {})), "Done.")
    keys = AgentKeys(orchestration={"routing": "always"})  # type: ignore[arg-type]
    handler = Orchestrator(lead, "scripted:test", keys, hooks=Hooks((("sums", Sums()),)))
    leader = replace(boss(lead, "ann", "bob"), handler=handler)
    team = (
        agent(script("A fuse."), name="ann"),
        agent(script(second), name="bob", peers=(BOARD,)),
    )
    async with memory_organism(leader, *team) as organism:
        seen = watched(organism)
        await organism.ask("boss", Task("Do it all."))
        await organism.drain()
    told = [e.payload for e in seen if isinstance(e, MessageReceived) and e.to_id == BOARD]
    assert told == [BlackboardWrite(*each) for each in noted]


@pytest.mark.virtual_clock
async def test_what_has_come_is_noted_when_the_rest_is_waited_for_no_longer() -> None:
    never = asyncio.Event()

    async def hang(_: Any) -> None:
        await never.wait()

    both = gives("delegate_task", ("ann", "Fetch."), ("bob", "Fetch."))
    lead = script(both, calls(("nobody", {})), "Done.")
    keys = AgentKeys(orchestration={"routing": "always"}, tool_timeout=5.0)  # type: ignore[arg-type]
    handler = Orchestrator(lead, "scripted:test", keys, hooks=Hooks((("sums", Sums()),)))
    leader = replace(boss(lead, "ann", "bob"), handler=handler)
    slow = agent(script(calls(("finder", {"word": "ox"}))), name="bob", peers=("finder", BOARD))
    team = (agent(script("A fuse."), name="ann"), slow, finder(hang))
    async with memory_organism(leader, *team) as organism:
        seen = watched(organism)
        await organism.ask("boss", Task("Do it all."))
    told = [e.payload for e in seen if isinstance(e, MessageReceived) and e.to_id == BOARD]
    assert told == [BlackboardWrite("agent:ann", "A fuse.")]


async def test_nothing_is_noted_where_nobody_could_read_it() -> None:
    lead = script(gives("delegate_task", ("ann", "Write.")), "Done.")
    async with memory_organism(boss(lead, "ann"), agent(script("Well."), name="ann")) as organism:
        seen = watched(organism)
        await organism.ask("boss", Task("Do it all."))
    assert BOARD not in {e.to_id for e in seen if isinstance(e, MessageReceived)}


async def test_a_model_is_told_how_to_divide_and_whom_it_leads() -> None:
    lead = script("Well.")
    ann = agent(script(), name="ann", peers=("calculator", BOARD))
    async with memory_organism(boss(lead, "ann", "bob"), ann, agent(script(), name="bob")) as own:
        await own.ask("boss", Task("Do it."))
    words = lead.requests[0].system
    for each in ("Decompose", "Match", "one agent is enough", "self-contained", "do not overlap"):
        assert each in words
    assert "- ann: Is ann. (may use calculator)\n- bob: Is bob." in words
    assert lead.requests[0].messages == (said("user", "Do it."),)
