"""How a plug-in of this room is made: what it is told of the backend it is to reach.

A provider is a module of this room, or of an entry point, with a function
``configured(wiring) -> Provider``: once for each backend, whatever models are asked of it. It
raises ConfigError with what is wrong. The provider may also have ``check_model(model)``, which
raises ConfigError for a model that cannot be; it is asked before the organism runs. Where it has a
property ``outdated`` that is true, a reload does without it and makes another one. After a reload
that does without it, it is closed while requests may still be under way, or come late: they are
served all the same, and nothing stays open after them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xml_pipeline.config import LLMBackendConfig
from xml_pipeline.errors import ConfigError
from xml_pipeline.llm.base import Provider


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a provider is made from.

    ``folder`` is where the organism file lies; ``environment`` are the variables, those of its
    ``.env`` included.
    """

    backend: LLMBackendConfig
    folder: Path
    environment: Mapping[str, str] = field(repr=False)

    @property
    def name(self) -> str:
        """Return what the backend is called."""
        return self.backend.name or self.backend.provider

    def key(self, variable: str) -> str:
        """Return the key: that of the file, or of ``api_key_env``, or of ``variable``.

        Raises ConfigError that names the variable where there is none.
        """
        if self.backend.api_key is not None:
            return self.backend.api_key.get_secret_value()
        wanted = self.backend.api_key_env or variable
        if key := self.environment.get(wanted, "").strip():
            return key
        raise ConfigError((f"{self.name} needs a key: set {wanted} in the environment",))


Configured = Callable[[Wiring], Provider]
