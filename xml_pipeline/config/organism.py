"""What an organism file may say, as one frozen model.

The models are the one source of the defaults, of the JSON Schema for editors and of the
reference page; they know no YAML and no kernel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationInfo, field_validator, model_validator

from xml_pipeline.config.a2a import A2aConfig
from xml_pipeline.config.listener import ListenerConfig
from xml_pipeline.config.llm import LLMConfig
from xml_pipeline.config.mcp import McpConfig
from xml_pipeline.config.permissions import ApprovalsConfig, Permissions
from xml_pipeline.config.sections import (
    AuditConfig,
    BackendConfig,
    BudgetConfig,
    LimitsConfig,
    OrganismInfo,
    PipelineConfig,
    ProcessPoolConfig,
    ServerConfig,
    TelemetryConfig,
    WorkspaceConfig,
)
from xml_pipeline.config.values import AList, Count, NotBlank, PackageNames, Section

TOKENS_DIFFER = "differs from `budget.tokens`, its newer name: write that only"
PORTS_DIFFER = "`port` differs from `organism.port`, its older name: write this only"


class OrganismConfig(Section):
    """One organism: its limits, its surroundings and its listeners."""

    organism: OrganismInfo = Field(default=OrganismInfo(), description="Who it is.")
    thread_scheduling: Literal["breadth-first", "depth-first"] = Field(
        default="breadth-first",
        description="Conversations in turn, or the one that has come furthest first.",
    )
    max_concurrent_pipelines: Count = Field(
        default=32, description="Ready messages that the steps take at a time."
    )
    max_concurrent_handlers: Count = Field(default=20, description="Handlers that run at one time.")
    max_concurrent_per_agent: Count = Field(
        default=5, description="Deliveries that one agent handles at one time."
    )
    budget: BudgetConfig = Field(
        default=BudgetConfig(), description="What one conversation may spend."
    )
    max_tokens_per_thread: Count | None = Field(
        default=None, description="Older name of `budget.tokens`; write one of the two."
    )
    limits: LimitsConfig = Field(
        default=LimitsConfig(), description="What the organism holds at most."
    )
    pipeline: PipelineConfig = Field(
        default=PipelineConfig(), description="Steps of yours in the pipeline."
    )
    allow_imports: PackageNames = Field(
        default=("handlers", "organisms", "xml_pipeline"),
        description="Packages below which handlers, payload classes and steps may lie.",
    )
    server: ServerConfig = Field(default=ServerConfig(), description="Where HTTP is served.")
    audit: AuditConfig = Field(
        default=AuditConfig(), description="Where it is written down who did what to it."
    )
    backend: BackendConfig = Field(
        default=BackendConfig(), description="Where messages and state are kept."
    )
    process_pool: ProcessPoolConfig = Field(
        default=ProcessPoolConfig(), description="Processes for listeners that compute."
    )
    permissions: Permissions = Field(
        default=(), description="Rules for what agents may call, and all those below them."
    )
    approvals: ApprovalsConfig = Field(
        default=ApprovalsConfig(), description="How somebody is asked."
    )
    profiles: dict[NotBlank, Annotated[tuple[NotBlank, ...], AList]] = Field(
        default={},
        description="Sets of tools to which agents are held by their `profile`: names of listeners"
        " and groups, built-in handlers such as `tools:read`, and patterns of both.",
    )
    llm: LLMConfig = Field(default=LLMConfig(), description="How language models are reached.")
    telemetry: TelemetryConfig = Field(
        default=TelemetryConfig(), description="Where spans of what agents do are sent."
    )
    workspace: WorkspaceConfig = Field(
        default=WorkspaceConfig(), description="Where tools have their files."
    )
    mcp: McpConfig = Field(
        default=McpConfig(), description="MCP servers, whose tools are listeners."
    )
    a2a: A2aConfig = Field(
        default=A2aConfig(), description="Agents elsewhere, and ours for those of others."
    )
    require_signature: bool = Field(
        default=False, description="Refuse every message from outside that is not signed."
    )
    trusted_keys: Mapping[str, str] = Field(
        default={}, description="Sender to the file of its Ed25519 public key (PEM)."
    )
    listeners: Annotated[tuple[ListenerConfig, ...], AList] = Field(
        default=(), description="What lives in it."
    )

    @model_validator(mode="before")
    @classmethod
    def _older_names(cls, data: object) -> object:
        """Copy values given under an older name to the key that is read."""
        if not isinstance(data, Mapping):
            return data
        about = data.get("organism")
        port = about.get("port") if isinstance(about, Mapping) else getattr(about, "port", None)
        data = _with_default(data, "budget", "tokens", data.get("max_tokens_per_thread"))
        return _with_default(data, "server", "port", port)

    @field_validator("max_tokens_per_thread")
    @classmethod
    def _one_number_of_tokens(cls, tokens: int | None, info: ValidationInfo) -> int | None:
        budget = info.data.get("budget")
        if budget and tokens not in (None, budget.tokens):
            raise ValueError(TOKENS_DIFFER)
        return tokens

    @field_validator("server")
    @classmethod
    def _one_port(cls, server: ServerConfig, info: ValidationInfo) -> ServerConfig:
        organism = info.data.get("organism")
        if organism and organism.port not in (None, server.port):
            raise ValueError(PORTS_DIFFER)
        return server


def _with_default(
    data: Mapping[str, Any], section: str, key: str, value: object
) -> Mapping[str, Any]:
    """Return ``data`` with ``value`` under ``section`` and ``key``, unless one stands there."""
    given = data.get(section, {})
    if isinstance(given, BaseModel):
        given = given.model_dump(exclude_unset=True)
    if type(value) is not int or not isinstance(given, Mapping) or key in given:
        return data
    return {**data, section: {**given, key: value}}
