"""``watch``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from xml_pipeline.cli import options
from xml_pipeline.cli.client import connected
from xml_pipeline.cli.locate import locate
from xml_pipeline.cli.options import Target
from xml_pipeline.cli.output import print_json, print_result, remark

TYPES = (
    "MessageSent",
    "MessageReceived",
    "AgentState",
    "ThreadEvent",
    "FaultEvent",
    "BudgetEvent",
    "ReloadEvent",
    "ListenersChanged",
    "AgentEvent",
    "AgentText",
    "ToolProgress",
    "ToolLog",
    "ResourceChanged",
)
SHOWN = 8
"""Characters of an id that are shown: enough to tell those on one screen apart."""


@click.command()
@click.option("--thread", metavar="ID", help="Only what belongs to this thread or conversation.")
@click.option("--listener", metavar="NAME", help="Only what this listener takes part in.")
@click.option(
    "--type", "types", multiple=True, type=click.Choice(TYPES), help="Only events of this type."
)
@options.running_organism
@options.as_json
@options.asynchronous
async def watch(
    thread: str | None,
    listener: str | None,
    types: tuple[str, ...],
    target: Target,
    as_json: bool,
) -> None:
    """Follow what happens in a running organism.

    Until it stops, or Ctrl-C.
    """
    wanted = {"thread": thread or "", "listener": listener or "", "type": ",".join(types)}
    query = {key: value for key, value in wanted.items() if value}
    url, token = locate(target)
    async with connected(url, token) as client, client.events(**query) as events:
        remark(f"Watching {url}.")
        async for event in events:
            if as_json:
                print_json({"event": event.type, **event.data})
            else:
                now = datetime.now().astimezone()
                print_result(f"{now:%H:%M:%S.%f}"[:-3] + f"  {told(event.type, event.data)}")
    remark("The organism has stopped.")


def told(kind: str, said: Mapping[str, Any]) -> str:
    """Return an event in one line."""
    match kind:
        case "MessageSent" | "MessageReceived":
            arrow = "→" if kind == "MessageSent" else "⇒"
            text = said["payload"] or said["payload_type"]
            return f"{_short(said)}  {said['from_id']} {arrow} {said['to_id']}  {text}"
        case "AgentState":
            return f"{_short(said)}  {said['listener']} is {said['state']}"
        case "ThreadEvent":
            way = f"{said['caller']} → {said['callee'] or '?'}"
            return f"{_short(said)}  thread {said['status']}  {way}"
        case "FaultEvent":
            way = f"{said['from_id']} → {said['to_id'] or '?'}"
            return f"{_short(said)}  fault {said['id']} ({said['code']})  {way}"
        case "AgentText":
            return f"{_short(said)}  {said['agent']} says {said['text']!r}"
        case "ToolProgress" | "ToolLog" | "ResourceChanged":
            return f"{_short(said)}  {said['listener']} {_meanwhile(kind, said)}"
        case "AgentEvent":
            about = ", ".join(f"{key}: {value}" for key, value in said["about"].items())
            return f"{_short(said)}  {said['agent']}  {said['step']}  {about}"
        case _:
            return f"{kind}  " + ", ".join(f"{key}: {value}" for key, value in said.items())


def _meanwhile(kind: str, said: Mapping[str, Any]) -> str:
    """Return what a listener tells of its work while it is at it."""
    if kind == "ToolLog":
        return f"says ({said['level']}): {said['message']}"
    if kind == "ResourceChanged":
        return f"has changed {said['uri']}"
    of = f" of {said['total']:g}" if said["total"] else ""
    return f"has done {said['progress']:g}{of}  {said['message']}".rstrip()


def _short(said: Mapping[str, Any]) -> str:
    return str(said["thread_id"])[:SHOWN]
