"""What an organism file says about one listener."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from xml_pipeline.config.agent import AgentKeys
from xml_pipeline.config.flow import FlowKeys
from xml_pipeline.config.permissions import Permissions
from xml_pipeline.config.sandbox import ASandbox
from xml_pipeline.config.values import (
    Count,
    Handler,
    ImportPath,
    ListenerName,
    NotBlank,
    OneOrMoreFaces,
    OneOrMoreImportPaths,
    OneOrMorePeers,
    Seconds,
    Section,
)


class RetryConfig(Section):
    """How long a delivery waits, after its handler raised `Retryable`, for the next attempt."""

    base_delay: Seconds = Field(
        default=1.0, description="Seconds before the second attempt; doubles each time."
    )
    max_delay: Seconds = Field(
        default=60.0, validate_default=True, description="Seconds between two attempts at most."
    )

    @field_validator("max_delay")
    @classmethod
    def _delays_grow(cls, delay: float, info: ValidationInfo) -> float:
        if delay < info.data.get("base_delay", delay):
            raise ValueError("is shorter than base_delay")
        return delay


class ListenerConfig(FlowKeys, AgentKeys):
    """A named capability: what it accepts, what handles it, whom it may address."""

    name: ListenerName = Field(description="Its name; no other listener or group has it.")
    description: NotBlank = Field(description="One line: what it does, for people and for models.")
    payload_class: OneOrMoreImportPaths = Field(
        default=(),
        description="Import path of the payload it accepts, or a list of them; empty: what its"
        " handler is annotated with.",
    )
    agent: bool = Field(
        default=False, description="It thinks; without a `handler`, a language model does it."
    )
    handler: Handler | None = Field(
        default=None,
        validate_default=True,
        description="Import path of its coroutine function, or a built-in such as `tools:shell`.",
    )
    tool: dict[str, Any] = Field(
        default={}, description="Settings of the built-in tool that is its `handler`."
    )
    peers: OneOrMorePeers = Field(
        default=(),
        description="Listeners, groups and `system.*` it may address; `*` means anyone.",
    )
    permissions: Permissions = Field(
        default=(), description="Rules for what it may call, and all those below it."
    )
    broadcast: bool = Field(
        default=False,
        description="A message without an addressee reaches it together with the others who"
        " accept it.",
    )
    group: ListenerName | None = Field(
        default=None, description="A name shared with others; a message to it reaches them all."
    )
    expose: OneOrMoreFaces = Field(
        default=(),
        description="To whom it is shown: `mcp`, as a tool, to any MCP client; `a2a`, as an agent,"
        " to those of others (needs the extra `a2a`).",
    )
    come_back: Literal["never", "late", "at_once", "required"] = Field(
        default="late",
        description="When an MCP client that can have tasks is told to come back for the answer:"
        " `late` is after 2 seconds; with `required`, others are refused.",
    )
    cpu_bound: bool = Field(
        default=False, description="Its handler computes, and runs in a worker process."
    )
    sandbox: ASandbox = Field(
        default=None,
        description="Its handler runs in a process of its own that reaches nothing: `true`, or what"
        " that may reach and take; empty: in this process.",
    )
    acts_outside: bool = Field(
        default=False,
        description="Its handler does something outside, such as writing a file; `replay` does not"
        " run it again. Built-in tools and agents elsewhere need not say so, nor a sandbox that"
        " may write or use the network.",
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
    max_deliveries: Count = Field(
        default=5,
        description="Attempts before a message is given up, and laid with the dead letters.",
    )
    retry: RetryConfig = Field(
        default=RetryConfig(), description="When to try again after a failure that may pass."
    )
    require_signature: bool = Field(
        default=False, description="Refuse messages from outside that are not signed."
    )

    @property
    def reaches_outside(self) -> bool:
        """Tell whether its handler may do something outside: it says so, or its sandbox lets it."""
        enclosed = self.sandbox
        may = enclosed is not None and (enclosed.network or enclosed.workspace == "write")
        return self.acts_outside or may

    @field_validator("handler")
    @classmethod
    def _somebody_handles(cls, handler: str | None, info: ValidationInfo) -> str | None:
        if handler is None and info.data.get("agent") is False:
            raise ValueError('is missing; only an "agent: true" is handled by a model')
        return handler
