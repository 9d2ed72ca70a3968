"""The servers of an organism file as listeners: one for each tool, for prompts, for resources.

Nothing is connected to here: what was approved lies in a file beside the organism's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from xml_pipeline.builtin import Misconfigured
from xml_pipeline.commons import Commons
from xml_pipeline.config import Finding, McpServerConfig, OrganismConfig
from xml_pipeline.errors import PayloadDefinitionError
from xml_pipeline.listener import Handler, Listener
from xml_pipeline.mcp.asking import Asking, Calls
from xml_pipeline.mcp.connections import Connections, Source
from xml_pipeline.mcp.definitions import Definition, Pins, listener_name, read_pins
from xml_pipeline.mcp.handlers import (
    ATTEMPTS,
    DELAYS,
    PromptsHandler,
    ResourcesHandler,
    ToolHandler,
)
from xml_pipeline.mcp.payloads import (
    Complete,
    Completions,
    Elicit,
    Elicited,
    GetPrompt,
    ListPrompts,
    ListResources,
    McpResult,
    ReadResource,
    Sample,
    Sampled,
    SubscribeResource,
    UnsubscribeResource,
)
from xml_pipeline.payload import payload_from_json_schema
from xml_pipeline.payload.imported.names import class_name
from xml_pipeline.payload.text import printable
from xml_pipeline.system import SystemError, ThreadEnded
from xml_pipeline.tool_error import ToolError

LONGEST_DESCRIPTION = 4_000
"""Characters of a description that are told to models."""


QUESTIONS = (("sampling", Sample, Sampled), ("elicitation", Elicit, Elicited))
"""Keys that name who answers a server, what they take, and what they answer."""

ANSWERS: Mapping[type, type] = MappingProxyType({each[1]: each[2] for each in QUESTIONS})


class Payloads:
    """The payload classes of tools, each made once: so a reload leaves listeners as they are."""

    def __init__(self) -> None:
        self._classes: dict[tuple[str, str], type] = {}

    def of(self, server: str, tool: Definition) -> type:
        """Return the class of what a tool takes; PayloadDefinitionError where there can be none."""
        key = (server, tool.digest)
        if key not in self._classes:
            self._classes[key] = payload_of(server, tool)
        return self._classes[key]

    async def aclose(self) -> None:
        """Forget them."""
        self._classes.clear()


def payload_of(server: str, tool: Definition) -> type:
    """Make the payload class of what a tool takes."""
    schema = tool.said.get("inputSchema")
    if not isinstance(schema, Mapping):
        raise PayloadDefinitionError(f"{tool.name}: it does not say what it takes")
    return payload_from_json_schema(class_name(f"{server} {tool.name}"), schema)


@dataclass(frozen=True, slots=True)
class Named:
    """What servers name: ``sources`` of tokens, by import path, and ``listeners`` of the file."""

    sources: Mapping[str, Source]
    listeners: Mapping[str, Listener]


def listeners(
    config: OrganismConfig, folder: Path, commons: Commons, named: Named
) -> tuple[Listener, ...]:
    """Return a listener for each part of each server that was approved.

    Misconfigured tells of servers that nothing is approved of, of tools that cannot be had, and of
    listeners that cannot be asked.
    """
    pins = read_pins(folder / config.mcp.pins)
    found: list[Listener] = []
    findings: list[Finding] = []
    for name, server in config.mcp.servers.items():
        if name not in pins:
            words = f"nothing of {name} is approved: `xml-pipeline mcp pin` shows what it has"
            findings.append(Finding(("mcp", "servers", name), f"{words}, and approves it"))
            continue
        parts = _Server(name, server, pins[name], config.limits.message_bytes, commons)
        parts.connect(folder, named.sources)
        parts.let_ask(named.listeners, {each.name for each in config.listeners})
        found += parts.listeners()
        findings += parts.findings
    if findings:
        raise Misconfigured(findings)
    return tuple(found)


_Handles = ToolHandler | PromptsHandler | ResourcesHandler


class _Server:
    """One server, and what is wrong with it."""

    def __init__(
        self,
        name: str,
        config: McpServerConfig,
        pins: Pins,
        most: int,
        commons: Commons,
    ) -> None:
        self._name = name
        self._config = config
        self._pins = pins
        self._most = most
        self._commons = commons
        self._payloads = commons.get("mcp payloads", Payloads)
        self._whom: dict[type, str] = {}
        self.findings: list[Finding] = []

    def connect(self, folder: Path, sources: Mapping[str, Source]) -> None:
        """Have connections to it, those of before if nothing about them has changed."""
        name, config = self._name, self._config
        source = sources.get(config.auth.subject_source or "") if config.auth else None
        key = ("mcp server", name, config, source)
        self._connections = self._commons.get(
            key, lambda: Connections(name, config, folder, source)
        )

    def let_ask(self, known: Mapping[str, Listener], written: Collection[str]) -> None:
        """Note who answers what the server asks; those of the file that are unknown are broken."""
        for key, question, answer in QUESTIONS:
            name = getattr(self._config, key)
            if name is None:
                continue
            self._whom[question] = name
            listener = known.get(name)
            if listener is None:
                if name not in written:
                    self._find(f'there is no listener "{name}"', key)
            elif answer not in listener.outputs or question not in _taken_by(listener):
                words = f"does not take `{question.__name__}` and answer `{answer.__name__}`"
                self._find(f'"{name}" {words}', key)

    def listeners(self) -> list[Listener]:
        """Return the listeners, each of a name of its own."""
        named: dict[str, Listener] = {}
        for what, each in (*self._tools(), *self._others()):
            if named.setdefault(each.name.lower(), each) is not each:
                words = f'{what} would be the listener "{each.name}", which another part is'
                self._find(f"{words}: choose with `tools`, `prompts` or `resources`")
        return list(named.values())

    def _tools(self) -> Iterator[tuple[str, Listener]]:
        wanted, known = self._config.tools, {each.name for each in self._pins.tools}
        for name in (*wanted, *self._config.timeouts):
            if name not in known:
                self._find(f'no tool "{name}" of {self._name} is approved')
        for tool in self._pins.tools:
            if not wanted or tool.name in wanted:
                yield from self._tool(tool)

    def _tool(self, tool: Definition) -> Iterator[tuple[str, Listener]]:
        try:
            payload = self._payloads.of(self._name, tool)
        except PayloadDefinitionError as error:
            self._find(f'the tool "{tool.name}" cannot be had: {error}')
            return
        about = description_of(self._name, tool)
        calls = ToolHandler(self._connections, tool, self._most)
        timeout = self._config.timeouts.get(tool.name, self._config.timeout)
        yield (
            f'the tool "{tool.name}"',
            self._listener(tool.name, about, (payload,), calls, timeout),
        )

    def _others(self) -> Iterator[tuple[str, Listener]]:
        name, timeout = self._name, self._config.timeout
        more = (Complete,) if self._config.expose else ()  # Models have no use for it.
        if self._config.prompts and self._pins.prompts:
            about = f"Lists the prompts of {name}, and gets one."
            gets = PromptsHandler(self._connections, self._most)
            yield (
                "its prompts",
                self._listener("prompts", about, (GetPrompt, ListPrompts, *more), gets, timeout),
            )
        if self._config.resources and self._pins.resources:
            about = f"Lists the resources of {name}, and reads one."
            reads = ResourcesHandler(self._connections, self._most)
            follows = (SubscribeResource, UnsubscribeResource) if more else ()
            takes = (ReadResource, ListResources, *more, *follows)
            yield "its resources", self._listener("resources", about, takes, reads, timeout)

    def _listener(
        self, part: str, about: str, takes: tuple[type, ...], handles: _Handles, timeout: float
    ) -> Listener:
        handler: Handler = handles
        answers = (McpResult, ToolError, *((Completions,) if Complete in takes else ()))
        if self._whom:
            handler = Asking(handles, self._whom, self._commons.get("mcp calls", Calls))
            takes = (*takes, *map(ANSWERS.__getitem__, self._whom), SystemError, ThreadEnded)
        return Listener(
            listener_name(self._name, part),
            takes,
            handler,
            description=about,
            group=self._name,
            peers=tuple(self._whom.values()),
            expose=self._config.expose,
            timeout=timeout,
            output=answers,
            max_deliveries=ATTEMPTS,
            retry_delays=DELAYS,
            acts_outside=True,
        )

    def _find(self, words: str, *key: str) -> None:
        self.findings.append(Finding(("mcp", "servers", self._name, *key), words))


def _taken_by(listener: Listener) -> set[type]:
    return {each.cls for each in listener.codecs.values()}


def description_of(server: str, tool: Definition) -> str:
    """Return what models are told of a tool: its server's words, without what would do harm."""
    said = tool.said
    words = str(said.get("description") or said.get("title") or f"{tool.name} of {server}")
    lines = (printable(each) for each in words.splitlines())
    return "\n".join(lines).strip()[:LONGEST_DESCRIPTION] or f"{tool.name} of {server}"
