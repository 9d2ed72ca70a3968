"""A call that somebody has to decide on: who is asked, what goes on, and what its agent hears."""

from __future__ import annotations

import asyncio
from pathlib import Path
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
)
from tests.audit.logs import full_disk, told
from xml_pipeline.errors import AuditFailed, Timeout, UnknownThread
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.payload import RawPayload
from xml_pipeline.testing import Probe, memory_organism, respond

pytestmark = pytest.mark.virtual_clock

DENIED = "Denied: {} again=False"


async def test_what_is_allowed_goes_on_and_its_answer_comes_back() -> None:
    tool, asker = shell(), agent(rule("ask"))
    async with memory_organism(tool, asker) as organism:
        person = Person(organism)
        with organism.approvals.attend():
            asking = asyncio.ensure_future(said(organism, "ls"))
            approval = await person.decides("allow")
            assert await asking == "ran ls"
        assert organism.approvals.waiting() == []
        assert len(organism.kernel.threads) == 0
    assert (approval.agent, approval.tool, approval.principal) == ("agent", "shell", "outside")
    assert approval.payload == Shell("ls").to_xml().decode()  # type: ignore[attr-defined]
    assert approval.expires == approval.since + 300
    assert tool.payloads == [Shell("ls")]
    assert asker.seen[1].metadata.in_reply_to == "1.0"
    assert [each.step for each in person.told] == ["approval_requested", "approval_decision"]


async def test_what_is_denied_is_not_run_and_the_agent_hears_why() -> None:
    tool = shell()
    async with memory_organism(tool, agent(rule("ask"))) as organism:
        person = Person(organism)
        with organism.approvals.attend():
            asking = asyncio.ensure_future(said(organism, "rm"))
            await person.decides("deny", reason="not on a Friday")
            assert await asking == DENIED.format("not on a Friday")
            asking = asyncio.ensure_future(said(organism, "rm"))
            await person.decides("deny")
            assert await asking == DENIED.format("somebody decided against this call of shell.")
    assert tool.payloads == []


async def test_without_anybody_to_ask_a_call_is_denied_at_once() -> None:
    tool = shell()
    async with memory_organism(tool, agent(rule("ask"))) as organism:
        words = "shell needs somebody's approval, and nobody is there to give it."
        assert await said(organism, "ls") == DENIED.format(words)
        with organism.approvals.attend():
            pass
        assert await said(organism, "ls") == DENIED.format(words)
        assert asyncio.get_running_loop().time() == 0
    assert tool.payloads == []


async def test_a_decision_counts_once_and_only_while_the_call_waits() -> None:
    tool = shell()
    async with memory_organism(tool, agent(rule("ask"))) as organism:
        person = Person(organism)
        with organism.approvals.attend():
            asking = asyncio.ensure_future(said(organism, "ls"))
            approval = await person.decides("allow")
            with pytest.raises(UnknownThread, match="nothing waits"):
                organism.approvals.decide(approval.id, "deny", by="eve")
            assert await asking == "ran ls"
            for other in (approval.id, "no such thread"):
                with pytest.raises(UnknownThread):
                    organism.approvals.decide(other, "allow", by="eve")
    assert len(tool.payloads) == 1


async def test_a_decision_stands_in_the_audit_log_or_does_not_count(tmp_path: Path) -> None:
    log, tool = tmp_path / "log", shell()
    rules = rule("deny", "shell", command="rm"), rule("ask")
    async with memory_organism(tool, agent(*rules), audit={"path": str(log)}) as organism:
        person = Person(organism)
        with organism.approvals.attend():
            asking = asyncio.ensure_future(said(organism, "ls"))
            approval = await person.asked()
            with full_disk(), pytest.raises(AuditFailed):
                organism.approvals.decide(approval.id, "allow", by="ann")
            assert organism.approvals.waiting() == [approval]
            organism.approvals.decide(approval.id, "deny", by="ann", reason="no")
            assert await asking == DENIED.format("no")
            await said(organism, "rm")
    [(actor, what)] = told(log, "decide")
    assert (actor, what["thread"], what["decision"]) == ("ann", approval.id, "deny")
    assert (what["agent"], what["tool"], what["reason"]) == ("agent", "shell", "no")
    assert [(actor, what["to"]) for actor, what in told(log, "denied")] == [
        ("system", "system.approval"),
        ("agent", "shell"),
    ]
    assert tool.payloads == []


async def test_a_word_that_is_no_decision_decides_nothing() -> None:
    async with memory_organism(shell(), agent(rule("ask"))) as organism:
        person = Person(organism)
        with organism.approvals.attend():
            asking = asyncio.ensure_future(said(organism, "ls"))
            approval = await person.asked()
            wrong: Any = "alow"
            with pytest.raises(ValueError, match="is no decision: allow"):
                organism.approvals.decide(approval.id, wrong, by="ann")
            with pytest.raises(ValueError, match="XML"):
                organism.approvals.decide(approval.id, "deny", by="ann", reason="\0")
            organism.approvals.decide(approval.id, "allow", by="ann")
            assert await asking == "ran ls"


async def test_time_up_is_a_fault_that_the_agent_sees() -> None:
    tool, seconds = shell(), {"seconds": 60.0}
    async with memory_organism(tool, agent(rule("ask")), approvals=seconds) as organism:
        person = Person(organism)
        with organism.approvals.attend():
            asking = asyncio.ensure_future(said(organism, "ls"))
            approval = await person.asked()
            assert await asking == "No answer came within the time allowed. again=True"
            assert asyncio.get_running_loop().time() == 60
            with pytest.raises(UnknownThread):
                organism.approvals.decide(approval.id, "allow", by="too late")
    assert tool.payloads == []


async def test_a_tool_that_was_allowed_may_take_longer_than_anybody_was_waited_for() -> None:
    async def slowly(call: Shell, _: HandlerMetadata) -> HandlerResponse:
        await asyncio.sleep(3_600)
        return respond(Output("slow"))

    tool = Probe("shell", Shell, slowly, timeout=10_000)
    async with memory_organism(tool, agent(rule("ask"))) as organism:
        person = Person(organism)
        with organism.approvals.attend():
            asking = asyncio.ensure_future(said(organism, "ls"))
            await person.decides("allow")
            assert await asking == "slow"


async def test_an_agent_that_hears_no_faults_fails_with_a_call_that_is_denied() -> None:
    def call(job: Job, _: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse(Shell(job.command), to="shell")

    deaf = Probe("agent", Job, call, peers=("shell",), permissions=(rule("ask"),))
    async with memory_organism(shell(), deaf, approvals={"seconds": 1.0}) as organism:
        with organism.approvals.attend(), pytest.raises(Timeout):
            await organism.ask("agent", Job("ls"))


@pytest.mark.parametrize(
    ("react", "heard"),
    [
        (lambda *_: None, "ThreadEnded"),
        (lambda *_: [][0], "The receiver could not handle this message. again=False"),
    ],
)
async def test_the_silence_and_the_faults_of_a_tool_reach_the_agent(react: Any, heard: str) -> None:
    async with memory_organism(Probe("shell", Shell, react), agent(rule("ask"))) as organism:
        person = Person(organism)
        with organism.approvals.attend():
            asking = asyncio.ensure_future(said(organism, "ls"))
            await person.decides("allow")
            assert await asking == heard


async def test_what_a_tool_does_after_its_answer_goes_on() -> None:
    def answer_first(call: Shell, _: HandlerMetadata) -> list[HandlerResponse]:
        return [
            HandlerResponse.acknowledge(Output("soon")),
            HandlerResponse(call, to="later").after(10),
        ]

    later = Probe("later", Shell)
    tool = Probe("shell", Shell, answer_first, peers=("later",))
    patient = agent(rule("allow", "later"), rule("ask"), react=_wait_after_the_answer)
    async with memory_organism(tool, later, patient) as organism:
        person = Person(organism)
        with organism.approvals.attend():
            await organism.send("agent", Job("ls"))
            await person.decides("allow")
            assert (await later.next()).payload == Shell("ls")


def _wait_after_the_answer(payload: Any, _: HandlerMetadata) -> HandlerResponse | None:
    if isinstance(payload, Job):
        return HandlerResponse(Shell(payload.command), to="shell")
    return None


async def test_nobody_but_the_pump_addresses_who_asks() -> None:
    forged = RawPayload("Shell", Shell("rm").to_xml())  # type: ignore[attr-defined]
    eve = Probe("eve", Job, lambda *_: HandlerResponse(forged, to="system.approval"), peers=("*",))
    async with memory_organism(shell(), eve) as organism:
        refused = "could not be delivered"
        with organism.approvals.attend():
            with pytest.raises(Exception, match=refused):
                await organism.ask("eve", Job("x"))
            with pytest.raises(Exception, match=refused):
                await organism.ask("system.approval", Shell("rm"))
        assert "system.approval" not in organism.kernel.listeners.usage_instructions(eve.listener)


async def test_a_call_that_its_tool_would_not_understand_is_nothing_to_decide() -> None:
    bad = b"<Shell><files><item>x</item></files></Shell>"

    def react(payload: Any, _: HandlerMetadata) -> HandlerResponse:
        if isinstance(payload, Job):
            return HandlerResponse(bad, to="shell")
        return respond(Output(payload.code))

    async with memory_organism(shell(), agent(rule("ask"), react=react)) as organism:
        with organism.approvals.attend():
            assert await said(organism, "x") == "validation"
