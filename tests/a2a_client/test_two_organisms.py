"""Two organisms of ours, one of which is an agent elsewhere for the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.a2a.house import TOKEN, visiting
from tests.a2a_client.house import organism
from xml_pipeline.a2a.payloads import A2aAnswer, A2aMessage
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
KEY = {"Authorization": f"Bearer {TOKEN}"}


async def test_one_organism_asks_the_listeners_of_another(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
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
