"""What an organism file says about MCP: the servers whose tools are listeners."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from xml_pipeline.config.values import (
    AList,
    ImportPath,
    ListenerName,
    NotBlank,
    OneOrMoreFaces,
    Seconds,
    Section,
)

Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]


NEEDED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "client_credentials": ("client_id", "client_secret", "issuer"),
        "token_exchange": ("client_id", "client_secret", "token_url"),
        "authorization_code": (),
    }
)
"""What each way to get in cannot do without."""

OF_EXCHANGE = ("token_url", "audience", "resource", "actor_token", "subject_source")
"""Keys that the other way has no use for."""


class McpAuthConfig(Section):
    """How we get in: OAuth 2.1.

    With `client_credentials` as ourselves. With `token_exchange` (RFC 8693) as the user that a
    conversation is held for, and not at all where no token of theirs was given. With
    `authorization_code` as whoever has logged in with `xml-pipeline mcp login`.
    """

    type: Literal["client_credentials", "token_exchange", "authorization_code"] = Field(
        default="client_credentials", description="Which way to get in."
    )
    client_id: NotBlank | None = Field(
        default=None, validate_default=True, description="Who we are there."
    )
    client_secret: SecretStr | None = Field(
        default=None,
        validate_default=True,
        description="The secret; write `${NAME}`, never the secret.",
    )
    issuer: Url | None = Field(
        default=None,
        validate_default=True,
        description="The authorization server they belong to; they are sent to no other.",
    )
    scope: NotBlank | None = Field(
        default=None,
        description="Scopes to ask for, with spaces between; at a login, beside the server's.",
    )
    client_metadata: Annotated[str, Field(pattern=r"^https://[^/\s]+/[^\s]+$")] | None = Field(
        default=None,
        description="Address of a document that says who we are, for servers that take one in place"
        " of a `client_id`.",
    )
    token_url: Url | None = Field(
        default=None,
        validate_default=True,
        description="Where tokens are exchanged, and nowhere else.",
    )
    audience: NotBlank | None = Field(
        default=None, description="Whom an exchanged token is for, as its issuer names them."
    )
    resource: Url | None = Field(
        default=None, description="Whom an exchanged token is for, as an address."
    )
    actor_token: SecretStr | None = Field(
        default=None, description="Token of whoever acts for the user; write `${NAME}`."
    )
    subject_source: ImportPath | None = Field(
        default=None,
        description="Import path of `async def source(tenant, principal)`, which returns the token"
        " of a user where none came with the conversation, or None.",
    )

    @field_validator("client_id", "client_secret", "issuer", *OF_EXCHANGE)
    @classmethod
    def _fits_the_way(cls, value: object, info: ValidationInfo) -> object:
        """Look at each key as soon as it is known which way that is."""
        key, way = info.field_name or "", info.data.get("type", "")
        if value is None and key in NEEDED.get(way, ()):
            raise ValueError(f"is missing: `type: {way}` needs it")
        if value is not None and key in OF_EXCHANGE and way not in ("", "token_exchange"):
            raise ValueError("is for `type: token_exchange` only")
        if way == "authorization_code":
            _fits_a_login(key, value, info.data)
        return value


def _fits_a_login(key: str, value: object, before: Mapping[str, object]) -> None:
    if key == "issuer" and value is None and before.get("client_id") is not None:
        raise ValueError("is missing: who we are is known to one authorization server only")
    if key == "client_secret" and value is not None and before.get("client_id") is None:
        raise ValueError("is of no use without a `client_id`")


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
        default=None, validate_default=True, description="How we get in, where OAuth is wanted."
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
    sampling: ListenerName | None = Field(
        default=None,
        description="Listener that answers where a tool asks for a model: it takes `Sample`.",
    )
    elicitation: ListenerName | None = Field(
        default=None,
        description="Listener that answers where a tool asks for a person: it takes `Elicit`.",
    )
    roots: Annotated[tuple[NotBlank, ...], AList] = Field(
        default=(), description="Folders that it is told of, as seen from the organism's file."
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
