"""What holds for an agent holds for all below it: other agents, primitives, whoever they ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.approvals.parts import (
    Job,
    Output,
    Person,
    Shell,
    agent,
    rule,
    said,
    shell,
    words_of,
)
from xml_pipeline.config import OrganismConfig
from xml_pipeline.errors import XmlPipelineError
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.payload import RawPayload, codec_of
from xml_pipeline.primitives import BufferStart, SequenceStart, TimerStart
from xml_pipeline.steps.rail import Inserts
from xml_pipeline.system import SystemError, ThreadEnded
from xml_pipeline.testing import Probe, memory_organism, respond

pytestmark = pytest.mark.virtual_clock

FORBIDDEN = "Denied: this call of shell is not permitted. again=False"


def passes_on(name: str, *permissions: Any, to: str) -> Probe:
    """Return an agent that hands its job over to another one."""

    def react(payload: Any, _: HandlerMetadata) -> HandlerResponse:
        if isinstance(payload, Job):
            return HandlerResponse(payload, to=to)
        return respond(Output(words_of(payload)))

    accepts = (Job, Output, SystemError, ThreadEnded)
    options: dict[str, Any] = {"peers": ("*",), "permissions": permissions}
    return Probe(name, accepts, react, **options)


async def test_a_denial_of_an_agent_holds_for_those_it_asks() -> None:
    tool = shell()
    boss = passes_on("boss", rule("deny", "shell"), rule("allow"), to="middle")
    middle = passes_on("middle", to="agent")
    async with memory_organism(tool, boss, middle, agent(rule("allow"))) as organism:
        assert await said(organism, "ls", to="boss") == FORBIDDEN
        assert await said(organism, "ls", to="agent") == "ran ls"
    assert len(tool.payloads) == 1


async def test_who_is_asked_is_told_which_agent_wants_it() -> None:
    boss = passes_on("boss", rule("ask", "shell"), rule("allow"), to="agent")
    async with memory_organism(shell(), boss, agent()) as organism:
        person = Person(organism)
        with organism.approvals.attend():
            asking = asyncio.ensure_future(said(organism, "ls", to="boss"))
            approval = await person.decides("allow")
            assert await asking == "ran ls"
    assert approval.agent == "agent"


async def test_an_agent_that_was_itself_allowed_is_still_held_to_the_rules_above_it() -> None:
    boss = passes_on("boss", rule("ask"), to="agent")
    async with memory_organism(shell(), boss, agent()) as organism:
        person = Person(organism)
        with organism.approvals.attend():
            asking = asyncio.ensure_future(said(organism, "ls", to="boss"))
            first, second = await person.decides("allow"), await person.decides("deny")
            assert (first.tool, second.tool) == ("agent", "shell")
            assert "somebody decided against" in await asking


def _text(command: str) -> str:
    return codec_of(Shell).to_xml(Shell(command)).decode()


def by_way_of(request: object, primitive: str) -> Probe:
    """Return an agent that has a primitive do its calls."""

    def react(payload: Any, _: HandlerMetadata) -> HandlerResponse:
        if isinstance(payload, Job):
            return HandlerResponse(request, to=primitive)
        text = payload.xml.decode() if isinstance(payload, RawPayload) else words_of(payload)
        return respond(Output(text))

    rules = (rule("allow", "system.*"), rule("deny", "shell", command="rm"), rule("ask", "shell"))
    return Probe(
        "agent",
        (Job, RawPayload, SystemError, ThreadEnded),
        react,
        peers=("*",),
        permissions=rules,
        agent=True,
    )


WAYS: dict[str, Callable[[str], object]] = {
    "system.sequence": lambda command: SequenceStart("shell", _text(command)),
    "system.buffer": lambda command: BufferStart("shell", _text(command)),
    "system.timer": lambda command: TimerStart(_text(command), "shell", seconds=5),
}


@pytest.mark.parametrize("primitive", WAYS)
async def test_primitives_are_held_to_the_rules_of_whoever_uses_them(primitive: str) -> None:
    for command in ("rm", "ls"):
        tool = shell()
        user = by_way_of(WAYS[primitive](command), primitive)
        async with memory_organism(tool, user) as organism:
            person = Person(organism)
            with organism.approvals.attend():
                asking = asyncio.ensure_future(said(organism, "go"))
                if command == "ls":
                    approval = await person.decides("allow")
                    assert (approval.agent, approval.tool) == ("agent", "shell")
                answer = await asking
        assert tool.payloads == ([Shell("ls")] if command == "ls" else [])
        assert ("ran ls" if command == "ls" else "Denied: this call") in answer


async def test_a_group_is_denied_as_a_whole_and_asked_about_one_by_one() -> None:
    tools = [shell(name, group="shells") for name in ("a", "b", "c")]
    answers = list[str]()

    def react(payload: Any, _: HandlerMetadata) -> HandlerResponse | None:
        if isinstance(payload, Job):
            return HandlerResponse(Shell(payload.command), to="shells")
        answers.append(words_of(payload))
        return respond(Output("enough")) if len(answers) == 3 else None

    rules = (rule("deny", "c", command="rm"), rule("ask", "b"), rule("allow"))
    async with memory_organism(*tools, agent(*rules, react=react)) as organism:
        person = Person(organism)
        with organism.approvals.attend():
            await organism.send("agent", Job("rm"))
            await organism.drain()
            assert answers == ["Denied: this call of c is not permitted. again=False"]
            assert [each.payloads for each in tools] == [[], [], []]
            answers.clear()
            asking = asyncio.ensure_future(said(organism, "ls"))
            approval = await person.asked()
            assert (approval.tool, answers) == ("b", ["ran ls", "ran ls"])
            organism.approvals.decide(approval.id, "allow", by="ann")
            assert await asking == "enough"


async def test_what_is_not_sent_by_an_agent_is_not_asked_about() -> None:
    plain = passes_on("plain", to="shell")

    def react(payload: Any, _: HandlerMetadata) -> HandlerResponse:
        if isinstance(payload, Job):
            return HandlerResponse(Shell(payload.command), to="shell")
        return respond(Output(words_of(payload)))

    free = Probe("free", (Job, Output), react, peers=("shell",))
    rules = [{"tool": "*", "action": "deny"}]
    async with memory_organism(shell(), plain, free, agent(), permissions=rules) as organism:
        assert await said(organism, "ls", to="free") == "ran ls"
        assert await organism.ask("shell", Shell("ls")) == Output("ran ls")
        assert await said(organism, "ls") == FORBIDDEN


async def test_a_message_to_oneself_and_an_answer_are_no_calls() -> None:
    def react(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        if metadata.is_self_call:
            return respond(Output("thought"))
        return HandlerResponse(payload, to="agent")

    async with memory_organism(agent(rule("deny"), react=react)) as organism:
        assert await said(organism, "x") == "thought"


async def test_rules_name_tools_as_they_are_and_no_other_name_reaches_one() -> None:
    """A misspelt name is nobody: it cannot slip past a rule and be mended afterwards."""
    tool = shell()
    rules = (rule("deny", "shell"), rule("allow"))
    async with memory_organism(tool, agent(*rules, to="shel")) as organism:
        assert "could not be delivered" in await said(organism, "ls")
    assert tool.payloads == []


async def test_other_rules_hold_as_soon_as_they_are_put_in_place() -> None:
    tool = shell()
    async with memory_organism(tool, agent()) as organism:
        assert await said(organism, "ls") == "ran ls"
        rules = {"permissions": [{"tool": "shell", "action": "deny"}]}
        config = OrganismConfig.model_validate(rules)
        organism.reconfigure(config, organism.listeners, Inserts())
        assert await said(organism, "ls") == FORBIDDEN
        organism.reconfigure(OrganismConfig(), organism.listeners, Inserts())
        assert await said(organism, "ls") == "ran ls"


async def test_a_call_waits_no_longer_than_who_made_it() -> None:
    async with memory_organism(shell(), agent(rule("ask"))) as organism:
        person = Person(organism)
        with organism.approvals.attend():
            asking = asyncio.ensure_future(said(organism, "ls"))
            approval = await person.asked()
            organism.kill(approval.conversation_id)
            with pytest.raises(XmlPipelineError):
                await asking
            assert organism.approvals.waiting() == []


async def test_a_denial_that_came_while_a_call_waited_counts_more_than_a_yes() -> None:
    tool = shell()
    async with memory_organism(tool, agent(rule("ask"))) as organism:
        person = Person(organism)
        with organism.approvals.attend():
            asking = asyncio.ensure_future(said(organism, "ls"))
            approval = await person.asked()
            organism.unregister("agent")
            organism.register(agent(rule("deny", "shell")).listener)
            organism.approvals.decide(approval.id, "allow", by="ann")
            assert await asking == FORBIDDEN
    assert tool.payloads == []
