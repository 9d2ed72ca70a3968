"""Routes of listeners, and of reloading them."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from tests.server.house import Greeting, listener, running
from xml_pipeline.events import ReloadEvent
from xml_pipeline.payload import codec_of


async def test_every_listener_is_listed() -> None:
    async with running() as visitor:
        listed = (await visitor.http.get("/v1/listeners")).json()["listeners"]
        names = [each.name for each in visitor.organism.listeners]
    assert [each["name"] for each in listed] == names
    assert {"system.timer", "greeter", "echo"} <= set(names)


async def test_a_listener_is_shown_with_what_it_accepts_and_may_do() -> None:
    who = listener("a.b", peers=("c",), max_concurrent=3, group="g", timeout=7.0, output=Greeting)
    async with running(who) as visitor:
        shown = (await visitor.http.get("/v1/listeners/a.b")).json()
    assert shown == {
        "name": "a.b",
        "description": "Called a.b.",
        "accepts": ["Greeting"],
        "generic": False,
        "output": ["Greeting"],
        "agent": False,
        "peers": ["c"],
        "group": "g",
        "broadcast": False,
        "timeout": 7.0,
        "max_concurrent": 3,
        "paused": False,
        "running": 0,
    }


@pytest.mark.parametrize("path", ["nobody", "nobody/schema", "nobody/pause", "nobody/resume"])
async def test_a_listener_that_is_not_there_is_not_found(path: str) -> None:
    method = "POST" if path.endswith(("pause", "resume")) else "GET"
    async with running() as visitor:
        response = await visitor.http.request(method, f"/v1/listeners/{path}")
    assert (response.status_code, response.json()["detail"]) == (404, "There is no such listener.")


async def test_whoever_misspells_a_listener_is_told_which_may_be_meant() -> None:
    async with running() as visitor:
        shown = await visitor.http.get("/v1/listeners/hots")
        killed = await visitor.http.delete("/v1/threads", params={"listener": "hots"})
    for response in (shown, killed):
        assert response.status_code == 404
        assert response.json()["detail"] == 'There is no such listener; did you mean "host"?'


async def test_the_schemas_of_all_payloads_are_told_at_once() -> None:
    async with running() as visitor:
        payloads = (await visitor.http.get("/v1/listeners/host/schema")).json()["payloads"]
    codec = codec_of(Greeting)
    assert list(payloads) == ["Greeting", "Farewell"]
    assert payloads["Greeting"]["xsd"].encode() == codec.xsd
    assert payloads["Greeting"]["json_schema"] == codec.json_schema()
    assert codec.from_xml(payloads["Greeting"]["example"].encode()) == codec.example()
    assert codec.from_json(payloads["Greeting"]["example_json"]) == codec.example()


async def test_one_schema_is_told_as_xml_to_who_asks_for_it() -> None:
    async with running() as visitor:
        path = "/v1/listeners/{}/schema"
        only = await visitor.http.get(path.format("greeter"), headers={"Accept": "application/xml"})
        named = await visitor.http.get(path.format("host"), params={"payload": "Farewell"})
        unnamed = await visitor.http.get(path.format("host"), headers={"Accept": "application/xml"})
        unknown = await visitor.http.get(path.format("host"), params={"payload": "Nothing"})
    assert only.content == codec_of(Greeting).xsd
    assert only.headers["content-type"] == "application/xml"
    assert etree.XMLSchema(etree.fromstring(named.content)).validate(
        etree.fromstring(b"<Farewell><name>Ada</name></Farewell>")
    )
    assert unnamed.status_code == unknown.status_code == 404


async def test_a_paused_listener_starts_nothing_until_it_is_resumed() -> None:
    async with running() as visitor:
        paused = (await visitor.http.post("/v1/listeners/greeter/pause")).json()
        waited = await visitor.tell(wait=0.05)
        resumed = (await visitor.http.post("/v1/listeners/greeter/resume")).json()
        answered = await visitor.tell(wait=10)
    assert (paused["paused"], resumed["paused"]) == (True, False)
    assert (waited.status_code, answered.status_code) == (202, 200)


async def test_an_organism_of_no_file_cannot_be_reloaded() -> None:
    async with running() as visitor:
        assert (await visitor.http.post("/v1/reload")).status_code == 409


async def test_a_reload_tells_what_was_changed() -> None:
    async def swap(path: Path | None, by: str) -> ReloadEvent:
        assert path is None
        return ReloadEvent(applied=True, added=("new",), changed=("greeter",))

    async with running() as visitor:
        visitor.organism.reloads_with(swap)
        response = await visitor.http.post("/v1/reload")
    assert response.status_code == 200
    assert (response.json()["added"], response.json()["changed"]) == (["new"], ["greeter"])


async def test_a_broken_file_is_told_with_its_problems_and_without_its_folders() -> None:
    problems = ("/etc/house/organism.yaml:3:5: peers: no such listener", "nothing with a place")

    async def refuse(path: Path | None, by: str) -> ReloadEvent:
        return ReloadEvent(applied=False, problems=problems)

    async with running() as visitor:
        visitor.organism.reloads_with(refuse)
        response = await visitor.http.post("/v1/reload")
    assert response.status_code == 422
    assert response.json()["problems"] == [
        "organism.yaml:3:5: peers: no such listener",
        "nothing with a place",
    ]
