"""The backends of an organism: which of them has a model, and what stands around their wires."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from xml_pipeline.catalogue import find
from xml_pipeline.config import LLMBackendConfig, LLMConfig
from xml_pipeline.config.environment import read_environment
from xml_pipeline.errors import ConfigError, MissingExtra, PluginNotFound
from xml_pipeline.llm.base import Provider
from xml_pipeline.llm.breaker import Breaker
from xml_pipeline.llm.discreet import Discreet
from xml_pipeline.llm.limits import Limited
from xml_pipeline.llm.metered import Metered
from xml_pipeline.llm.prices import Tariff
from xml_pipeline.llm.router import Backend
from xml_pipeline.llm.wiring import Wiring
from xml_pipeline.names import did_you_mean, plugin_name
from xml_pipeline.redaction import Redaction

ROOM = "llm"


class Backends:
    """Makes each backend when it is first needed.

    One that is not configured, but whose provider is named in an address, is at the usual place,
    with the usual key, and without limits: nobody has said what they are.
    """

    def __init__(
        self,
        config: LLMConfig,
        folder: Path,
        environment: Mapping[str, str] | None,
        redaction: Redaction,
    ) -> None:
        self._config = config
        self._redaction = redaction
        self._folder = folder
        self._environment = environment
        self._wires: dict[LLMBackendConfig, Provider] = {}
        self._made: dict[LLMBackendConfig, Backend] = {}

    @property
    def outdated(self) -> bool:
        """Tell whether what one of them was made from has changed since."""
        return any(getattr(each, "outdated", False) for each in self._wires.values())

    def of(self, address: str) -> tuple[str, list[Backend]]:
        """Return the model that an address names, and the backends that have it.

        Raises ConfigError where there are none, or one of them cannot be; MissingExtra where a
        package is missing.
        """
        name, _, model = address.partition(":")
        if not name or not model:
            words = f'"{address}" names no model: write `provider:model`, as `anthropic:claude`'
            raise ConfigError((words,))
        configured = self._config.backends
        chosen = [each for each in configured if _has(each, name, model)]
        if not chosen:
            chosen = [self._unconfigured(name, model)]
        backends = [self._backend(each) for each in chosen]
        for each in chosen:
            wire: Any = self._wires[each]
            if hasattr(wire, "check_model"):
                wire.check_model(model)
        return model, backends

    async def aclose(self) -> None:
        """Close every connection."""
        self._made.clear()
        while self._wires:
            _, wire = self._wires.popitem()
            await wire.aclose()

    def _unconfigured(self, name: str, model: str) -> LLMBackendConfig:
        """Return a backend with the defaults of its provider; ConfigError where none is meant."""
        own = [each for each in self._config.backends if name in (each.provider, each.name)]
        if own:
            models = sorted({model for each in own for model in each.supported_models})
            hint = did_you_mean(model, models) or f"it has {', '.join(models)}"
            raise ConfigError((f'no backend of {name} has the model "{model}"; {hint}',))
        try:
            return LLMBackendConfig(provider=plugin_name(name))
        except ValueError as error:
            raise ConfigError((str(error),)) from None

    def _backend(self, config: LLMBackendConfig) -> Backend:
        if config not in self._made:
            wire = self._wires[config] = self._wire(config)
            discreet = Discreet(wire, self._redaction.redact)
            metered = Metered(discreet, Tariff(config.provider, self._config.prices))
            self._made[config] = self._guarded(config, metered)
        return self._made[config]

    def _guarded(self, config: LLMBackendConfig, provider: Provider) -> Backend:
        """Return a backend with a breaker, and with limits where somebody has set them."""
        name = config.name or config.provider
        if config not in self._config.backends:
            return Backend(name, Breaker(provider))
        limited = Limited(
            provider,
            per_minute=config.rate_limit_tpm,
            max_concurrent=config.max_concurrent,
        )
        return Backend(name, Breaker(limited), config.priority, limited.load)

    def _wire(self, config: LLMBackendConfig) -> Provider:
        if self._environment is None:
            self._environment = read_environment(self._folder).variables
        try:
            module: Any = find(ROOM, config.provider)
        except MissingExtra:
            raise
        except PluginNotFound as error:
            hints = [each.name for each in self._config.backends if each.name]
            hint = did_you_mean(config.provider, hints)
            raise ConfigError(("; ".join(filter(None, (str(error), hint))),)) from None
        if not hasattr(module, "configured"):
            raise ConfigError((f'{ROOM} "{config.provider}" is no provider',))
        wire: Provider = module.configured(Wiring(config, self._folder, self._environment))
        return wire


def _has(backend: LLMBackendConfig, name: str, model: str) -> bool:
    """Tell whether a backend has a model: its own provider's, or another's that it names."""
    supported = backend.supported_models
    if name in (backend.provider, backend.name):
        return not supported or any(fnmatchcase(model, each) for each in supported)
    full = f"{name}:{model}"
    return any(model == each or (":" in each and fnmatchcase(full, each)) for each in supported)
