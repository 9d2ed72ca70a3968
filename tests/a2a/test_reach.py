"""Nobody gains reach over A2A: not whoever asks, and not whoever is asked."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.a2a.house import message, visited, visiting
from tests.flows.test_peers import NAMES, Crowd, matrix
from tests.mcp.everything import Greet, greet
from xml_pipeline import Listener
from xml_pipeline.testing import memory_organism

PARAMS = -32602

FILE = """
organism: {name: two}
allow_imports: [tests, xml_pipeline]
DEFAULT
listeners:
  - {name: greeter, description: Greets., handler: tests.mcp.everything:greet, expose: a2a}
  - {name: other, description: Greets., handler: tests.mcp.everything:greet, expose: a2a}
  - {name: tool, description: Greets., handler: tests.mcp.everything:greet, expose: mcp}
  - {name: hidden, description: Greets., handler: tests.mcp.everything:greet}
"""


async def test_each_of_twenty_reaches_exactly_whom_it_lists_when_asked_over_a2a() -> None:
    """S3: all 400 pairs; and whoever is asked knows nobody of those who are shown but its peers."""
    peers = matrix(Random(3))
    crowd = Crowd(peers, expose=("a2a",))
    async with memory_organism(*crowd.listeners) as organism, visited(organism) as visitor:
        for name in NAMES:
            said = message({"Task": {"text": "object"}})
            no_wait: dict[str, Any] = {"returnImmediately": True}
            await visitor.ask(f"/a2a/{name}", "SendMessage", message=said, configuration=no_wait)
        await organism.drain()
    assert crowd.reached == {
        ("object", sender, to)
        for sender in NAMES
        for to in NAMES
        if to in peers[sender] or to == sender
    }


@pytest.mark.parametrize("name", ["tool", "hidden", "system.approval", "nobody"])
async def test_nobody_is_asked_who_is_not_exposed(tmp_path: Path, name: str) -> None:
    async with visiting(tmp_path, FILE.replace("DEFAULT", "")) as visitor:
        said = message("Ada", metadata={"skill": name})
        assert await visitor.refused("/a2a", "SendMessage", message=said) == PARAMS
        for path in (f"/a2a/{name}", f"/a2a/{name}/message:send"):
            assert (await visitor.http.post(path, json={})).status_code == 404
        assert visitor.organism.kernel.threads.conversations == 0


@pytest.mark.parametrize(
    ("default", "metadata", "who"),
    [
        ("", {}, "greeter"),
        ("a2a: {default: other}", {}, "other"),
        ("a2a: {default: other}", {"skill": "greeter"}, "greeter"),
    ],
    ids=["the first", "the default one", "the one that is named"],
)
async def test_a_message_to_the_organism_is_for_one_agent(
    tmp_path: Path, default: str, metadata: dict[str, str], who: str
) -> None:
    async with visiting(tmp_path, FILE.replace("DEFAULT", default)) as visitor:
        said = message("Ada", metadata=metadata)
        task = (await visitor.ask("/a2a", "SendMessage", message=said))["task"]
        assert task["artifacts"][0]["name"] == who


async def test_the_tasks_of_one_agent_are_not_there_for_clients_of_another(tmp_path: Path) -> None:
    async with visiting(tmp_path, FILE.replace("DEFAULT", "")) as visitor:
        sent = await visitor.ask("/a2a/greeter", "SendMessage", message=message("Ada"))
        id = sent["task"]["id"]
        assert await visitor.refused("/a2a/other", "GetTask", id=id) == -32001
        assert (await visitor.ask("/a2a/other", "ListTasks"))["tasks"] == []
        assert await visitor.refused("/a2a/other", "CancelTask", id=id) == -32001


async def test_whoever_is_exposed_no_more_is_not_there(tmp_path: Path) -> None:
    shown = Listener("greeter", Greet, greet, description="Greets.", expose=("a2a",))
    other = Listener("other", Greet, greet, description="Greets.", expose=("a2a",))
    async with memory_organism(shown, other) as organism, visited(organism) as visitor:
        await visitor.ask("/a2a/greeter", "SendMessage", message=message("Ada"))
        organism.unregister("greeter")
        assert (await visitor.http.post("/a2a/greeter", json={})).status_code == 404
        task = (await visitor.ask("/a2a", "SendMessage", message=message("Ada")))["task"]
        assert task["artifacts"][0]["name"] == "other"


async def test_a_context_of_somebody_else_is_never_gone_on_with(tmp_path: Path) -> None:
    shown = Listener("greeter", Greet, greet, description="Greets.", expose=("a2a",))
    async with memory_organism(shown) as organism, visited(organism) as visitor:
        theirs = await organism.send("greeter", Greet("Eve"), sender="eve")
        said = message("Ada", contextId=theirs)
        task = (await visitor.ask("/a2a", "SendMessage", message=said))["task"]
        assert task["contextId"] == theirs
        assert not task["id"].startswith(theirs)


async def test_what_xml_cannot_carry_is_refused(tmp_path: Path) -> None:
    async with visiting(tmp_path, FILE.replace("DEFAULT", "")) as visitor:
        for text in ("\x00", "\x1b[0m"):
            assert await visitor.refused("/a2a", "SendMessage", message=message(text)) == PARAMS
