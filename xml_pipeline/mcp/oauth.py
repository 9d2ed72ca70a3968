"""Getting in with credentials of the organism's own: OAuth 2.1, as the SDK speaks it.

The rule this file guards: credentials go to the authorization server that the operator has named,
whatever an MCP server says; tokens are kept in memory only.
"""

from __future__ import annotations

import httpx2
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

from xml_pipeline.config import McpAuthConfig, McpServerConfig


class Tokens:
    """The tokens of one connection."""

    def __init__(self) -> None:
        self._tokens: OAuthToken | None = None
        self._client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        """Return what was granted last."""
        return self._tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Remember what was granted."""
        self._tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """Return who we are there."""
        return self._client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """Remember who we are there."""
        self._client = client_info


def entry(config: McpServerConfig) -> httpx2.Auth | None:
    """Return what gets in as we ourselves; None where nothing is wanted, or a user is."""
    if config.auth is None or config.auth.type != "client_credentials":
        return None
    return _client_credentials(config.url or "", config.auth)


def _client_credentials(url: str, config: McpAuthConfig) -> httpx2.Auth:
    """Return what adds a token to each request, and gets one where it is needed."""
    secret = config.client_secret
    return ClientCredentialsOAuthProvider(
        url,
        Tokens(),
        config.client_id or "",
        secret.get_secret_value() if secret else "",
        scope=config.scope,
        issuer=(config.issuer or "").rstrip("/"),
    )
