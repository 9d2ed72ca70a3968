"""What an organism file says about A2A: agents elsewhere, and how ours are shown to others."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from xml_pipeline.config.values import (
    AList,
    HttpUrl,
    ListenerName,
    NotBlank,
    OneOrMoreFaces,
    Seconds,
    Section,
)


def _network(text: str) -> str:
    ip_network(text)
    return text


Network = Annotated[str, AfterValidator(_network)]


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
        default=(),
        description="To whom it is shown: `mcp`, to any MCP client of ours; `a2a`, to any agent.",
    )
    timeout: Seconds = Field(
        default=300.0, description="Seconds that one call may take; then its task is cancelled."
    )
    connect_timeout: Seconds = Field(
        default=15.0,
        description="Seconds that connecting may take, and reading its card, and being told how far"
        " it is.",
    )

    def __hash__(self) -> int:
        return hash((self.url, self.endpoint))  # A mapping has no hash.


class A2aConfig(Section):
    """The agents elsewhere that are listeners here, and how ours are shown to others."""

    pins: NotBlank = Field(
        default="a2a.lock.json",
        description="File of the agent cards that were approved, as seen from the organism's;"
        " `xml-pipeline a2a pin` writes it.",
    )
    agents: Mapping[ListenerName, A2aAgentConfig] = Field(
        default={}, description="Agents by name; each is the listener `NAME`."
    )
    default: ListenerName | None = Field(
        default=None,
        description="The listener that is meant by messages to the organism as a whole; empty: the"
        " first that says `expose: a2a`.",
    )
    public_url: HttpUrl | None = Field(
        default=None,
        description="Base address that our cards name, where clients come in by another one than"
        " the server's own; empty: the one that a card was asked for under.",
    )
    open_cards: bool = Field(
        default=True,
        description="Show our cards without a token: they say what there is, and that one is"
        " needed.",
    )
    older: bool = Field(
        default=True,
        description="Speak A2A 0.3 as well as 1.0; our cards then say everything in the words of"
        " both.",
    )
    push_networks: Annotated[tuple[Network, ...], AList] = Field(
        default=(),
        description="Networks beside the internet that notifications may be sent to, such as"
        " `10.1.0.0/16`.",
    )
