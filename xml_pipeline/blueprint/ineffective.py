"""What an organism file says that would have no effect.

The rule of this file: a setting is honoured or refused, never passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from xml_pipeline.catalogue import find
from xml_pipeline.config import FLOWS, AgentKeys, Document, Finding, FlowKeys, KeyPath
from xml_pipeline.errors import PluginNotFound
from xml_pipeline.names import plugin_handler

ORCHESTRATOR = "agents:orchestrator"


def ineffective(document: Document) -> Iterator[Finding]:
    """Yield each setting that differs from its default and would have no effect."""
    yield from _unknown_providers(document)
    for at, said in document.listeners():
        name = said.get("name", "the listener")
        if said.get("handler") not in FLOWS:
            words = f"{name} leads nobody: its `handler` is none of {', '.join(FLOWS)}"
            yield from _of_none(at, said, FlowKeys, words)
        yield from _of_no_tool(at, said, name)
        yield from _of_no_process(at, said, name)
        if said.get("model") is None:
            yield from _of_no_agent(at, said, name)
        elif isinstance(said.get("handler"), str) and not _is_plugin(said["handler"]):
            words = f"{name} has a `handler`: write one of the two"
            yield Finding((*at, "model"), words, at_key=True)
        elif said.get("handler") != ORCHESTRATOR and _is_set(said.get("orchestration"), None):
            words = f"{name} orchestrates nothing: its `handler` is not {ORCHESTRATOR}"
            yield Finding((*at, "orchestration"), words, at_key=True)


def _unknown_providers(document: Document) -> Iterator[Finding]:
    """Yield each provider of a backend that is not there: nothing could ever be asked of it."""
    for path, name in document.texts("llm", "backends", "*", "provider"):
        try:
            find("llm", name)
        except PluginNotFound as error:
            yield Finding(path, str(error))


def _of_no_agent(at: KeyPath, said: dict[str, Any], name: str) -> Iterator[Finding]:
    yield from _of_none(at, said, AgentKeys, f"{name} has no `model`")
    if said.get("agent") is True and "handler" not in said:
        yield Finding(at, f"{name} needs a `model` that thinks for it, or a `handler`")


def _of_none(
    at: KeyPath, said: dict[str, Any], keys: type[BaseModel], words: str
) -> Iterator[Finding]:
    for key, about in keys.model_fields.items():
        if key != "model" and _is_set(said.get(key), about.get_default()):
            yield Finding((*at, key), words, at_key=True)


def _of_no_tool(at: KeyPath, said: dict[str, Any], name: str) -> Iterator[Finding]:
    if said.get("tool") and not _is_plugin(said.get("handler"), "tools"):
        words = f"{name} is no built-in tool: its `handler` is not `tools:…`"
        yield Finding((*at, "tool"), words, at_key=True)


def _of_no_process(at: KeyPath, said: dict[str, Any], name: str) -> Iterator[Finding]:
    """Yield what is said of a process that a listener has not, or has already."""
    if said.get("sandbox") in (None, False):
        return
    handler = said.get("handler")
    if handler is None or _is_plugin(handler):
        words = f"{name} is built in: only a handler of yours runs in a sandbox"
        yield Finding((*at, "sandbox"), words, at_key=True)
    elif said.get("cpu_bound") is True:
        words = f"{name} has a process of its own already: it runs in a sandbox"
        yield Finding((*at, "cpu_bound"), words, at_key=True)


def _is_plugin(handler: object, room: str | None = None) -> bool:
    """Tell whether a handler is a plug-in: any, or one of that room."""
    try:
        plugin = plugin_handler(handler) if isinstance(handler, str) else None
    except ValueError:  # It is told of elsewhere.
        return True
    return plugin is not None and room in (None, plugin[0])


def _is_set(value: object, default: object) -> bool:
    """Tell whether a value is written, as plain data, and means something."""
    return value is not None and value not in (default, [], {})
