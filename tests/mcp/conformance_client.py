"""What the official conformance suite starts as a client: an organism that uses all there is.

``python -m tests.mcp.conformance_client URL`` approves the server and calls each tool once, with an
example of what it takes. Where the suite wants to see how we get in, an operator logs in first,
with a browser that says yes to everything, and again where the organism says that this is needed.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import yaml

from tests.mcp.house import approve
from tests.mcp.logins import Browser
from xml_pipeline import HandlerMetadata, HandlerResponse, Organism
from xml_pipeline.config import McpServerConfig
from xml_pipeline.errors import ConfigError, Unanswered
from xml_pipeline.mcp.failing import ServerFailed
from xml_pipeline.mcp.login import log_in
from xml_pipeline.mcp.payloads import Elicit, Elicited, Sample, Sampled
from xml_pipeline.payload import Codec
from xml_pipeline.tool_error import ToolError

MOST_LOGINS = 3

PEOPLE = [
    {
        "name": "person",
        "description": "Fills in forms.",
        "handler": "tests.mcp.conformance_client:fill_in",
        "output_class": "xml_pipeline.mcp.payloads:Elicited",
    },
    {
        "name": "model",
        "description": "Thinks.",
        "handler": "tests.mcp.conformance_client:think",
        "output_class": "xml_pipeline.mcp.payloads:Sampled",
    },
]

_SCOPE = re.compile(r"--scope '([^']+)'")


async def fill_in(payload: Elicit, metadata: HandlerMetadata) -> HandlerResponse:
    """Leave every field of a form as it is, or fill in what is asked for."""
    form: Any = payload.schema
    said: Any = {
        name: about["default"] if "default" in about else _EXAMPLES[about.get("type", "string")]
        for name, about in form.get("properties", {}).items()
    }
    return HandlerResponse.respond(Elicited("accept", said))


_EXAMPLES: Mapping[str, Any] = {
    "string": "text",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "array": [],
}


async def think(payload: Sample, metadata: HandlerMetadata) -> HandlerResponse:
    """Answer like a model."""
    return HandlerResponse.respond(Sampled("It is 42.", "none"))


async def main(url: str) -> None:
    """Use every tool of a server."""
    scenario = os.environ.get("MCP_CONFORMANCE_SCENARIO", "")
    box: dict[str, Any] = {
        "url": url,
        "elicitation": "person",
        "sampling": "model",
        "roots": ["work"],
        "protocol": wire(),
    }
    if scenario.startswith("auth/"):
        box["auth"] = await way_in(scenario, url)
    with TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = f"{folder}/state"
        file = Path(folder) / "organism.yaml"
        said = {"mcp": {"servers": {"box": box}}, "listeners": PEOPLE}
        file.write_text(yaml.safe_dump({**said, "allow_imports": ["tests", "xml_pipeline"]}))
        try:
            await use(file, McpServerConfig.model_validate(box))
        except (ServerFailed, ConfigError) as error:
            sys.exit(str(error))


def wire() -> str:
    """Return which wire is to be spoken."""
    named = os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION", "")
    return named if named in ("2025-11-25", "2026-07-28") else "auto"


async def use(file: Path, config: McpServerConfig) -> None:
    """Log in, approve and call everything; log in again as often as that is said to help."""
    scope = ""
    for _ in range(MOST_LOGINS):
        if config.auth is not None and config.auth.type == "authorization_code":
            await log_in("box", config, file.parent, Browser().show, scope=scope)
        await approve(file)
        async with Organism.load(file) as running:
            wanting = await called(running)
        if not wanting:
            return
        named = _SCOPE.search(wanting)
        scope = named[1] if named else ""
    sys.exit("one login after the other is of no use")


async def called(running: Organism) -> str:
    """Call every tool; return what one says that wants somebody to log in."""
    wanting = ""
    for name, payload in calls(running):
        try:
            said = await running.ask(name, payload, timeout=20)
        except Unanswered as error:
            said = error
        sys.stdout.write(f"{name}: {said}\n")
        if isinstance(said, ToolError) and "mcp login" in said.message:
            wanting = said.message
    return wanting


def calls(running: Organism) -> list[tuple[str, Any]]:
    """Return what is called, and with what."""
    tools = [each for each in running.listeners if each.group == "box"]
    found: list[tuple[str, Any]] = []
    for each in tools:
        codec = next(iter(each.codecs.values()))
        found += [(each.name, payload) for payload in payloads(each.name, codec)]
    return found


def payloads(name: str, codec: Codec[Any]) -> list[Any]:
    """Return what a tool is called with: as the suite says, or else an example."""
    told = context().get("toolCalls", [])
    wanted = [each["arguments"] for each in told if f"box.{each['name']}" == name]
    given = ({key: value for key, value in each.items() if value is not None} for each in wanted)
    return list(map(codec.from_json, given)) or [codec.example()]


def context() -> dict[str, Any]:
    """Return what the suite tells of a scenario."""
    found: dict[str, Any] = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")
    return found


async def way_in(scenario: str, url: str) -> dict[str, Any]:
    """Return what an operator writes about getting in."""
    known = context()
    if scenario == "auth/client-credentials-basic":
        who = {key: known[key] for key in ("client_id", "client_secret")}
        return {**who, "issuer": await issuer_of(url)}
    if scenario == "auth/pre-registration":
        who = {key: known[key] for key in ("client_id", "client_secret", "issuer")}
        return {"type": "authorization_code", **who}
    metadata = "https://conformance-test.local/client-metadata.json"
    return {"type": "authorization_code", "client_metadata": metadata}


async def issuer_of(url: str) -> str:
    """Return the authorization server that a server names, as an operator looks it up."""
    async with httpx2.AsyncClient() as http:
        where = httpx2.URL(url).copy_with(path="/.well-known/oauth-protected-resource/mcp")
        said = (await http.get(where)).json()
    return str(said["authorization_servers"][0])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
