"""What an organism file says about A2A: the agents elsewhere that are listeners here."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, SecretStr

from xml_pipeline.config.values import (
    HttpUrl,
    ListenerName,
    NotBlank,
    OneOrMoreFaces,
    Seconds,
    Section,
)


class A2aAuthConfig(Section):
    """How we get in with credentials of our own: OAuth 2.0, client credentials."""

    client_id: NotBlank = Field(description="Who we are there.")
    client_secret: SecretStr = Field(description="The secret; write `${NAME}`, never the secret.")
    token_url: HttpUrl = Field(
        description="Address that gives tokens for them; they are sent to no other."
    )
    scope: str | None = Field(default=None, description="Scopes to ask for, with spaces between.")


class A2aAgentConfig(Section):
    """One agent elsewhere."""

    url: HttpUrl = Field(
        description="Address below which its card lies, at `.well-known/agent-card.json`."
    )
    endpoint: HttpUrl | None = Field(
        default=None,
        description="Address at which it is spoken to; else the one on its card, which is refused"
        " if it is of another host than `url`.",
    )
    headers: Mapping[str, SecretStr] = Field(
        default={}, description="Headers of every request, such as `Authorization`."
    )
    auth: A2aAuthConfig | None = Field(
        default=None, description="Credentials for tokens of an OAuth server."
    )
    streaming: bool = Field(
        default=True, description="Hear what it does while it does it, if its card offers that."
    )
    poll: Seconds = Field(
        default=1.0,
        description="Seconds after which it is asked how far it is, where it does not stream;"
        " then twice that each time, up to fifteen.",
    )
    expose: OneOrMoreFaces = Field(
        default=(), description="To whom it is shown: `mcp`, to any MCP client of ours."
    )
    timeout: Seconds = Field(
        default=300.0, description="Seconds that one call may take; then its task is cancelled."
    )
    connect_timeout: Seconds = Field(
        default=15.0, description="Seconds that connecting, and reading its card, may take."
    )

    def __hash__(self) -> int:
        return hash((self.url, self.endpoint))  # A mapping has no hash.


class A2aConfig(Section):
    """The agents elsewhere that are listeners here."""

    pins: NotBlank = Field(
        default="a2a.lock.json",
        description="File of the agent cards that were approved, as seen from the organism's;"
        " `xml-pipeline a2a pin` writes it.",
    )
    agents: Mapping[ListenerName, A2aAgentConfig] = Field(
        default={}, description="Agents by name; each is the listener `NAME`."
    )
