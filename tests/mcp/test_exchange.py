"""Tokens exchanged for the user that a call is made for: theirs, or none at all."""

from __future__ import annotations

import asyncio
import logging
import socket
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mcp import MCPError
from starlette.responses import JSONResponse, Response

from tests.mcp.exchanging import ACTOR, SECRET, Exchange, exchange, token_of
from tests.mcp.house import approve, asked, written
from tests.mcp.visitors import TOKEN, connected, text
from xml_pipeline import Organism
from xml_pipeline.agents.payloads import Task
from xml_pipeline.config import McpServerConfig
from xml_pipeline.events import Event
from xml_pipeline.mcp.connections import IDLE, MOST, Connections
from xml_pipeline.mcp.exchange import KIND, exchanged
from xml_pipeline.mcp.failing import ServerFailed
from xml_pipeline.mcp.granting import PATIENCE
from xml_pipeline.mcp.payloads import McpResult
from xml_pipeline.mcp.pinning import discover
from xml_pipeline.server import serve
from xml_pipeline.subject import Subject
from xml_pipeline.tool_error import ToolError

TWICE: Mapping[str, Any] = {
    "name": "twice",
    "description": "Asks twice.",
    "handler": "tests.mcp.exchanging:twice",
    "peers": ["box"],
}
WIRES = ("2025-11-25", "2026-07-28")


@asynccontextmanager
async def mailbox(
    folder: Path, server: Mapping[str, Any], *listeners: Mapping[str, Any]
) -> AsyncIterator[Organism]:
    """Run an organism whose server was approved by an operator, with a token of their own."""
    file = written(folder, *listeners, box=server)
    with file.open("a", encoding="utf-8") as opened:
        opened.write("allow_imports: [tests]\n")
    await approve(file, Subject(token_of("operator")))
    async with Organism.load(file) as running:
        yield running


async def whoami(running: Organism, token: str = "", sender: str = "outside", **more: Any) -> Any:
    payload = asked(running, "box.whoami")
    return await running.ask("box.whoami", payload, subject_token=token, sender=sender, **more)


async def test_a_token_is_asked_for_as_the_standard_has_it(tmp_path: Path) -> None:
    async with exchange() as bank:
        server = bank.config(
            audience="mail", resource="https://mail.example/", scope="read", actor_token=ACTOR
        )
        async with mailbox(tmp_path, server) as running:
            assert (await whoami(running, token_of("ada"))).text == "ada"
        basic = b64encode(f"organism:{SECRET}".encode()).decode()
        assert bank.asked[-1] == {
            "authorization": f"Basic {basic}",
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": token_of("ada"),
            "subject_token_type": KIND,
            "requested_token_type": KIND,
            "actor_token": ACTOR,
            "actor_token_type": KIND,
            "audience": "mail",
            "resource": "https://mail.example/",
            "scope": "read",
        }


@pytest.mark.parametrize("wire", WIRES)
async def test_each_call_carries_the_token_of_its_own_user(tmp_path: Path, wire: str) -> None:
    people = [f"person-{number}" for number in range(8)]
    async with exchange() as bank, mailbox(tmp_path, bank.config(wire)) as running:
        calls = [whoami(running, token_of(each)) for _ in range(4) for each in people]
        answers = [each.text for each in await asyncio.gather(*calls)]
        assert answers == people * 4
        assert sorted(bank.users()) == sorted(["operator", *people])
        assert bank.strangers == []


async def test_nobody_goes_on_with_the_connection_of_another_user_after_it_broke(
    tmp_path: Path,
) -> None:
    async with exchange() as bank, mailbox(tmp_path, bank.config("2025-11-25")) as running:
        for _ in range(3):
            for person in ("ada", "bob"):
                assert (await whoami(running, token_of(person))).text == person
            bank.granted.clear()  # The server takes none of its tokens any more.
        assert bank.strangers == []
        assert set(bank.users()) == {"operator", "ada", "bob"}


async def test_a_conversation_has_its_token_until_it_ends(tmp_path: Path) -> None:
    async with exchange() as bank, mailbox(tmp_path, bank.config(), TWICE) as running:
        bank.extra = {"expires_in": 1}  # Each call needs another exchange.
        answer = await running.ask("twice", Task("Who?"), subject_token=token_of("ada"))
        assert answer.text == "ada ada"
        assert bank.users().count("ada") > 1


async def test_without_a_token_of_the_user_nothing_is_called(tmp_path: Path) -> None:
    async with exchange() as bank, mailbox(tmp_path, bank.config()) as running:
        asked_before, knocked_before = len(bank.asked), len(bank.knocked)
        answer = await whoami(running, sender="ada", tenant="acme")
        assert isinstance(answer, ToolError)
        assert answer.message.startswith("box was not called: it wants a token of the user")
        assert (len(bank.asked), len(bank.knocked)) == (asked_before, knocked_before)


@pytest.mark.parametrize(
    "refusal",
    [
        JSONResponse({"error": "invalid_request"}, 400),
        Response("no", 403),
        Response("", 200),
        JSONResponse([], 200),
        JSONResponse({"access_token": "x"}),
        JSONResponse({"access_token": "x\r\ny", "token_type": "Bearer"}),
        JSONResponse({"access_token": "x", "token_type": "N_A"}),
        JSONResponse({"access_token": "x", "token_type": "Bearer\r\nX"}),
        JSONResponse({"access_token": "x", "token_type": "Bearer", "scope": "read write"}),
        JSONResponse({"access_token": "x", "token_type": "Bearer", "issued_token_type": "saml"}),
        Response(status_code=307, headers={"Location": "http://127.0.0.1:9/"}),
    ],
    ids=[
        "an error",
        "no words",
        "an empty body",
        "no object",
        "no type",
        "a token that is two lines",
        "no access token",
        "a type that is two lines",
        "more than was asked for",
        "another sort of token",
        "another address",
    ],
)
async def test_where_nothing_of_use_is_granted_nothing_is_called(
    tmp_path: Path, refusal: Response
) -> None:
    async with exchange() as bank, mailbox(tmp_path, bank.config(scope="read")) as running:
        knocked = len(bank.knocked)
        bank.answers = [refusal]
        answer = await whoami(running, token_of("ada"))
        assert isinstance(answer, ToolError)
        assert answer.message.startswith("box was not called")
        assert len(bank.knocked) == knocked
        assert (await whoami(running, token_of("ada"))).text == "ada"


async def test_an_authorization_server_in_trouble_is_asked_again(tmp_path: Path) -> None:
    async with exchange() as bank, mailbox(tmp_path, bank.config()) as running:
        bank.answers = [Response("later", 503)]
        assert (await whoami(running, token_of("ada"))).text == "ada"


@pytest.mark.virtual_clock
async def test_one_that_does_not_answer_is_waited_for_ten_seconds() -> None:
    began = asyncio.get_running_loop().time()
    with socket.create_server(("127.0.0.1", 0)) as door:
        where = f"http://127.0.0.1:{door.getsockname()[1]}"
        auth = McpServerConfig.model_validate(Exchange(where).config()).auth
        assert auth is not None
        with pytest.raises(ServerFailed, match="cannot be reached") as failed:
            await exchanged("box", auth, Subject(token_of("ada")))
    assert failed.value.unsent
    assert asyncio.get_running_loop().time() - began >= PATIENCE


async def test_no_token_and_no_secret_is_in_what_is_told_or_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    events: list[Event] = []
    token = token_of("ada")
    said = f"{SECRET} {ACTOR} {token} {'y' * 5_000} end"
    async with exchange() as bank, mailbox(tmp_path, bank.config(actor_token=ACTOR)) as running:
        running.subscribe(events.append)
        bank.answers = [JSONResponse({"error": "invalid_grant", "error_description": said}, 400)]
        refused = await whoami(running, token)
        taken = await whoami(running, token)
    assert "(400 invalid_grant)" in refused.message
    assert isinstance(taken, McpResult)
    ours = [each.getMessage() for each in caplog.records if each.name.startswith("xml_pipeline")]
    told = "\n".join((repr(events), refused.message, taken.text, *ours))
    assert "invalid_grant" in told
    for secret in ("canary", token, token.split(".")[1], "granted-"):
        assert secret not in told
    assert max(map(len, ours)) < 700


@pytest.mark.parametrize(
    ("said", "exchanges"),
    [({"expires_in": 3600}, 1), ({}, 1), ({"expires_in": 20}, 3), ({"expires_in": True}, 1)],
    ids=["an hour", "unsaid", "less than the margin", "no number"],
)
async def test_a_token_is_used_until_shortly_before_its_end(
    tmp_path: Path, said: dict[str, Any], exchanges: int
) -> None:
    async with exchange() as bank:
        bank.extra = said
        auth = McpServerConfig.model_validate(bank.config()).auth
        assert auth is not None
        granted = [await exchanged("box", auth, Subject(token_of("ada"))) for _ in range(exchanges)]
        assert len(bank.asked) == exchanges == len(granted)


async def test_a_token_that_the_server_does_not_take_any_more_is_exchanged_anew(
    tmp_path: Path,
) -> None:
    async with exchange() as bank, mailbox(tmp_path, bank.config()) as running:
        assert (await whoami(running, token_of("ada"))).text == "ada"
        bank.granted.clear()
        assert (await whoami(running, token_of("ada"))).text == "ada"
        assert bank.users().count("ada") == 2


async def test_another_token_of_the_same_user_is_another_connection(tmp_path: Path) -> None:
    async with exchange() as bank, mailbox(tmp_path, bank.config()) as running:
        for number in (0, 1, 0, 1):
            assert (await whoami(running, token_of("ada", number))).text == "ada"
        assert bank.users().count("ada") == 2


async def test_a_source_knows_the_tokens_of_users_whose_conversations_brought_none(
    tmp_path: Path,
) -> None:
    async with exchange() as bank:
        server = bank.config(subject_source="tests.mcp.exchanging:source")
        async with mailbox(tmp_path, server) as running:
            for _ in range(2):
                assert (await whoami(running, sender="ada", tenant="acme")).text == "ada"
            other = await whoami(running, sender="ada", tenant="other")
            assert isinstance(other, ToolError)
            assert (await whoami(running, token_of("bob"), sender="ada", tenant="acme")).text == (
                "bob"
            )
        assert bank.users().count("ada") == 1


@dataclass(frozen=True)
class For:
    """For whom a call is made."""

    principal: str
    tenant: str = ""

    @property
    def subject(self) -> Subject:
        return Subject(token_of(self.principal))


def many(folder: Path) -> Connections:
    config = Exchange("http://127.0.0.1:9").config()
    return Connections("box", McpServerConfig.model_validate(config), folder)


async def test_the_connections_of_those_who_came_last_are_kept(tmp_path: Path) -> None:
    ways, kept = many(tmp_path), {}
    for number in range(MOST + 1):
        async with ways.lent(For(f"person-{number}")) as kept[number]:
            pass
    for number in (MOST, 1):
        async with ways.lent(For(f"person-{number}")) as way:
            assert way is kept[number]
    async with ways.lent(For("person-0")) as way:
        assert way is not kept[0]


async def test_while_all_are_in_use_another_user_has_to_come_again(tmp_path: Path) -> None:
    ways = many(tmp_path)
    async with AsyncExitStack() as calls:
        for number in range(MOST):
            await calls.enter_async_context(ways.lent(For(f"person-{number}")))
        with pytest.raises(ServerFailed, match="too many users") as failed:
            await calls.enter_async_context(ways.lent(For("one more")))
        assert failed.value.unsent


@pytest.mark.virtual_clock
async def test_a_connection_that_its_user_has_left_is_closed_after_ten_minutes(
    tmp_path: Path,
) -> None:
    ways = many(tmp_path)
    async with ways.lent(For("ada")) as first:
        pass
    await asyncio.sleep(IDLE + 1)
    async with ways.lent(For("bob")), ways.lent(For("ada")) as second:
        assert second is not first


async def test_who_approves_such_a_server_needs_a_token_of_their_own(tmp_path: Path) -> None:
    async with exchange() as bank:
        config = McpServerConfig.model_validate(bank.config())
        with pytest.raises(ServerFailed, match="none was given"):
            await discover("box", config, tmp_path)
        assert bank.asked == []
        assert bank.knocked == []


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_gateway_calls_for_whoever_its_client_says(tmp_path: Path, mode: str) -> None:
    async with exchange() as bank:
        server = {**bank.config(), "expose": "mcp"}
        async with mailbox(tmp_path, server) as running:
            private = running.config.server.model_copy(update={"port": 0})
            async with serve(running, private, TOKEN) as address:
                for person in ("ada", "bob"):
                    async with connected(address.url, mode, subject=token_of(person)) as client:
                        assert text(await client.call_tool("box.whoami")) == person
                async with connected(address.url, mode) as client:
                    assert (await client.call_tool("box.whoami")).is_error
                async with connected(address.url, mode, subject="two words") as client:
                    with pytest.raises(MCPError, match="visible ASCII"):
                        await client.call_tool("box.whoami")
