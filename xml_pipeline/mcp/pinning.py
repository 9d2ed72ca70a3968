"""What servers have at present, and how that differs from what was approved."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from xml_pipeline.config import McpServerConfig
from xml_pipeline.errors import PayloadDefinitionError
from xml_pipeline.mcp.connections import entry_of, known
from xml_pipeline.mcp.definitions import Definition, Pins
from xml_pipeline.mcp.failing import ServerFailed
from xml_pipeline.mcp.servers import payload_of
from xml_pipeline.mcp.session import Session
from xml_pipeline.payload.text import printable
from xml_pipeline.subject import Subject


@dataclass(frozen=True, slots=True)
class Discovered:
    """What a server has; ``refused`` are tools that cannot be had, and why."""

    pins: Pins
    refused: Mapping[str, str]


async def discover(
    name: str, config: McpServerConfig, folder: Path, subject: Subject | None = None
) -> Discovered:
    """Ask a server what it has, for a user where it wants to know; ServerFailed where it cannot."""
    entry = entry_of(name, config, folder, known(subject) if subject else None)
    if entry is not None:
        await entry.ready()
    session = await Session.opened(name, config, folder, entry)
    try:
        tools, able = await session.tools(), session.client.server_capabilities
    except ValueError as error:  # A definition that is far too long.
        raise ServerFailed(f"{name} cannot be had: {error}") from None
    finally:
        await session.close()
    wanted = [each for each in tools if not config.tools or each.name in config.tools]
    refused = {each.name: why for each in wanted for why in _refusals(name, each)}
    kept = tuple(each for each in wanted if each.name not in refused)
    return Discovered(Pins(kept, able.prompts is not None, able.resources is not None), refused)


def differences(before: Pins | None, after: Pins) -> Iterator[str]:
    """Yield, line by line, what is otherwise than was approved; nothing where nothing is."""
    old = {each.name: each for each in before.tools} if before is not None else {}
    new = {each.name: each for each in after.tools}
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield from _difference(name, old.get(name), new.get(name))
    had = before if before is not None else Pins()
    for what in ("prompts", "resources"):
        if getattr(had, what) is not getattr(after, what):
            yield f"{'+' if getattr(after, what) else '-'} {what}"


def _difference(name: str, old: Definition | None, new: Definition | None) -> Iterator[str]:
    sign = "+" if old is None else "-" if new is None else "~"
    yield f"{sign} tool {printable(name)}"
    if new is not None:
        lines = unified_diff(_lines(old), _lines(new), n=1, lineterm="")
        yield from (f"    {each}" for each in lines if not each.startswith(("---", "+++", "@@")))


def _lines(tool: Definition | None) -> list[str]:
    """Return a definition as lines; a terminal obeys none of them, for they are ASCII."""
    return json.dumps(tool.said, indent=2, sort_keys=True).splitlines() if tool else []


def _refusals(server: str, tool: Definition) -> Iterator[str]:
    try:
        payload_of(server, tool)
    except PayloadDefinitionError as error:
        yield printable(str(error))
