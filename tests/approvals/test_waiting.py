"""What waits for a decision costs nothing, outlives its process, and is decided only once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from textwrap import dedent
from typing import Any

import httpx
import pytest

from tests.approvals.parts import Job, Person, Shell, agent, rule, said, shell
from tests.faults.processes import Runner
from xml_pipeline.backends.memory import MemoryBackend
from xml_pipeline.organism import Organism
from xml_pipeline.replay import replay
from xml_pipeline.testing import memory_organism

MANY = 1_000


@pytest.mark.virtual_clock
async def test_a_thousand_calls_wait_and_hold_up_nobody() -> None:
    tool, asker = shell(), agent(rule("ask"))
    async with memory_organism(tool, asker, max_concurrent_handlers=5) as organism:
        with organism.approvals.attend():
            for number in range(MANY):
                await organism.send("agent", Job(str(number)))
            await organism.drain()
            waiting = organism.approvals.waiting()
            assert len(waiting) == MANY
            assert (organism.kernel.scheduler.running, organism.kernel.scheduler.waiting) == (0, 0)
            assert len(asyncio.all_tasks()) < 20
            assert (await organism.ask("shell", Shell("now"))).text == "ran now"
            for approval in waiting:
                organism.approvals.decide(approval.id, "allow", by="ann")
            await organism.drain()
        assert len(organism.kernel.threads) == 0
    assert sorted(each.command for each in tool.payloads[1:]) == sorted(map(str, range(MANY)))


@pytest.mark.virtual_clock
async def test_whoever_watches_hears_that_nobody_has_decided_in_time() -> None:
    async with memory_organism(shell(), agent(rule("ask")), approvals={"seconds": 60}) as organism:
        person = Person(organism)
        with organism.approvals.attend():
            assert "No answer came within the time allowed." in await said(organism, "ls")
        assert organism.approvals.waiting() == []
    asked, told = (each for each in person.told if each.step.startswith("approval"))
    assert (told.step, told.thread_id) == ("approval_decision", asked.thread_id)
    assert {key: told.about[key] for key in ("tool", "allowed", "by", "reason")} == {
        "tool": "shell",
        "allowed": False,
        "by": "nobody",
        "reason": "Nobody has decided in time.",
    }


@pytest.mark.virtual_clock
async def test_whoever_watches_hears_that_a_call_is_not_wanted_any_more() -> None:
    async with memory_organism(shell(), agent(rule("ask"))) as organism:
        person = Person(organism)
        with organism.approvals.attend():
            await organism.send("agent", Job("ls"))
            organism.kill((await person.asked()).conversation_id)
            await organism.drain()
        assert person.decisions == [(False, "nobody")]
        assert person.told[-1].about["reason"] == "It is not wanted any more."


class Life:
    """One process after another over one journal, each with an agent and its tool."""

    def __init__(self) -> None:
        self.store = MemoryBackend()
        self.tool, self.asker = shell(), agent(rule("ask"))

    def organism(self) -> Organism:
        return Organism((self.tool.listener, self.asker.listener), backend=self.store)


@pytest.mark.virtual_clock
@pytest.mark.parametrize(("decision", "heard"), [("allow", "ran ls"), ("deny", "Denied: no")])
async def test_another_process_takes_the_decision(decision: Any, heard: str) -> None:
    life = Life()
    async with life.organism() as organism:
        with organism.approvals.attend():
            thread = await organism.send("agent", Job("ls"), sender="ada", tenant="acme")
            await organism.drain()
            (before,) = organism.approvals.waiting()
    async with life.organism() as organism:
        (waiting,) = organism.approvals.waiting()
        assert waiting == before
        assert (waiting.conversation_id, waiting.principal) == (thread, "ada")
        organism.approvals.decide(waiting.id, decision, by="ann", reason="no")
    async with life.organism() as organism:  # The decision alone was written, and is obeyed.
        await organism.drain()
        assert organism.approvals.waiting() == []
        assert len(organism.kernel.threads) == 0
    assert len(life.tool.payloads) == (decision == "allow")
    answer = life.asker.payloads[-1]
    assert heard in getattr(answer, "text", "") + getattr(answer, "message", "")


@pytest.mark.virtual_clock
async def test_what_was_decided_for_always_is_known_to_the_next_process() -> None:
    life = Life()
    async with life.organism() as organism:
        person = Person(organism)
        with organism.approvals.attend():
            asking = asyncio.ensure_future(organism.ask("agent", Job("ls")))
            await person.decides("always_allow")
            await asking
    async with life.organism() as organism:
        assert (await organism.ask("agent", Job("ls"))).text == "ran ls"
        assert len(await organism.approvals.learned()) == 1


@pytest.mark.virtual_clock
async def test_a_history_with_a_decision_in_it_is_decided_the_same_and_nobody_is_asked() -> None:
    life = Life()
    async with life.organism() as organism:
        person = Person(organism)
        with organism.approvals.attend():
            asking = asyncio.ensure_future(organism.ask("agent", Job("ls")))
            await person.decides("allow")
            await asking
    (summary,) = await life.store.conversations(2)
    past = await life.store.conversation(summary.id)
    assert past is not None
    listeners = shell().listener, agent(rule("ask")).listener
    sandbox = Organism(listeners, backend=MemoryBackend())
    person = Person(sandbox)
    result = await replay(sandbox.kernel, past)
    assert [each for each in result.steps if not each.same] == []
    assert (len(result.steps), result.skipped) == (3, 3)
    assert person.told == []


HANDLERS = '''
    """An agent that wants to write a line, and what writes it."""

    from dataclasses import dataclass
    from pathlib import Path

    from xml_pipeline import HandlerMetadata, HandlerResponse, xmlify


    @xmlify
    @dataclass(frozen=True, slots=True)
    class Line:
        """A line."""

        text: str


    @xmlify
    @dataclass(frozen=True, slots=True)
    class Written:
        """It is written."""

        text: str


    async def clerk(payload: Line | Written, metadata: HandlerMetadata) -> HandlerResponse:
        if isinstance(payload, Written):
            return HandlerResponse.respond(payload)
        return HandlerResponse(payload, to="writer")


    async def writer(payload: Line, metadata: HandlerMetadata) -> HandlerResponse:
        with Path("lines").open("a") as lines:
            lines.write(f"{payload.text} {metadata.attempt}\\n")
        return HandlerResponse.respond(Written(payload.text))
    '''

ORGANISM = """
    server: {port: 0}
    backend: {type: sqlite, path: journal.db}
    approvals: {seconds: 3600}
    listeners:
      - name: clerk
        description: Wants things written.
        handler: handlers.office.clerk
        peers: [writer]
        permissions:
          - {tool: writer, action: ask}
      - {name: writer, description: Writes., handler: handlers.office.writer}
    """


async def test_an_approval_is_given_after_the_process_was_killed(tmp_path: Path) -> None:
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers" / "__init__.py").touch()
    (tmp_path / "handlers" / "office.py").write_text(dedent(HANDLERS), encoding="utf-8")
    (tmp_path / "organism.yaml").write_text(dedent(ORGANISM), encoding="utf-8")
    body = {"to": "clerk", "payload": {"Line": {"text": "hello"}}}
    runner = Runner(tmp_path)
    async with AsyncExitStack() as stack:
        await runner.start()
        first = await stack.enter_async_context(_client(runner))
        sent = await first.post("/v1/messages", json=body, headers={"Idempotency-Key": "k"})
        assert sent.status_code == 202
        waiting = await _waiting(first)
        assert await runner.kill() == -9
        await runner.start()
        second = await stack.enter_async_context(_client(runner))
        assert await _waiting(second) == waiting
        at = f"/v1/approvals/{waiting['id']}"
        decided = await second.post(at, json={"decision": "allow"})
        assert decided.json() == waiting | {"decision": "allow"}
        again = await second.post(at, json={"decision": "deny"})
        assert again.status_code == 404
        answer = await second.post(
            "/v1/messages", params={"wait": "60"}, json=body, headers={"Idempotency-Key": "k"}
        )
        assert answer.json()["payload"] == {"text": "hello"}
        assert await runner.stop() == 143
    assert (tmp_path / "lines").read_text() == "hello 1\n"


def _client(runner: Runner) -> httpx.AsyncClient:
    address = runner.address
    assert address is not None
    return httpx.AsyncClient(
        base_url=f"http://{address.host}:{address.port}",
        headers={"Authorization": f"Bearer {address.token}"},
        timeout=90,
    )


async def _waiting(client: httpx.AsyncClient) -> dict[str, Any]:
    """Return the only call that waits, as soon as there is one."""
    async with client.stream("GET", "/v1/events", params={"type": "AgentEvent"}) as events:
        lines = events.aiter_lines()
        while not (found := (await client.get("/v1/approvals")).json()["approvals"]):
            await anext(lines)
    (waiting,) = found
    call: dict[str, Any] = waiting
    return call
