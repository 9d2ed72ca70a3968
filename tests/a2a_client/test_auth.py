"""Getting into agents that want to know who comes."""

from __future__ import annotations

import asyncio
import socket
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from xml_pipeline.a2a.http import NoToken, opened
from xml_pipeline.config import A2aAgentConfig


@dataclass
class Gate:
    """An agent's door, and who gives tokens for it; ``valid`` is the token that opens it."""

    url: str = ""
    valid: str = "t1"
    answers: list[Any] = field(default_factory=list)
    forms: list[dict[str, Any]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    async def token(self, request: Request) -> Response:
        assert request.headers["authorization"] == f"Basic {b64encode(b'me:secret').decode()}"
        self.forms.append(dict(await request.form()))
        return JSONResponse(*self.answers.pop(0))

    async def door(self, request: Request) -> Response:
        shown = request.headers["authorization"]
        self.shown.append(shown)
        return Response(status_code=200 if shown == f"Bearer {self.valid}" else 401)


@asynccontextmanager
async def gate(*answers: Any) -> AsyncIterator[tuple[Gate, httpx.AsyncClient]]:
    there = Gate(answers=list(answers))
    app = Starlette(
        routes=[Route("/token", there.token, methods=["POST"]), Route("/door", there.door)]
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        there.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        running = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none"))
        serving = asyncio.create_task(running.serve([listening]))
        auth = {
            "client_id": "me",
            "client_secret": "secret",
            "token_url": f"{there.url}/token",
            "scope": "speak",
        }
        config = A2aAgentConfig.model_validate({"url": there.url, "auth": auth})
        try:
            async with opened(config) as client:
                yield there, client
        finally:
            running.should_exit = True
            await serving


def granted(token: str, seconds: int = 3600) -> Any:
    return ({"access_token": token, "token_type": "Bearer", "expires_in": seconds},)


async def test_a_token_is_got_once_and_used_until_it_ends() -> None:
    async with gate(granted("t1")) as (there, client):
        for _ in range(3):
            assert (await client.get(f"{there.url}/door")).status_code == 200
    assert there.forms == [{"grant_type": "client_credentials", "scope": "speak"}]


async def test_a_token_that_is_about_to_end_is_not_used() -> None:
    async with gate(granted("t1", 10), granted("t1", 10)) as (there, client):
        for _ in range(2):
            assert (await client.get(f"{there.url}/door")).status_code == 200
    assert len(there.forms) == 2


async def test_a_token_that_is_not_known_any_more_is_got_anew_once() -> None:
    async with gate(granted("t1"), granted("t2"), granted("t3")) as (there, client):
        assert (await client.get(f"{there.url}/door")).status_code == 200
        there.valid = "t2"
        assert (await client.get(f"{there.url}/door")).status_code == 200
        there.valid = "none"
        assert (await client.get(f"{there.url}/door")).status_code == 401
    assert [each.removeprefix("Bearer ") for each in there.shown] == ["t1", "t1", "t2", "t2", "t3"]


@pytest.mark.parametrize(
    "answer",
    [({"error": "invalid_client"}, 401), ({"access": "x"},), ([],), ({"access_token": "x"}, 302)],
    ids=["refused", "no token", "no object", "moved"],
)
async def test_where_there_is_no_token_the_agent_is_not_asked(answer: Any) -> None:
    async with gate(answer) as (there, client):
        with pytest.raises(NoToken, match=r"/token gives no token: HTTP \d+"):
            await client.get(f"{there.url}/door")
    assert there.shown == []
