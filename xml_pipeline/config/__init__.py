"""organism.yaml: what it may say, and how it is read.

``load_config`` reads a file; ``draft_config`` as far as it goes, for whoever finds more that is
wrong with it; ``OrganismConfig()`` is what a file that says nothing would mean.
"""

from __future__ import annotations

from xml_pipeline.config.a2a import A2aAgentConfig, A2aAuthConfig, A2aConfig
from xml_pipeline.config.agent import AgentKeys, ContextConfig, GuardrailConfig
from xml_pipeline.config.checks import (
    CONDITIONS,
    STRATEGY,
    sources_of,
    unknown_parts,
    unknown_steps,
)
from xml_pipeline.config.document import Document, Finding, value_at
from xml_pipeline.config.flow import FLOWS, ConditionConfig, FlowKeys, StepConfig, WayConfig
from xml_pipeline.config.json_schema import SCHEMA_FILE, YAML_HEADER, config_json_schema
from xml_pipeline.config.listener import ListenerConfig, RetryConfig
from xml_pipeline.config.llm import (
    CascadeConfig,
    LLMBackendConfig,
    LLMConfig,
    PriceConfig,
)
from xml_pipeline.config.loading import Draft, LoadedConfig, draft_config, load_config
from xml_pipeline.config.mcp import McpAuthConfig, McpConfig, McpServerConfig
from xml_pipeline.config.organism import OrganismConfig
from xml_pipeline.config.permissions import ApprovalsConfig, PermissionConfig
from xml_pipeline.config.profiles import PROFILES
from xml_pipeline.config.sandbox import SandboxConfig, SandboxLimits
from xml_pipeline.config.secrets import redaction_of
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
from xml_pipeline.config.settings import settings_of
from xml_pipeline.config.source import KeyPath, Place, Source
from xml_pipeline.config.values import Section

__all__ = [
    "CONDITIONS",
    "FLOWS",
    "PROFILES",
    "SCHEMA_FILE",
    "STRATEGY",
    "YAML_HEADER",
    "A2aAgentConfig",
    "A2aAuthConfig",
    "A2aConfig",
    "AgentKeys",
    "ApprovalsConfig",
    "AuditConfig",
    "BackendConfig",
    "BudgetConfig",
    "CascadeConfig",
    "ConditionConfig",
    "ContextConfig",
    "Document",
    "Draft",
    "Finding",
    "FlowKeys",
    "GuardrailConfig",
    "KeyPath",
    "LLMBackendConfig",
    "LLMConfig",
    "LimitsConfig",
    "ListenerConfig",
    "LoadedConfig",
    "McpAuthConfig",
    "McpConfig",
    "McpServerConfig",
    "OrganismConfig",
    "OrganismInfo",
    "PermissionConfig",
    "PipelineConfig",
    "Place",
    "PriceConfig",
    "ProcessPoolConfig",
    "RetryConfig",
    "SandboxConfig",
    "SandboxLimits",
    "Section",
    "ServerConfig",
    "Source",
    "StepConfig",
    "TelemetryConfig",
    "WayConfig",
    "WorkspaceConfig",
    "config_json_schema",
    "draft_config",
    "load_config",
    "redaction_of",
    "settings_of",
    "sources_of",
    "unknown_parts",
    "unknown_steps",
    "value_at",
]
