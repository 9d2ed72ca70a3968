"""Routes for calls that wait for a decision, over HTTP and over a WebSocket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.approvals.parts import Job, Person, agent, rule, said, shell
from tests.server.house import JSON, Visitor, running
from tests.server.test_websocket import talking

APPROVALS, LEARNED = "/v1/approvals", "/v1/permissions/learned"


def house() -> Any:
    """Return what runs an agent that has to ask, its tool, and a server, which attends."""
    return running(agent(rule("ask")).listener, shell().listener)


async def shown(visitor: Visitor) -> dict[str, Any]:
    """Return the only call that waits."""
    (call,) = (await visitor.http.get(APPROVALS)).json()["approvals"]
    waiting: dict[str, Any] = call
    return waiting


async def test_a_call_is_shown_and_allowed() -> None:
    async with house() as visitor:
        person = Person(visitor.organism)
        asking = asyncio.ensure_future(said(visitor.organism, "ls"))
        approval = await person.asked()
        call = await shown(visitor)
        assert (call["id"], call["agent"], call["tool"]) == (approval.id, "agent", "shell")
        assert call["payload"] == approval.payload
        assert call["since"] < call["expires"]
        decided = await visitor.http.post(f"{APPROVALS}/{call['id']}", json={"decision": "allow"})
        assert decided.json() == call | {"decision": "allow"}
        assert await asking == "ran ls"
        assert person.decisions == [(True, "http:operator")]
        again = await visitor.http.post(f"{APPROVALS}/{call['id']}", json={"decision": "allow"})
        assert (again.status_code, again.json()["detail"]) == (
            404,
            "Nothing waits for a decision there.",
        )


async def test_what_was_decided_for_always_is_listed_and_forgotten() -> None:
    async with house() as visitor:
        person = Person(visitor.organism)
        asking = asyncio.ensure_future(said(visitor.organism, "rm"))
        said_no = {"decision": "always_deny", "reason": "never", "arguments": ["command"]}
        at = f"{APPROVALS}/{(await person.asked()).id}"
        assert (await visitor.http.post(at, json=said_no)).status_code == 200
        assert await asking == "Denied: never again=False"
        (learned,) = (await visitor.http.get(LEARNED)).json()["rules"]
        assert (learned["action"], learned["arguments"]) == ("deny", {"command": ["rm"]})
        assert learned["by"] == "http:operator"
        assert "Denied" in await said(visitor.organism, "rm")
        at = f"{LEARNED}/{learned['id']}"
        gone = [(await visitor.http.delete(at)).status_code for _ in range(2)]
        assert gone == [204, 404]
        assert (await visitor.http.get(LEARNED)).json() == {"rules": []}


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        "{}",
        '{"decision": "maybe"}',
        '{"decision": ["allow"]}',
        '{"decision": "allow", "reason": 1}',
        '{"decision": "allow", "arguments": "all"}',
        '{"decision": "allow", "arguments": [1]}',
        '{"decision": "always_allow", "arguments": ["comand"]}',
        '{"decision": "deny", "reason": "\\u0000"}',
        '{"decision": "allow", "decision": "deny"}',
        '{"decision": "allow", "by": "somebody else"}',
    ],
)
async def test_what_is_no_decision_decides_nothing(body: str) -> None:
    async with house() as visitor:
        person = Person(visitor.organism)
        await visitor.organism.send("agent", Job("ls"))
        at = f"{APPROVALS}/{(await person.asked()).id}"
        refused = await visitor.http.post(at, content=body, headers=JSON)
        assert refused.status_code == 400
        assert (await shown(visitor))["tool"] == "shell"


async def test_a_decision_is_taken_over_a_websocket() -> None:
    async with house() as visitor, talking(visitor) as talk:
        await talk.say("subscribe", 1, type="AgentEvent")
        await talk.hear_until("subscribed")
        asking = asyncio.ensure_future(said(visitor.organism, "ls"))
        event = (await talk.hear_until("event"))["data"]
        assert (event["step"], event["about"]["tool"]) == ("approval_requested", "shell")
        await talk.say("decide", 2, decision="allow")
        assert (await talk.hear_until("problem"))["ref"] == 2
        await talk.say("decide", 3, thread=event["thread_id"], decision="allow")
        decided = await talk.hear_until("decided")
        assert (decided["ref"], decided["decision"]) == (3, "allow")
        assert await asking == "ran ls"
        event = (await talk.hear_until("event"))["data"]
        assert (event["step"], event["about"]["by"]) == ("approval_decision", "http:operator")
        await talk.say("decide", 4, thread=event["thread_id"], decision="deny")
        assert (await talk.hear_until("problem"))["status"] == 404


async def test_when_the_server_has_ended_nobody_is_there_any_more() -> None:
    async with house() as visitor:
        assert visitor.organism.kernel.consent.attendance
        organism = visitor.organism
    assert not organism.kernel.consent.attendance
