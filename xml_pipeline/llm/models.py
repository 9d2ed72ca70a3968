"""Language models by their addresses: ``anthropic:claude-sonnet-4-5``, ``scripted:plays/ada``.

What an address gives is put together here, from the outside in: a cascade, where one is
configured; retry; a router over the backends that have the model; and for each of them, made
once for all addresses, a breaker, limits, metering, and the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from xml_pipeline.builtin import Plan
from xml_pipeline.config import LLMConfig, redaction_of
from xml_pipeline.config.environment import read_environment
from xml_pipeline.llm.backends import Backends
from xml_pipeline.llm.base import Completion, Hear, Provider, Request, unheard
from xml_pipeline.llm.cascade import Cascade, Gate, Tier
from xml_pipeline.llm.retry import Retry
from xml_pipeline.llm.router import Router
from xml_pipeline.redaction import Redaction

INSTEAD = "the only models"
"""The key of what answers for every model of an organism, where there is such a thing."""


def models_of(plan: Plan) -> Models:
    """Return the models of an organism: the same for all of its listeners.

    Others, once what is said of them, a key in the environment, any other secret, or a script has
    changed.
    """
    config, folder = plan.organism.llm, plan.folder
    if INSTEAD in plan.commons:
        return plan.commons.get(INSTEAD, lambda: Models(config, folder))
    variables = read_environment(folder).variables
    redaction = redaction_of(plan.organism, variables)
    key = (Models, config, folder, frozenset(variables.items()), redaction)
    models = plan.commons.get(key, lambda: Models(config, folder, variables, redaction))
    if models.outdated:
        models = plan.commons.replace(key, lambda: Models(config, folder, variables, redaction))
    return models


class Models:
    """Gives the provider of an address, made once.

    ``folder`` is where the organism file lies; keys come from ``environment``, which is what is
    exported and the ``.env`` files if it is not given. What models are asked is redacted.
    """

    def __init__(
        self,
        config: LLMConfig,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        redaction: Redaction = Redaction(),  # noqa: B008  # it is frozen
    ) -> None:
        self._config = config
        self._backends = Backends(config, folder, environment, redaction)
        self._providers: dict[str, Provider] = {}

    @property
    def outdated(self) -> bool:
        """Tell whether what a provider was made from has changed since."""
        return self._backends.outdated

    def provider(self, address: str) -> Provider:
        """Return what answers for ``provider:model``, whatever model its requests name.

        Raises ConfigError where there is no such provider, or no key, or no such model;
        MissingExtra where a package is missing.
        """
        if address not in self._providers:
            self._providers[address] = self._cascaded(address)
        return self._providers[address]

    async def aclose(self) -> None:
        """Close every connection."""
        self._providers.clear()
        await self._backends.aclose()

    async def retire(self) -> None:
        """Close every connection that is idle, and the others when they come back."""
        await self.aclose()

    def _cascaded(self, address: str) -> Provider:
        """Return a cascade that ends with this address, or it alone where there is none."""
        cascade = self._config.cascade
        labels = [tier.model for tier in cascade.tiers] if cascade.enabled else []
        cheaper = labels[: labels.index(address)] if address in labels else labels
        if not cheaper:
            return self._asked(address)
        gate = Gate(
            accept_tool_calls=cascade.accept_tool_calls,
            escalate_on_max_tokens=cascade.escalate_on_max_tokens,
            min_output_tokens=cascade.min_output_tokens,
        )
        return Cascade([Tier(label, self._asked(label)) for label in (*cheaper, address)], gate)

    def _asked(self, address: str) -> Provider:
        """Return what asks all backends of an address, and asks again where that may help."""
        model, backends = self._backends.of(address)
        return Retry(
            Named(model, Router(backends, self._config.strategy)),
            retries=self._config.retries,
            base=self._config.retry_base_delay,
            longest=self._config.retry_max_delay,
        )


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
