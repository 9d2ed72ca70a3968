"""A query parameter that a route does not know is refused, on every route."""

from __future__ import annotations

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.server.house import HELLO, TOKEN, Visitor, envelope, everybody, running
from xml_pipeline.server.operation import Operation
from xml_pipeline.server.operations import OPERATIONS

HTTP = [each for each in OPERATIONS if 101 not in each.answers]


async def asked(visitor: Visitor, operation: Operation, query: str) -> httpx.Response:
    path = operation.path.replace("{name}", "greeter").replace("{id}", "x")
    return await visitor.http.request(operation.method, f"{path}?{query}")


@pytest.mark.parametrize("operation", HTTP, ids=[each.name for each in HTTP])
async def test_no_route_passes_over_a_parameter_it_does_not_know(operation: Operation) -> None:
    async with running(*everybody()) as visitor:
        response = await asked(visitor, operation, "colour=blue")
        assert visitor.organism.kernel.threads.conversations == 0
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert 'There is no query parameter "colour" here' in response.json()["detail"]


async def test_a_misspelt_parameter_is_told_its_right_name_and_nothing_is_sent() -> None:
    async with running(*everybody()) as visitor:
        for query, meant in (("wiat=5", "wait"), ("to=greeter&Wait=5", "wait")):
            body = {"content": envelope(HELLO), "headers": {"Content-Type": "application/xml"}}
            response = await visitor.http.post(f"/v1/messages?{query}", **body)  # type: ignore[arg-type]
            assert response.status_code == 400
            assert response.json()["detail"].endswith(f'here: did you mean "{meant}"?')
        response = await visitor.http.get("/v1/events?lisener=greeter")
        assert response.json()["detail"].endswith('here: did you mean "listener"?')
        assert visitor.organism.kernel.threads.conversations == 0


async def test_what_there_is_instead_is_told_where_nothing_is_alike() -> None:
    async with running(*everybody()) as visitor:
        some = await visitor.http.get("/v1/threads?zzzz")
        none = await visitor.http.get(f"/healthz?{'x' * 3_000}=1")
    assert some.json()["detail"].endswith("here; there are: status, listener, limit, past.")
    assert none.json()["detail"].endswith("here, nor any other.")
    assert len(none.content) < 500


async def test_the_websocket_takes_none() -> None:
    async with running(*everybody()) as visitor:
        url = str(visitor.http.base_url).replace("http", "ws").rstrip("/") + "/ws?thread=x"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with pytest.raises(InvalidStatus) as caught:
            async with connect(url, additional_headers=headers, proxy=None):
                pass
    assert caught.value.response.status_code == 400
