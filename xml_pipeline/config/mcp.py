"""What an organism file says about MCP: the servers whose tools are listeners."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from xml_pipeline.config.values import (
    AList,
    ListenerName,
    NotBlank,
    OneOrMoreFaces,
    Seconds,
    Section,
)

Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]


class McpAuthConfig(Section):
    """How we get in with credentials of our own: OAuth 2.1, client credentials."""

    client_id: NotBlank = Field(description="Who we are there.")
    client_secret: SecretStr = Field(description="The secret; write `${NAME}`, never the secret.")
    issuer: Url = Field(
        description="The authorization server they belong to; they are sent to no other."
    )
    scope: str | None = Field(default=None, description="Scopes to ask for, with spaces between.")


class McpServerConfig(Section):
    """One MCP server: a program that is started, or an address."""

    command: NotBlank | None = Field(
        default=None, description="Program to start, which speaks over its standard streams."
    )
    args: Annotated[tuple[str, ...], AList] = Field(
        default=(), description="Its arguments; no shell reads them."
    )
    env: Mapping[str, SecretStr] = Field(
        default={},
        description="Its environment, beside HOME, LOGNAME, PATH, SHELL, TERM and USER.",
    )
    cwd: NotBlank | None = Field(
        default=None, description="Folder it is started in, as seen from the organism's file."
    )
    url: Url | None = Field(
        default=None,
        validate_default=True,
        description="Address of a server that speaks streamable HTTP.",
    )
    headers: Mapping[str, SecretStr] = Field(
        default={}, description="Headers of every request, such as `Authorization`."
    )
    auth: McpAuthConfig | None = Field(
        default=None, validate_default=True, description="Credentials for an OAuth server."
    )
    protocol: Literal["auto", "2025-11-25", "2026-07-28"] = Field(
        default="auto",
        description="Which wire: the one with a session, the one without, or what it speaks.",
    )
    tools: Annotated[tuple[NotBlank, ...], AList] = Field(
        default=(), description="Those of its tools that are wanted; empty: all."
    )
    prompts: bool = Field(default=True, description="Let its prompts be asked for, if it has any.")
    resources: bool = Field(default=True, description="Let its resources be read, if it has any.")
    expose: OneOrMoreFaces = Field(
        default=(), description="To whom its tools are shown: `mcp`, to any MCP client of ours."
    )
    timeout: Seconds = Field(default=60.0, description="Seconds that one call may take.")
    timeouts: Mapping[str, Seconds] = Field(
        default={}, description="Seconds by tool, where they differ."
    )
    connect_timeout: Seconds = Field(
        default=15.0, description="Seconds that it may take to start and to say what it has."
    )

    def __hash__(self) -> int:
        return hash((self.command, self.args, self.url))  # A mapping has no hash.

    @field_validator("url")
    @classmethod
    def _one_way(cls, url: str | None, info: ValidationInfo) -> str | None:
        if "command" in info.data and (url is None) == (info.data["command"] is None):
            raise ValueError("is missing: write `url` or `command`, one of the two")
        return url

    @field_validator("auth")
    @classmethod
    def _has_an_address(
        cls, auth: McpAuthConfig | None, info: ValidationInfo
    ) -> McpAuthConfig | None:
        if auth is not None and info.data.get("command") is not None:
            raise ValueError("is for servers with a `url`; a program has its `env`")
        return auth


class McpConfig(Section):
    """The MCP servers whose tools are listeners."""

    pins: NotBlank = Field(
        default="mcp.lock.json",
        description="File of the definitions that were approved, as seen from the organism's;"
        " `xml-pipeline mcp pin` writes it.",
    )
    servers: Mapping[ListenerName, McpServerConfig] = Field(
        default={}, description="Servers by name; a tool is the listener `NAME.TOOL`."
    )
