"""Prompts: the system prompt of each agent, frozen and versioned, replaced as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from types import MappingProxyType

from xml_pipeline.errors import UnknownListener
from xml_pipeline.listener import Listener


@dataclass(frozen=True, slots=True)
class Prompt:
    """One agent's system prompt; ``version`` is the first 16 hex digits of its SHA-256."""

    agent: str
    text: str
    version: str
    created: datetime

    @classmethod
    def of(cls, agent: str, text: str) -> Prompt:
        """Return the prompt of that text, as of now."""
        return cls(agent, text, sha256(text.encode()).hexdigest()[:16], datetime.now(UTC))


class Prompts:
    """The prompts of an organism. Handlers never see it; a reload replaces all of it at once."""

    __slots__ = ("_prompts",)

    def __init__(self, listeners: Iterable[Listener] = ()) -> None:
        self._prompts: Mapping[str, Prompt] = MappingProxyType({})
        self.replace(listeners)

    def __len__(self) -> int:
        return len(self._prompts)

    def get(self, agent: str) -> Prompt:
        """Return an agent's prompt; UnknownListener where it has none."""
        try:
            return self._prompts[agent]
        except KeyError:
            raise UnknownListener(f"no prompt for {agent!r}") from None

    def replace(self, listeners: Iterable[Listener]) -> None:
        """Take the prompts of these listeners; one whose text is unchanged stays as it was."""
        fresh = (Prompt.of(each.name, each.prompt) for each in listeners if each.prompt)
        present = self._prompts
        self._prompts = MappingProxyType(
            {
                new.agent: old
                if (old := present.get(new.agent)) and old.version == new.version
                else new
                for new in fresh
            }
        )
