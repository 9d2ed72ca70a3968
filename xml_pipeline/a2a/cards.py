"""Agents as their cards describe them, and which cards were approved.

The rule this file guards: what a model is told of an agent, and where the agent is spoken to, is
what somebody has approved. A card is known by a hash of all that matters in it; an agent that has
none, or another, is not asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from xml_pipeline.config import A2aAgentConfig
from xml_pipeline.errors import ConfigError
from xml_pipeline.payload.text import printable

MOST_BYTES = 1 << 20
"""Bytes of one card."""

LONGEST_DESCRIPTION = 4_000
"""Characters of a description that are told to models."""

BINDINGS = ("JSONRPC", "HTTP+JSON")
"""Ways to speak that we know, the better first."""

_SAID = (
    "name",
    "description",
    "supportedInterfaces",
    "url",
    "preferredTransport",
    "additionalInterfaces",
    "protocolVersion",
    "capabilities",
    "skills",
    "defaultInputModes",
    "defaultOutputModes",
    "securitySchemes",
    "security",
    "securityRequirements",
)
_PORTS = {"http": 80, "https": 443}


class UnusableCard(ValueError):
    """A card is none, or leads to nothing that we can speak with, or may."""


class Interface(NamedTuple):
    """Where and how an agent is spoken to; ``version`` is of the protocol, such as 0.3.0."""

    url: str
    binding: str
    version: str
    tenant: str = ""


@dataclass(frozen=True)
class Card:
    """What an agent says of itself, as far as it matters; ``text`` is that as canonical JSON."""

    text: str

    @cached_property
    def digest(self) -> str:
        """Return what tells this card from any other."""
        return sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    @cached_property
    def said(self) -> Mapping[str, Any]:
        """Return what it says, by the names that it has on the wire."""
        found: dict[str, Any] = json.loads(self.text)
        return found

    @property
    def name(self) -> str:
        """Return what the agent calls itself."""
        return str(self.said.get("name", ""))

    @property
    def streams(self) -> bool:
        """Tell whether it says what it does while it does it."""
        capabilities = self.said.get("capabilities")
        return isinstance(capabilities, Mapping) and capabilities.get("streaming") is True


def card_of(said: object) -> Card:
    """Return the card in what an agent says of itself; UnusableCard where it is none."""
    if not isinstance(said, Mapping) or not isinstance(said.get("name"), str):
        raise UnusableCard("what it shows is no agent card")
    kept = {key: said[key] for key in _SAID if said.get(key) is not None}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    if len(text) > MOST_BYTES:
        raise UnusableCard(f"its card has more than {MOST_BYTES} bytes")
    return Card(text)


def interface_of(card: Card, config: A2aAgentConfig) -> Interface:
    """Return where and how to speak to an agent; UnusableCard where there is no way."""
    known = [each for each in _interfaces(card.said) if each.binding in BINDINGS]
    spoken = [each for each in known if each.version.partition(".")[0] == "1"]
    spoken += [each for each in known if each.version.startswith("0.3")]
    if not spoken:
        words = "JSON-RPC or HTTP+JSON, A2A 1.0 or 0.3"
        raise UnusableCard(f"its card names no interface that we speak: {words}")
    best = min(spoken, key=lambda each: BINDINGS.index(each.binding))
    if config.endpoint is not None:
        return best._replace(url=config.endpoint)
    if _host(best.url) != _host(config.url):
        raise UnusableCard(
            f"its card leads to {printable(best.url)}, which is another host than its `url`; write"
            " an `endpoint` if that is meant"
        )
    return best


def description_of(name: str, card: Card) -> str:
    """Return what models are told of an agent: its own words, without what would do harm."""
    lines = [_words(card.said.get("description")) or f"{card.name or name}, an agent elsewhere"]
    skills = card.said.get("skills")
    for each in skills if isinstance(skills, list) else ():
        if isinstance(each, Mapping):
            parts = (_words(each.get("name")), _words(each.get("description")))
            lines.append(f"- {': '.join(filter(None, parts))}")
    return "\n".join(lines)[:LONGEST_DESCRIPTION]


def read_pins(file: Path) -> Mapping[str, Card]:
    """Read what was approved, by agent; nothing where there is no such file.

    ConfigError where it is no such file, or somebody has changed a card in it by hand.
    """
    try:
        written = json.loads(file.read_text(encoding="utf-8"))
        return {name: _pinned(name, each) for name, each in written["agents"].items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError((f"{file}: {error.strerror}",)) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        words = error if isinstance(error, _Changed) else "this is no file of approved agent cards"
        raise ConfigError((f"{file}: {words}; `xml-pipeline a2a pin` writes it",)) from None


def pins_text(pins: Mapping[str, Card]) -> str:
    """Return the text of the file, one line for each key: for people who review a change."""
    agents = {
        name: {"sha256": each.digest, "card": each.said} for name, each in sorted(pins.items())
    }
    return json.dumps({"version": 1, "agents": agents}, indent=2, sort_keys=True) + "\n"


class _Changed(ValueError):
    """A card is not what its hash says."""


def _pinned(agent: str, written: Mapping[str, Any]) -> Card:
    card = card_of(written["card"])
    if card.digest != written["sha256"]:
        raise _Changed(f"the card of {agent} was changed by hand")
    return card


def _interfaces(said: Mapping[str, Any]) -> Iterator[Interface]:
    """Yield the interfaces that a card names, in its order; cards of 0.3 name them otherwise."""
    if "supportedInterfaces" in said:
        for each in _objects(said["supportedInterfaces"]):
            version = each.get("protocolVersion") or "1.0"
            parts = (
                each.get("url"),
                each.get("protocolBinding"),
                version,
                each.get("tenant") or "",
            )
            yield Interface(*map(str, parts))
        return
    version = str(said.get("protocolVersion") or "0.3.0")
    if "url" in said:
        yield Interface(str(said["url"]), str(said.get("preferredTransport") or "JSONRPC"), version)
    for each in _objects(said.get("additionalInterfaces")):
        yield Interface(str(each.get("url")), str(each.get("transport")), version)


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, Mapping))


def _host(url: str) -> tuple[str, str | None, int | None]:
    """Return what a connection is made to; no host at all where the address is none."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return "", None, None


def _words(said: object) -> str:
    if not isinstance(said, str):
        return ""
    return "\n".join(map(printable, said.splitlines())).strip()
