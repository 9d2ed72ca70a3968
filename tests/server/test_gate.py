"""Who gets in: the token, and the names under which the server may be addressed."""

from __future__ import annotations

import httpx
import pytest

from tests.server.house import TOKEN, converse, everybody, running
from xml_pipeline.config.sections import ServerConfig
from xml_pipeline.organism import Organism
from xml_pipeline.server import application, serve

CLOSED = ("/v1/threads", "/v1/events", "/metrics", "/openapi.json", "/nowhere", "/ws", "/healthz/")


@pytest.mark.parametrize("path", CLOSED)
async def test_without_the_token_nothing_is_told_apart(path: str) -> None:
    async with running() as visitor:
        del visitor.http.headers["Authorization"]
        response = await visitor.http.get(path)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["detail"] == "Send the token: Authorization: Bearer …"


@pytest.mark.parametrize(
    "given",
    [
        "",
        "Bearer",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN.upper()}",
        "Bearer ÿ",
    ],
)
async def test_only_the_whole_token_lets_in(given: str) -> None:
    async with running() as visitor:
        headers = [(b"authorization", given.encode("latin-1"))]
        del visitor.http.headers["Authorization"]
        response = await visitor.http.get("/v1/threads", headers=headers)
    assert response.status_code == 401


async def test_two_tokens_are_no_token() -> None:
    async with running() as visitor:
        headers = [("Authorization", "Bearer x"), ("Authorization", f"Bearer {TOKEN}")]
        del visitor.http.headers["Authorization"]
        response = await visitor.http.get("/v1/threads", headers=headers)
    assert response.status_code == 401


async def test_the_scheme_may_be_written_in_any_case() -> None:
    async with running() as visitor:
        headers = {"Authorization": f"bearer  {TOKEN}"}
        response = await visitor.http.get("/v1/threads", headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_are_open(path: str) -> None:
    async with running() as visitor:
        del visitor.http.headers["Authorization"]
        assert (await visitor.http.get(path)).status_code == 200


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1:8765", "[::1]:8765", "192.168.1.7", "house"]
)
async def test_names_of_ours_and_addresses_are_answered(host: str) -> None:
    async with (
        Organism(everybody()) as organism,
        serve(organism, ServerConfig(port=0), TOKEN, hosts=["house"]) as address,
        httpx.AsyncClient(base_url=address.url) as http,
    ):
        assert (await http.get("/healthz", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "a b", "x@y"]
)
async def test_other_names_are_not_answered(host: str) -> None:
    """DNS rebinding: the attacker's page has to use the attacker's name."""
    async with running() as visitor:
        response = await visitor.http.get("/v1/threads", headers={"Host": host})
    assert response.status_code == 403


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://localhost:3000", 200),
        ("https://127.0.0.1", 200),
        ("http://evil.example", 403),
        ("null", 403),
        ("file://", 403),
        ("http://localhost@evil.example", 403),
        ("", 403),
    ],
)
async def test_pages_of_other_sites_are_refused(origin: str, expected: int) -> None:
    async with running() as visitor:
        response = await visitor.http.get("/v1/threads", headers={"Origin": origin})
    assert response.status_code == expected


@pytest.mark.parametrize("hosts", ["", "Host: localhost\r\nHost: localhost\r\n"])
async def test_no_host_and_two_hosts_are_no_host(hosts: str) -> None:
    request = f"GET /healthz HTTP/1.0\r\n{hosts}\r\n".encode()
    async with running() as visitor:
        response = await converse(visitor.address, request)
    assert response.startswith((b"HTTP/1.1 400", b"HTTP/1.1 403"))


async def test_an_application_needs_a_token_and_a_name() -> None:
    async with Organism(everybody()) as organism:
        with pytest.raises(ValueError, match="needs a token"):
            application(organism, token="")
        with pytest.raises(ValueError, match="no sender's name"):
            application(organism, token=TOKEN, sender="a b")


async def test_the_sender_has_the_name_that_was_given() -> None:
    async with Organism(everybody()) as organism:
        app = application(organism, token=TOKEN, sender="alice")
        transport = httpx.ASGITransport(app)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers
        ) as http:
            body = {"to": "greeter", "payload": {"name": "Ada"}}
            answer = (await http.post("/v1/messages?wait=10", json=body)).json()
            said = (await http.get(f"/v1/threads/{answer['thread']}/messages")).json()
        app.state.desk.close()
    assert [each["from_id"] for each in said["messages"]] == ["alice", "greeter"]
