"""What an organism file says about language models: how they are reached, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from xml_pipeline.config.values import (
    AList,
    Count,
    NotBlank,
    PluginName,
    Seconds,
    Section,
)

Cost = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class LLMBackendConfig(Section):
    """One way to a language model."""

    provider: PluginName = Field(description="Which wire it speaks, such as `anthropic`.")
    name: str = Field(default="", description="Its name in logs; empty: the provider's.")
    api_key_env: str | None = Field(
        default=None, description="Environment variable that holds the key."
    )
    api_key: SecretStr | None = Field(
        default=None, description="The key itself; write `${NAME}`, never the key."
    )
    base_url: str | None = Field(default=None, description="Where it is; empty: the usual.")
    priority: int = Field(default=1, description="The lowest number is asked first.")
    rate_limit_tpm: Count = Field(default=100_000, description="Tokens per minute.")
    max_concurrent: Count = Field(default=20, description="Requests at one time.")
    timeout: Seconds = Field(default=120.0, description="Seconds one request may take.")
    supported_models: Annotated[tuple[str, ...], AList] = Field(
        default=(),
        description="Models it has, of another provider as `provider:model`; `*` stands for any"
        " characters; empty: all of its own provider.",
    )


class CascadeTierConfig(Section):
    """A model that is asked before dearer ones."""

    model: NotBlank = Field(description="The model, as `provider:model`.")


class CascadeConfig(Section):
    """Cheaper models that are asked first, and when their answers will not do."""

    enabled: bool = Field(default=False, description="Ask them before an agent's own model.")
    accept_tool_calls: bool = Field(
        default=True, description="Take their calls of functions for good."
    )
    escalate_on_max_tokens: bool = Field(
        default=True, description="Refuse an answer that is cut off."
    )
    min_output_tokens: Annotated[int, Field(ge=0)] = Field(
        default=5, description="Refuse an answer of fewer tokens."
    )
    tiers: Annotated[tuple[CascadeTierConfig, ...], AList] = Field(
        default=(),
        validate_default=True,
        description="The models, the cheapest first; an agent's own follows by itself.",
    )

    @field_validator("tiers")
    @classmethod
    def _there_is_one(
        cls, tiers: tuple[CascadeTierConfig, ...], info: ValidationInfo
    ) -> tuple[CascadeTierConfig, ...]:
        if info.data.get("enabled") and not tiers:
            raise ValueError("are missing: a cascade that is enabled needs them")
        return tiers


class PriceConfig(Section):
    """US dollars for a million tokens of a model."""

    input: Cost = Field(description="For what it reads.")
    output: Cost = Field(description="For what it thinks and says.")
    cache_read: Cost | None = Field(
        default=None, description="For what it reads from a cache; empty: a tenth of `input`."
    )
    cache_write: Cost | None = Field(
        default=None, description="For what is put into a cache; empty: 1.25 times `input`."
    )


class LLMConfig(Section):
    """How language models are reached."""

    strategy: Literal["failover", "round-robin", "least-loaded"] = Field(
        default="failover", description="How one of the backends is chosen."
    )
    retries: Annotated[int, Field(ge=0)] = Field(
        default=3, description="Further attempts after the first one failed."
    )
    retry_base_delay: Seconds = Field(
        default=1.0, description="Seconds before the first retry; doubles each time."
    )
    retry_max_delay: Seconds = Field(
        default=60.0, validate_default=True, description="Seconds between two attempts at most."
    )
    cascade: CascadeConfig = Field(
        default=CascadeConfig(), description="Cheaper models that are asked first."
    )
    prices: Mapping[str, PriceConfig] = Field(
        default={}, description="Prices by model, or `provider:model`, where they are not known."
    )
    backends: Annotated[tuple[LLMBackendConfig, ...], AList] = Field(
        default=(), description="The ways there are; empty: the usual one of each provider."
    )

    def __hash__(self) -> int:
        return hash((self.strategy, self.cascade, self.backends))  # A mapping has no hash.

    @field_validator("retry_max_delay")
    @classmethod
    def _delays_grow(cls, delay: float, info: ValidationInfo) -> float:
        if delay < info.data.get("retry_base_delay", delay):
            raise ValueError("is shorter than retry_base_delay")
        return delay
