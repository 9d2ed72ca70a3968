"""Language models by their addresses: ``anthropic:claude-sonnet-4-5``, ``scripted:plays/ada``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from xml_pipeline.builtin import Plan
from xml_pipeline.catalogue import find
from xml_pipeline.config import LLMBackendConfig, LLMConfig
from xml_pipeline.config.environment import read_environment
from xml_pipeline.errors import ConfigError, MissingExtra, PluginNotFound
from xml_pipeline.llm.base import Completion, Hear, Provider, Request, unheard
from xml_pipeline.llm.wiring import Wiring
from xml_pipeline.names import plugin_name

ROOM = "llm"


def models_of(plan: Plan) -> Models:
    """Return the models of an organism: the same for all of its listeners."""
    config, folder = plan.organism.llm, plan.folder
    return plan.commons.get((ROOM, config, folder), lambda: Models(config, folder))


class Models:
    """Gives the provider of an address, made once.

    ``folder`` is where the organism file lies; keys come from ``environment``, which is what is
    exported and the ``.env`` files if it is not given.
    """

    def __init__(
        self, config: LLMConfig, folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._config = config
        self._folder = folder
        self._environment = environment
        self._providers: dict[str, Provider] = {}
        self._wires: dict[LLMBackendConfig, Provider] = {}

    def provider(self, address: str) -> Provider:
        """Return what answers for ``provider:model``, whatever model its requests name.

        Raises ConfigError where there is no such provider, or no key, or no such model;
        MissingExtra where a package is missing.
        """
        if address not in self._providers:
            self._providers[address] = self._made(address)
        return self._providers[address]

    async def aclose(self) -> None:
        """Close every connection."""
        self._providers.clear()
        while self._wires:
            _, wire = self._wires.popitem()
            await wire.aclose()

    def _made(self, address: str) -> Provider:
        name, _, model = address.partition(":")
        if not name or not model:
            words = f'"{address}" names no model: write `provider:model`, as in `anthropic:claude`'
            raise ConfigError((words,))
        wire: Any = self._wire(LLMBackendConfig(provider=_provider_name(name)))
        if hasattr(wire, "check_model"):
            wire.check_model(model)
        return Named(model, wire)

    def _wire(self, backend: LLMBackendConfig) -> Provider:
        if backend not in self._wires:
            if self._environment is None:
                self._environment = read_environment(self._folder).variables
            wiring = Wiring(backend, self._folder, self._environment)
            self._wires[backend] = _configured(wiring)
        return self._wires[backend]


class Named:
    """Asks for one model, whatever model its requests name."""

    def __init__(self, model: str, provider: Provider) -> None:
        self._model = model
        self._provider = provider

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Ask it."""
        return await self._provider.complete(replace(request, model=self._model), hear)

    async def aclose(self) -> None:
        """Close the provider."""
        await self._provider.aclose()


def _provider_name(name: str) -> str:
    try:
        return plugin_name(name)
    except ValueError as error:
        raise ConfigError((str(error),)) from None


def _configured(wiring: Wiring) -> Provider:
    name = wiring.backend.provider
    try:
        module: Any = find(ROOM, name)
    except MissingExtra:
        raise
    except PluginNotFound as error:
        raise ConfigError((str(error),)) from None
    if not hasattr(module, "configured"):
        raise ConfigError((f'{ROOM} "{name}" is no provider',))
    provider: Provider = module.configured(wiring)
    return provider
