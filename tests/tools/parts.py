"""Organisms of tools, what their files say, and somebody who calls them one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xml_pipeline import HandlerMetadata, HandlerResponse, Listener, Organism, xmlify
from xml_pipeline.payload import RawPayload
from xml_pipeline.payload.raw import parse_xml
from xml_pipeline.system import SystemError, ThreadEnded

HEADER = "organism: {name: tools}\nworkspace: {root: spaces}\nlisteners:\n"
TOOL = "  - {name: NAME, description: Does it., handler: 'tools:NAME'SETTINGS}\n"


def tool(name: str, settings: str = "") -> str:
    """Return a tool as a file says it."""
    said = f", tool: {settings}" if settings else ""
    return TOOL.replace("NAME", name).replace("SETTINGS", said)


def organism_of(folder: Path, *tools: str, header: str = HEADER) -> Organism:
    """Return an organism of these tools, each a name or what ``tool`` gives."""
    file = folder / "organism.yaml"
    said = (each if "\n" in each else tool(each) for each in tools)
    file.write_text(header + "".join(said))
    return Organism.load(file)


@xmlify
@dataclass(frozen=True, slots=True)
class Go:
    """Something to begin with."""


@xmlify
@dataclass(frozen=True, slots=True)
class Gone:
    """It is done."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a tool answered: the name of the payload, and its fields as text."""

    kind: str
    fields: Mapping[str, str]

    @property
    def text(self) -> str:
        """Return what it says, which is no error."""
        assert self.kind not in ("ToolError", "SystemError", "ThreadEnded"), self
        return next(iter(self.fields.values()))

    @property
    def error(self) -> str:
        """Return why it could not."""
        assert self.kind == "ToolError", self
        return self.fields["message"]


class Caller:
    """A listener that calls tools one after the other, within one conversation."""

    def __init__(self, name: str = "caller") -> None:
        accepts = (Go, RawPayload, SystemError, ThreadEnded)
        self.listener = Listener(name, accepts, self._next, description="Calls.", peers=("*",))
        self._steps: list[tuple[str, Any]] = []
        self.told: list[Told] = []

    async def do(self, organism: Organism, *steps: tuple[str, Any]) -> list[Told]:
        """Call the tools of these names with these payloads; return what each answers."""
        if self.listener.name in [each.name for each in organism.listeners]:
            organism.unregister(self.listener.name)
        organism.register(self.listener)
        self._steps, self.told = list(steps), []
        await organism.ask(self.listener.name, Go(), timeout=120)
        return self.told

    async def _next(self, payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        if not isinstance(payload, Go):
            self.told.append(_told(payload))
        if not self._steps:
            return HandlerResponse.respond(Gone())
        to, what = self._steps.pop(0)
        return HandlerResponse(what(self.told) if callable(what) else what, to=to)


def _told(payload: Any) -> Told:
    root = parse_xml(payload.xml if isinstance(payload, RawPayload) else payload.to_xml())
    return Told(str(root.tag), {str(each.tag): each.text or "" for each in root})


async def calls(organism: Organism, *steps: tuple[str, Any]) -> list[Told]:
    """Call tools one after the other, in a conversation of their own."""
    return await Caller().do(organism, *steps)
