"""The organism as an A2A server: cards, messages, and what comes of them."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.a2a.house import BEARER, message, texts, visiting

FILE = """
organism: {name: greeters}
allow_imports: [tests, xml_pipeline]
listeners:
  - {name: greeter, description: Greets., handler: tests.mcp.everything:greet, expose: a2a,
     output_class: tests.mcp.everything:Greeted}
  - {name: refuser, description: Refuses., handler: tests.mcp.everything:refuse, expose: [mcp, a2a]}
  - {name: failer, description: Fails., handler: tests.mcp.everything:fail, expose: a2a}
  - {name: counter, description: Counts., handler: tests.mcp.everything:count, expose: a2a}
  - {name: never, description: Never answers., handler: tests.mcp.everything:never, expose: a2a}
  - {name: order, description: Orders., handler: tests.mcp.everything:order, expose: a2a,
     peers: client}
  - {name: client, description: Who called., handler: "mcp:client"}
  - {name: hidden, description: Is ours alone., handler: tests.mcp.everything:greet}
"""
SHOWN = ["greeter", "refuser", "failer", "counter", "never", "order"]


async def test_the_card_tells_of_those_who_are_exposed_and_of_nobody_else(tmp_path: Path) -> None:
    async with visiting(tmp_path, FILE) as visitor, httpx.AsyncClient() as stranger:
        card = (await stranger.get(f"{visitor.url}/.well-known/agent-card.json")).json()
        assert card["name"] == "greeters"
        assert [each["id"] for each in card["skills"]] == SHOWN
        ways = {
            (each["protocolBinding"], each["protocolVersion"], each["url"])
            for each in card["supportedInterfaces"]
        }
        assert ways == {
            ("JSONRPC", "1.0", f"{visitor.url}/a2a"),
            ("JSONRPC", "0.3", f"{visitor.url}/a2a"),
            ("HTTP+JSON", "1.0", f"{visitor.url}/a2a/greeter"),
        }
        (scheme,) = card["securitySchemes"].values()
        assert scheme["httpAuthSecurityScheme"]["scheme"] == "bearer"

        one = await stranger.get(f"{visitor.url}/a2a/counter/.well-known/agent-card.json")
        assert one.json()["url"] == f"{visitor.url}/a2a/counter"
        assert one.json()["capabilities"]["extensions"][0]["params"]["counter"]["Count"]
        hidden = await stranger.get(f"{visitor.url}/a2a/hidden/.well-known/agent-card.json")
        assert hidden.status_code == 404


async def test_where_0_3_is_not_spoken_nothing_is_said_in_its_words(tmp_path: Path) -> None:
    file = FILE.replace("listeners:", "a2a: {older: false}\nlisteners:")
    async with visiting(tmp_path, file) as visitor:
        for where in ("", "/a2a/greeter"):
            card = (await visitor.http.get(f"{where}/.well-known/agent-card.json")).json()
            assert {each["protocolVersion"] for each in card["supportedInterfaces"]} == {"1.0"}
            assert not {"url", "protocolVersion", "preferredTransport", "security"} & card.keys()
        old = {"role": "user", "messageId": "1", "parts": [{"kind": "text", "text": "Ada"}]}
        assert await visitor.refused("/a2a", "message/send", message=old) == -32601
        task = (await visitor.ask("/a2a", "SendMessage", message=message("Ada")))["task"]
        assert task["status"]["state"] == "TASK_STATE_COMPLETED"


@pytest.mark.parametrize("where", ["/a2a/", "/a2a/greeter/"])
async def test_a_slash_behind_an_address_changes_nothing(tmp_path: Path, where: str) -> None:
    async with visiting(tmp_path, FILE) as visitor:
        task = (await visitor.ask(where, "SendMessage", message=message("Ada")))["task"]
        assert task["status"]["state"] == "TASK_STATE_COMPLETED"
        stranger = await visitor.http.post(where, headers={"Authorization": ""})
        assert stranger.status_code == 401


async def test_a_message_is_one_like_any_other_and_its_answer_an_artifact(tmp_path: Path) -> None:
    async with visiting(tmp_path, FILE) as visitor:
        task = (await visitor.ask("/a2a", "SendMessage", message=message("Ada")))["task"]
        assert task["status"]["state"] == "TASK_STATE_COMPLETED"
        (artifact,) = task["artifacts"]
        assert texts(artifact["parts"]) == ["Hello, Ada, says http:operator!"]
        assert artifact["parts"][1]["data"]["letters"] == len("Hello, Ada, says http:operator!")
        assert task["id"].startswith(task["contextId"])
        again = await visitor.ask("/a2a/greeter", "GetTask", id=task["id"])
        assert again == task


async def test_nobody_gets_in_without_the_token_or_from_elsewhere(tmp_path: Path) -> None:
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ListTasks"}
    async with visiting(tmp_path, FILE) as visitor, httpx.AsyncClient() as stranger:
        for path in ("/a2a", "/a2a/greeter", "/a2a/greeter/message:send", "/a2a/greeter/tasks/1"):
            assert (await stranger.post(visitor.url + path, json=ping)).status_code == 401
        for more in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
            refused = await stranger.post(
                f"{visitor.url}/a2a", json=ping, headers={**BEARER, **more}
            )
            assert refused.status_code == 403


@pytest.mark.parametrize("path", ["/.well-known/agent-card.json", "/a2a/greeter"])
async def test_cards_can_be_kept_for_those_with_the_token(tmp_path: Path, path: str) -> None:
    closed = f"{FILE}\na2a: {{open_cards: false}}\n"
    async with visiting(tmp_path, closed) as visitor, httpx.AsyncClient() as stranger:
        assert (await stranger.get(visitor.url + path)).status_code == 401


async def test_where_nobody_is_exposed_there_is_nothing(tmp_path: Path) -> None:
    async with visiting(tmp_path, "{}") as visitor:
        assert (await visitor.http.post("/a2a", json={})).status_code == 404
        assert (await visitor.http.get("/.well-known/agent-card.json")).status_code == 404
