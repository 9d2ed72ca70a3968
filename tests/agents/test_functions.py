"""No function hides another one, and none stands for somebody who may not be asked."""

from __future__ import annotations

from tests.agents.parts import agent, calls, finder, script
from tests.agents.test_agent import results
from xml_pipeline.agents.functions import Functions, functions_of
from xml_pipeline.agents.orchestrator import Orchestrator
from xml_pipeline.agents.payloads import Task
from xml_pipeline.config import AgentKeys
from xml_pipeline.listener import Listener, Peer
from xml_pipeline.llm.base import Request
from xml_pipeline.testing import memory_organism


def names(request: Request) -> list[str]:
    """Return what a model is offered."""
    return [each.name for each in request.functions]


async def test_peers_whose_names_are_the_same_to_a_model_are_told_apart() -> None:
    peers = ("v1.2", "v1_2", "__respond__")
    provider = script(calls(*((f"v1_2{n}", {"word": "ox"}) for n in ("", "_2"))), "Both.")
    listeners = [finder(name=each) for each in peers]
    async with memory_organism(agent(provider, peers=peers), *listeners) as organism:
        await organism.ask("ada", Task("Look."))
    assert names(provider.requests[0]) == ["v1_2", "v1_2_2", "__respond___2"]
    assert [len(each.seen) for each in listeners] == [1, 1, 0]


async def test_a_peer_that_is_called_like_a_hand_off_hides_it_not() -> None:
    peers = ("hand_off_to_bob", "bob")
    provider = script(calls(("hand_off_to_bob", {"text": "Do it."})))
    listeners = (
        agent(provider, peers=peers, handoff=("bob",)),
        agent(script("Done by Bob."), name="bob"),
        finder(name="hand_off_to_bob"),
    )
    async with memory_organism(*listeners) as organism:
        assert (await organism.ask("ada", Task("Do it."))).text == "Done by Bob."
    assert set(names(provider.requests[0])) == {"hand_off_to_bob", "hand_off_to_bob_2", "bob"}


async def test_a_peer_that_is_called_like_the_delegation_hides_it_not() -> None:
    task = {"agent": "bob", "task": "Do it."}
    provider = script(calls(("delegate_task", {"tasks": [task]})), "Bob did.")
    keys = AgentKeys.model_validate({"orchestration": {"routing": "always"}})
    plain = agent(provider, peers=("delegate_task", "bob"))
    boss = Listener(
        "ada",
        plain.accepts,
        Orchestrator(provider, "scripted:test", keys),
        description="Leads.",
        peers=plain.peers,
    )
    bob, tool = agent(script("Done."), name="bob"), finder(name="delegate_task")
    async with memory_organism(boss, bob, tool) as organism:
        assert (await organism.ask("ada", Task("Do it."))).text == "Bob did."
    assert tool.seen == []
    assert names(provider.requests[0]) == ["delegate_task", "delegate_task_2"]


async def test_an_agent_among_its_own_peers_is_no_function() -> None:
    provider = script(calls(("ada", {"text": "Think."})), "I am alone.")
    async with memory_organism(agent(provider, peers=("ada", "*"))) as organism:
        assert (await organism.ask("ada", Task("Think."))).text == "I am alone."
    assert "ada" not in names(provider.requests[0])


async def test_a_peer_that_leaves_in_mid_run_is_an_error_and_no_function_any_more() -> None:
    def leave(request: Request) -> object:
        if len(request.messages) > 1:
            return "It has gone."
        organism.unregister("finder")
        return calls(("finder", {"word": "ox"}))

    provider = script(leave)
    async with memory_organism(agent(provider, peers=("finder",)), finder()) as organism:
        assert (await organism.ask("ada", Task("Look."))).text == "It has gone."
    assert [names(each) for each in provider.requests] == [["finder"], []]
    assert results(provider.requests[1])[0][2]


def test_no_peers_are_no_functions() -> None:
    peers: list[Peer] = []
    assert functions_of(peers) == Functions()
