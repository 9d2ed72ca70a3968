"""Two organisms of ours, one of which is an agent elsewhere for the other."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.a2a.house import TOKEN, visiting
from tests.a2a_client.house import organism
from xml_pipeline.a2a.payloads import A2aAnswer, A2aMessage
from xml_pipeline.events import Event, ThreadEvent
from xml_pipeline.tool_error import ToolError

SERVED = """
listeners:
  - name: greeter
    description: Greets people.
    handler: handlers.greeter:greet
    expose: a2a
  - name: calculator
    description: Works out arithmetic.
    handler: handlers.calculator:calculate
    expose: a2a
"""
ASKING = """
allow_imports: [tests, xml_pipeline]
listeners:
  - {name: order, description: Orders., handler: tests.mcp.everything:order, expose: a2a,
     peers: client}
  - {name: client, description: Who called., handler: "mcp:client"}
  - {name: holder, description: Holds on., handler: tests.mcp.everything:hold, expose: a2a}
"""
KEY = {"Authorization": f"Bearer {TOKEN}"}


def both(folder: Path) -> tuple[Path, Path]:
    """Return a folder for each of two organisms."""
    here, there = folder / "here", folder / "there"
    here.mkdir()
    there.mkdir()
    return here, there


async def test_one_organism_asks_the_listeners_of_another(tmp_path: Path) -> None:
    here, there = both(tmp_path)
    async with visiting(there, SERVED) as visitor:
        base = f"{visitor.url}/a2a"
        agents: dict[str, dict[str, Any]] = {
            "greeter": {"url": f"{base}/greeter", "headers": KEY},
            "sums": {"url": f"{base}/calculator", "headers": KEY, "streaming": False, "poll": 0.05},
            "all": {"url": visitor.url, "headers": KEY},
            "nobody": {"url": f"{base}/greeter"},
        }
        async with organism(here, **agents) as running:
            (greeter,) = (each for each in running.listeners if each.name == "greeter")
            assert greeter.description.startswith("Greets people.")
            greeted = await running.ask("greeter", A2aMessage("Ada"))
            assert isinstance(greeted, A2aAnswer)
            assert (greeted.state, greeted.text) == ("completed", "Hello, Ada!")
            worked_out = await running.ask("sums", A2aMessage("6 * 7"))
            assert worked_out.data == [{"expression": "6 * 7", "value": 42}]
            told = await running.ask("greeter", A2aMessage("", data={"name": "Bob"}))
            assert told.text == "Hello, Bob!"
            default = await running.ask("all", A2aMessage("Cy"))
            assert default.text == "Hello, Cy!"
            refused = await running.ask("nobody", A2aMessage("Ada"))
            assert refused == ToolError("nobody answers with HTTP status 401")


async def test_what_a_listener_of_another_asks_is_answered_with_the_next_message(
    tmp_path: Path,
) -> None:
    here, there = both(tmp_path)
    async with visiting(there, ASKING) as visitor:
        order = {"url": f"{visitor.url}/a2a/order", "headers": KEY}
        async with organism(here, order=order) as running:
            asked = await running.ask("order", A2aMessage("", data={"to": 3}))
            assert (asked.state, asked.text.splitlines()[0]) == ("input-required", "Which size?")
            told = A2aMessage("", {"size": "large"}, context=asked.context, task=asked.task)
            done = await running.ask("order", told)
            assert (done.state, done.task) == ("completed", asked.task)
            assert "accept {'size': 'large'}" in done.text


async def test_what_is_killed_here_is_stopped_in_the_other_one(tmp_path: Path) -> None:
    here, there = both(tmp_path)
    async with visiting(there, ASKING) as visitor:
        holder = {"url": f"{visitor.url}/a2a/holder", "headers": KEY}
        statuses: asyncio.Queue[str] = asyncio.Queue()

        def hear(event: Event) -> None:
            if isinstance(event, ThreadEvent) and event.callee == "holder":
                statuses.put_nowait(event.status)

        visitor.organism.subscribe(hear)
        async with organism(here, holder=holder) as running:
            thread = await running.send("holder", A2aMessage(str(tmp_path / "stopped")))
            assert await statuses.get() == "active"
            running.kill(thread)
            assert await statuses.get() == "killed"
