"""Starting and stopping: ports, signals, what is still open, and who is too slow."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from contextlib import suppress

import httpx
import pytest

from tests.server.house import TOKEN, Patient, converse, everybody, head, listener, running
from xml_pipeline.config.sections import ServerConfig
from xml_pipeline.errors import XmlPipelineError
from xml_pipeline.events import Event
from xml_pipeline.organism import Organism
from xml_pipeline.server import Address, Bounds, application, serve
from xml_pipeline.server.running import _listen


async def test_a_free_port_is_taken_and_told() -> None:
    async with running() as one, running() as other:
        assert one.address.host == other.address.host == "127.0.0.1"
        assert 0 < one.address.port != other.address.port > 0


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (Address("127.0.0.1", 80), "http://127.0.0.1:80"),
        (Address("0.0.0.0", 80), "http://127.0.0.1:80"),
        (Address("::1", 80), "http://[::1]:80"),
        (Address("::", 80), "http://[::1]:80"),
    ],
)
def test_an_address_is_told_as_this_machine_reaches_it(address: Address, url: str) -> None:
    assert address.url == url


async def test_a_port_that_is_taken_is_told_in_words() -> None:
    async with running() as visitor:
        config = ServerConfig(port=visitor.address.port)
        with pytest.raises(XmlPipelineError, match=f"cannot listen on 127.0.0.1:{config.port}"):
            async with serve(visitor.organism, config, TOKEN):
                pass


async def test_a_name_that_is_no_address_is_told_in_words() -> None:
    async with Organism(everybody()) as organism:
        config = ServerConfig(bind="no.such.host.invalid", port=0)
        with pytest.raises(XmlPipelineError, match="cannot listen on no"):
            async with serve(organism, config, TOKEN):
                pass
        assert not organism.kernel.events.heard


async def test_an_ordinary_name_may_be_bound_to() -> None:
    async with (
        Organism(everybody()) as organism,
        serve(organism, ServerConfig(bind="localhost", port=0), TOKEN) as address,
        httpx.AsyncClient() as http,
    ):
        assert (await http.get(f"{address.url}/healthz")).json() == {"status": "ok"}


async def test_no_connection_holds_back_the_second_part_of_an_answer() -> None:
    with (
        await _listen("127.0.0.1", 0) as listening,
        socket.create_connection(listening.getsockname()),
        listening.accept()[0] as ours,
    ):
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_no_signal_handler_is_touched() -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    async with running():
        during = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    assert before == during


async def test_the_port_is_free_again_and_nobody_listens_any_more() -> None:
    async with Organism(everybody()) as organism:
        async with serve(organism, ServerConfig(port=0), TOKEN) as address:
            assert organism.kernel.events.heard
        assert not organism.kernel.events.heard
        with pytest.raises(ConnectionError):
            await asyncio.open_connection(address.host, address.port)
        async with serve(organism, ServerConfig(port=address.port), TOKEN) as again:
            assert again == address


async def test_the_error_of_the_body_comes_out_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        async with running():
            raise ZeroDivisionError


async def test_requests_that_wait_are_answered_when_the_server_stops() -> None:
    patient = Patient()
    async with Organism((patient.listener,)) as organism:
        async with (
            httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20) as http,
            serve(organism, ServerConfig(port=0), TOKEN) as address,
        ):
            body = {"to": "patient", "payload": {"name": "Ada"}}
            url = f"{address.url}/v1/messages?wait=60"
            waiting = asyncio.create_task(http.post(url, json=body))
            await patient.called.wait()
        response = await waiting
        assert response.status_code == 202
        assert not patient.stopped.is_set()


async def test_nothing_new_is_taken_in_while_the_server_stops() -> None:
    async with Organism(everybody()) as organism:
        app = application(organism, token=TOKEN)
        app.state.desk.close()
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost", headers=headers
        ) as http:
            body = {"to": "greeter", "payload": {"name": "Ada"}}
            refused = await http.post("/v1/messages", json=body)
            ready, alive = await http.get("/readyz"), await http.get("/healthz")
    assert (refused.status_code, ready.status_code, alive.status_code) == (503, 503, 200)
    assert "retry-after" in refused.headers


async def test_who_is_answered_while_the_organism_stops_is_hung_up_on_and_in_no_doubt() -> None:
    async with running() as visitor:
        before = await visitor.http.get("/healthz")
        visitor.organism.kernel.door.shut()
        body = {"to": "greeter", "payload": {"name": "Ada"}}
        refused = await visitor.http.post("/v1/messages", json=body)
        ready, alive = await visitor.http.get("/readyz"), await visitor.http.get("/healthz")
    assert refused.json()["detail"] == "The organism is stopping, so nothing is taken in."
    assert (refused.status_code, ready.status_code, alive.status_code) == (503, 503, 200)
    closed = [each.headers.get("connection") for each in (before, refused, ready, alive)]
    assert closed == [None, "close", "close", "close"]


async def test_an_organism_that_has_stopped_is_neither_alive_nor_ready() -> None:
    patient = Patient()
    async with Organism((patient.listener,)) as organism:
        app = application(organism, token=TOKEN)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost", headers=headers
        )
        body = {"to": "patient", "payload": {"name": "Ada"}}
        waiting = asyncio.create_task(http.post("/v1/messages?wait=60", json=body))
        await patient.called.wait()
    answers = [await waiting, await http.get("/healthz"), await http.get("/readyz")]
    answers.append(await http.post("/v1/messages", json=body))
    assert [each.status_code for each in answers] == [503, 503, 503, 503]
    await http.aclose()


async def test_a_request_whose_head_does_not_come_is_not_waited_for() -> None:
    async with running(bounds=Bounds(headers_within=0.05)) as visitor:
        silent = await converse(visitor.address)
        dripping = await converse(visitor.address, b"GET /healthz HTTP/1.1\r\nHost: lo")
    assert silent == dripping == b""


async def test_a_connection_that_is_at_work_is_left_alone() -> None:
    patient = Patient()
    async with running(patient.listener, bounds=Bounds(headers_within=0.01)) as visitor:
        body = b'{"to": "patient", "payload": {"name": "Ada"}}'
        length = f"Content-Length: {len(body)}"
        json = "Content-Type: application/json"
        request = head("POST", "/v1/messages?wait=10", json, length, "Connection: close") + body
        with socket.create_connection((visitor.address.host, visitor.address.port)) as client:
            client.sendall(request)  # It has come whole before the server can look at its clock.
            reader, writer = await asyncio.open_connection(sock=client)
            await patient.called.wait()
            passed = asyncio.Event()
            asyncio.get_running_loop().call_later(0.05, passed.set)
            await passed.wait()
            patient.go.set()
            answer = await reader.read()
            writer.close()
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_client_that_does_not_read_cannot_hold_up_the_end() -> None:
    async with running(listener("greeter"), bounds=Bounds(close_within=1)) as visitor:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, (visitor.address.host, visitor.address.port))
        await loop.sock_sendall(client, head("GET", "/v1/events"))
        body = {"to": "greeter", "payload": {"name": "x" * 60_000}}
        for _ in range(20):
            await visitor.http.post("/v1/messages?wait=10", json=body)
        began = loop.time()
    assert loop.time() - began < 5
    client.close()


async def test_one_connection_too_many_is_ended_and_the_others_stay() -> None:
    async with running(bounds=Bounds(connections=3)) as visitor:
        await visitor.tell(wait=10)
        address = visitor.address
        others = [await asyncio.open_connection(address.host, address.port) for _ in range(2)]
        refused = await said_at_once(address)
        assert (await visitor.tell(wait=10)).status_code == 200
        for _, writer in others:
            writer.close()
    assert refused == b""


async def said_at_once(address: Address) -> bytes:
    """Return what a connection brings that says nothing itself."""
    with suppress(ConnectionError):
        return await converse(address)
    return b""


async def test_an_error_that_nobody_foresaw_is_told_without_a_word_about_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running() as visitor:

        async def fail(path: object, by: str) -> Event:
            raise RuntimeError("a secret of the house")

        visitor.organism.reloads_with(fail)  # type: ignore[arg-type]  # it never returns
        response = await visitor.http.post("/v1/reload")
    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert "secret" not in response.text
    assert "a secret of the house" in caplog.text
    assert response.json()["id"] in caplog.text


def test_the_server_is_not_imported_before_it_is_wanted() -> None:
    program = (
        "import sys, xml_pipeline; xml_pipeline.Organism;"
        "sys.exit(any(name.startswith(('xml_pipeline.server', 'uvicorn', 'starlette'))"
        " for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
