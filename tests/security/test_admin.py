"""S25: who changes an organism is known, and written down; nobody else widens anybody's reach."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.assembly.projects import GREETER, Project, greeter, organism, project
from tests.audit.logs import actions, full_disk, state, told
from tests.server.house import TOKEN, Patient, running
from xml_pipeline.config import OrganismConfig
from xml_pipeline.config.sections import ServerConfig
from xml_pipeline.organism import Organism
from xml_pipeline.server import serve
from xml_pipeline.server.operations import OPERATIONS

__all__ = ["project", "state"]

pytestmark = pytest.mark.usefixtures("state")

ORDERS = [
    each for each in OPERATIONS if each.method in ("POST", "DELETE") and each.name != "post_message"
]
NARROW, WIDE = (
    organism(GREETER, GREETER.replace("name: greeter", f"name: other{peers}"), audit="{path: log}")
    for peers in ("", ", peers: [greeter]")
)


@asynccontextmanager
async def served(project: Project) -> AsyncIterator[tuple[Organism, httpx.AsyncClient]]:
    """Serve a project whose file has just been changed to give a listener a peer."""
    project.write("handlers/greeter.py", greeter("Hello"))
    project.write("organism.yaml", NARROW)
    async with Organism.load(project.file) as running:
        project.write("organism.yaml", WIDE)
        async with (
            serve(running, ServerConfig(port=0), TOKEN) as address,
            httpx.AsyncClient(base_url=address.url, timeout=20) as http,
        ):
            yield running, http


def peers(running: Organism) -> tuple[str, ...]:
    return running.kernel.listeners.get("other").peers


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "headers", [{}, bearer("another"), {"Authorization": "Bearer"}, {"Cookie": TOKEN}]
)
async def test_without_the_token_nothing_is_ordered(
    project: Project, headers: dict[str, str]
) -> None:
    async with served(project) as (running, http):
        for order in ORDERS:
            url = order.path.format(id="x", name="greeter", push_id="y")
            response = await http.request(order.method, url, headers=headers)
            assert (response.status_code, peers(running)) == (401, ()), order.name
    assert actions(project.root / "log") == ["start", "stop"]


async def test_a_reload_over_http_is_its_senders_and_tells_who_gained_whom(
    project: Project,
) -> None:
    async with served(project) as (running, http):
        response = await http.post("/v1/reload", headers=bearer(TOKEN))
        assert (response.status_code, peers(running)) == (200, ("greeter",))
    [(actor, what)] = told(project.root / "log", "reload")
    assert (actor, what["peers"]) == ("http:operator", {"other": {"added": ["greeter"]}})


@pytest.mark.parametrize("query", ["path=/tmp/other.yaml", "file=other.yaml", "by=ada"])
async def test_whoever_orders_a_reload_cannot_choose_the_file_or_the_name(
    project: Project, query: str
) -> None:
    async with served(project) as (running, http):
        response = await http.post(f"/v1/reload?{query}", headers=bearer(TOKEN))
        assert (response.status_code, peers(running)) == (400, ())


async def test_orders_over_http_bear_the_name_of_the_token(project: Project) -> None:
    async with served(project) as (_, http):
        for method, path in (
            ("POST", "/v1/listeners/greeter/pause"),
            ("POST", "/v1/listeners/greeter/resume"),
            ("DELETE", "/v1/threads?listener=greeter"),
            ("DELETE", "/v1/threads?all=true"),
        ):
            assert (await http.request(method, path, headers=bearer(TOKEN))).status_code == 200
    log = project.root / "log"
    assert actions(log)[1:-1] == ["pause", "resume", "kill_all", "kill_all"]
    for action in ("pause", "resume", "kill_all"):
        assert {actor for actor, _ in told(log, action)} == {"http:operator"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/listeners/patient/pause"),
        ("DELETE", "/v1/threads/{thread}"),
        ("DELETE", "/v1/threads?all=true"),
        ("DELETE", "/v1/threads?listener=patient"),
    ],
)
async def test_what_cannot_be_written_down_is_not_done_and_says_so(
    project: Project, method: str, path: str
) -> None:
    patient = Patient()
    config = OrganismConfig.model_validate({"audit": {"path": str(project.root / "log")}})
    async with running(patient.listener, config=config) as visitor:
        thread = (await visitor.tell("patient")).json()["thread"]
        await patient.called.wait()
        with full_disk():
            response = await visitor.http.request(method, path.format(thread=thread))
        assert response.status_code == 503
        assert "could not be written into the audit log" in response.json()["detail"]
        assert not patient.stopped.is_set()
        shown = await visitor.http.get("/v1/listeners/patient")
        assert (shown.json()["paused"], shown.json()["running"]) == (False, 1)
        again = await visitor.http.request(method, path.format(thread=thread))
        assert again.is_success


@pytest.mark.parametrize(
    ("query", "status", "killed"),
    [
        ("all=true", 200, 1),
        ("listener=patient", 200, 1),
        ("tenant=", 200, 1),
        ("tenant=another", 200, 0),
        ("listener=patient&tenant=another", 200, 0),
        ("listener=nobody", 404, 0),
        ("", 400, 0),
        ("all=yes", 400, 0),
        ("all=true&listener=patient", 400, 0),
        ("everything=true", 400, 0),
    ],
)
async def test_work_is_stopped_as_the_query_says(query: str, status: int, killed: int) -> None:
    patient = Patient()
    async with running(patient.listener) as visitor:
        await visitor.tell("patient")
        await patient.called.wait()
        response = await visitor.http.delete(f"/v1/threads?{query}")
        assert response.status_code == status
        assert response.json().get("killed", 0) == killed
        assert len(visitor.organism.kernel.threads) == 1 - killed
