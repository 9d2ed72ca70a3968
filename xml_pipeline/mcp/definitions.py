"""Tools as their servers describe them, and which descriptions were approved.

The rule this file guards: what a model is told of a tool, and what the tool takes, is what somebody
has approved. A definition is known by a hash of all of that; one that has none, or another, is not
called.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from xml_pipeline.errors import ConfigError
from xml_pipeline.names import LISTENER_NAME_LENGTH

MOST_TOOLS = 1_000
"""Tools that one server may have."""

MOST_BYTES = 1 << 20
"""Bytes of one definition, as JSON."""

_SAID = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Definition:
    """A tool, as its server describes it; ``text`` is that as canonical JSON."""

    name: str
    text: str

    @cached_property
    def digest(self) -> str:
        """Return what tells this definition from any other."""
        return sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def said(self) -> Mapping[str, Any]:
        """Return what the server says, by the names that it has on the wire."""
        found: dict[str, Any] = json.loads(self.text)
        return found

    @cached_property
    def is_repeatable(self) -> bool:
        """Tell whether calling it twice is said to do no more than calling it once."""
        hints = self.said.get("annotations") or {}
        return hints.get("readOnlyHint") is True or hints.get("idempotentHint") is True


@dataclass(frozen=True, slots=True)
class Pins:
    """What was approved of one server: its tools, and whether it has prompts and resources."""

    tools: tuple[Definition, ...] = ()
    prompts: bool = False
    resources: bool = False


def definition_of(said: Mapping[str, Any]) -> Definition:
    """Return the definition in what a server says of a tool; the rest of that is nobody's concern.

    ValueError where it is too long.
    """
    kept = {key: said[key] for key in _SAID if said.get(key) is not None}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    if len(text) > MOST_BYTES:
        raise ValueError(f"its definition has more than {MOST_BYTES} bytes")
    return Definition(str(said["name"]), text)


def listener_name(server: str, tool: str) -> str:
    """Return the name of the listener that stands for a tool or another part of a server.

    Names of tools may be anything; what no listener's name may have becomes ``_``.
    """
    parts = (part or "_" for part in _FORBIDDEN.sub("_", tool).split("."))
    return f"{server}.{'.'.join(parts)}"[:LISTENER_NAME_LENGTH].rstrip(".")


def read_pins(file: Path) -> Mapping[str, Pins]:
    """Read what was approved, by server; nothing where there is no such file.

    ConfigError where it is no such file, or somebody has changed a definition in it by hand.
    """
    try:
        written = json.loads(file.read_text(encoding="utf-8"))
        return {name: _pins(name, each) for name, each in written["servers"].items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError((f"{file}: {error.strerror}",)) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        words = error if isinstance(error, _Changed) else "this is no file of approved definitions"
        hint = "`xml-pipeline mcp pin` writes it"
        raise ConfigError((f"{file}: {words}; {hint}",)) from None


def pins_text(pins: Mapping[str, Pins]) -> str:
    """Return the text of the file, one line for each key: for people who review a change."""
    servers = {name: _written(each) for name, each in sorted(pins.items())}
    return json.dumps({"version": 1, "servers": servers}, indent=2, sort_keys=True) + "\n"


class _Changed(ValueError):
    """A definition is not what its hash says."""


def _pins(server: str, written: Mapping[str, Any]) -> Pins:
    tools = [(definition_of(each["definition"]), each["sha256"]) for each in written["tools"]]
    for tool, digest in tools:
        if tool.digest != digest:
            raise _Changed(f'the definition of "{tool.name}" of {server} was changed by hand')
    return Pins(
        tuple(tool for tool, _ in tools),
        written.get("prompts") is True,
        written.get("resources") is True,
    )


def _written(pins: Pins) -> Mapping[str, Any]:
    return {
        "tools": [_written_tool(each) for each in sorted(pins.tools, key=lambda tool: tool.name)],
        "prompts": pins.prompts,
        "resources": pins.resources,
    }


def _written_tool(tool: Definition) -> Mapping[str, Any]:
    return {"sha256": tool.digest, "definition": tool.said}


def digests(tools: Iterable[Definition]) -> Mapping[str, str]:
    """Return what tells each tool from another of its name."""
    return {each.name: each.digest for each in tools}
