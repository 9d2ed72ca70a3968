"""Logging out: what a login has left is gone here, and taken back where it was issued.

The rule this file guards: nothing is kept here in any case, and nobody is told that a token was
taken back which was not.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from xml_pipeline.config import McpServerConfig
from xml_pipeline.mcp.failing import ServerFailed
from xml_pipeline.mcp.granting import GrantRefused, said_to
from xml_pipeline.mcp.stored import Login, login_file, read_login, who

log = logging.getLogger(__name__)

LoggedOut = Literal["nobody", "here", "everywhere"]
"""Whether anybody had logged in, and where the tokens are of no use any more."""


async def log_out(name: str, config: McpServerConfig, folder: Path) -> LoggedOut:
    """Forget the login for a server, and have its tokens taken back (RFC 7009).

    Raises ServerFailed where they are gone here only, though there they could be taken back.
    """
    file = login_file(name, config, folder)
    login = read_login(file)
    was_there = file.exists()
    file.unlink(missing_ok=True)
    if login is None or not login.revoke_url:
        return "here" if was_there else "nobody"
    try:
        for form in _forms(login):
            await said_to(login.revoke_url, form, who(login, form))
    except GrantRefused as error:
        secrets = (login.access_token, login.refresh_token, login.client_secret)
        log.warning("%s: the tokens are not taken back: %s", name, error.scrubbed(*secrets))
        why = f"has refused that ({error.status})" if error.status else "cannot be reached"
        raise ServerFailed(
            f"the tokens for {name} are gone here, but good until they end by themselves: its"
            f" authorization server {why}"
        ) from None
    return "everywhere"


def _forms(login: Login) -> Iterator[dict[str, str]]:
    """Yield what is said of each token: first the one that could bring others."""
    tokens: Mapping[str, str] = {
        "refresh_token": login.refresh_token,
        "access_token": login.access_token,
    }
    for kind, token in tokens.items():
        if token:
            yield {"token": token, "token_type_hint": kind, "client_id": login.client_id}
