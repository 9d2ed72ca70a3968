"""What an organism file says about one listener."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from xml_pipeline.config.values import (
    Count,
    Handler,
    ImportPath,
    ListenerName,
    NotBlank,
    OneOrMoreImportPaths,
    OneOrMorePeers,
    Seconds,
    Section,
)


class RetryConfig(Section):
    """How long a failed delivery waits before the next attempt."""

    base_delay: Seconds = Field(
        default=1.0, description="Seconds before the second attempt; doubles each time."
    )
    max_delay: Seconds = Field(default=60.0, description="Seconds between two attempts at most.")

    @model_validator(mode="after")
    def _delays_grow(self) -> Self:
        if self.base_delay > self.max_delay:
            raise ValueError("base_delay is longer than max_delay")
        return self


class ListenerConfig(Section):
    """A named capability: what it accepts, what handles it, whom it may address."""

    name: ListenerName = Field(description="Its name; no other listener or group has it.")
    description: NotBlank = Field(description="One line: what it does, for people and for models.")
    payload_class: OneOrMoreImportPaths = Field(
        default=(),
        description="Import path of the payload it accepts, or a list of them; empty: what its"
        " handler is annotated with.",
    )
    handler: Handler | None = Field(
        default=None,
        description="Import path of its coroutine function, or a built-in such as `tools:shell`.",
    )
    agent: bool = Field(
        default=False, description="It thinks; without a `handler`, a language model does it."
    )
    peers: OneOrMorePeers = Field(
        default=(),
        description="Listeners, groups and `system.*` it may address; `*` means anyone.",
    )
    broadcast: bool = Field(
        default=False,
        description="A message without an addressee reaches it together with the others who"
        " accept it.",
    )
    group: ListenerName | None = Field(
        default=None, description="A name shared with others; a message to it reaches them all."
    )
    cpu_bound: bool = Field(
        default=False, description="Its handler computes, and runs in a worker process."
    )
    max_concurrent: Count | None = Field(
        default=None, description="Deliveries at one time; empty: as the organism's limits say."
    )
    timeout: Seconds = Field(default=30.0, description="Seconds that one delivery may take.")
    max_hops: Count | None = Field(
        default=None,
        description="Hops at which its own messages are refused; empty: `budget.hops`.",
    )
    prompt: str = Field(default="", description="What its model is told about its part.")
    output_class: ImportPath | None = Field(
        default=None, description="Import path of the payload it answers with."
    )
    model: NotBlank | None = Field(
        default=None, description="The model that thinks for it, as `provider:model`."
    )
    max_turns: Count | None = Field(
        default=None, description="Turns an agent has for one request; empty: its budget decides."
    )
    max_deliveries: Count = Field(
        default=5, description="Attempts before a message is laid with the dead letters."
    )
    retry: RetryConfig | None = Field(
        default=None, description="Wait and try again after a failure; empty: do not."
    )
    require_signature: bool = Field(
        default=False, description="Refuse messages from outside that are not signed."
    )

    @model_validator(mode="after")
    def _somebody_handles(self) -> Self:
        if self.handler is None and not self.agent:
            raise ValueError('needs a "handler", or "agent: true" for a model to handle it')
        return self
