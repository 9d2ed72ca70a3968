"""Getting in as whoever has logged in: tokens that `mcp login` has left, renewed as they grow old.

The rule this file guards: what is kept is for its owner only, and goes to the server it was made
for and to the authorization server that has issued it. Where it is of no more use nothing is
called, and nobody is sent to a browser by a program that runs.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from xml_pipeline.config import McpServerConfig
from xml_pipeline.mcp.entry import Entry
from xml_pipeline.mcp.failing import ServerFailed
from xml_pipeline.mcp.granting import GrantRefused, basic, posted
from xml_pipeline.places import state_directory

log = logging.getLogger(__name__)

MARGIN = 30.0
"""Seconds before its end from which on a token is not used any more."""


@dataclass(frozen=True, slots=True)
class Login:
    """What somebody has logged in with: a token until a time in seconds since 1970, 0: for ever.

    The rest is what it takes to renew it, and at ``revoke_url``, where there is one, to have it
    taken back: ``method`` is how we say there who we are.
    """

    access_token: str = field(repr=False)
    until: float
    refresh_token: str = field(repr=False)
    token_url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    method: str = "none"
    resource: str = ""
    revoke_url: str = ""

    @property
    def header(self) -> str:
        """Return the token as it is sent."""
        return f"Bearer {self.access_token}"

    @property
    def is_fresh(self) -> bool:
        """Tell whether the token is still good, as far as we know."""
        return not self.until or time.time() < self.until - MARGIN


class Stored(Entry):
    """Adds the token of a login to each request, and has it renewed."""

    def __init__(self, name: str, config: McpServerConfig, folder: Path) -> None:
        self._name = name
        self._file = login_file(name, config, folder)
        self._login: Login | None = None
        self._doubted = ""
        self._renewing = asyncio.Lock()

    async def ready(self) -> str:
        """Return what to send; ServerFailed where somebody has to log in first."""
        async with self._renewing:
            known = self._login
            if known is None or not self._is_good(known) or not self._file.exists():
                known = read_login(self._file)  # Another process may have renewed it.
            if known is None:
                raise self._nobody("nobody has logged in there")
            if not self._is_good(known):
                known = await self._renewed(known)
                if not self._file.exists():
                    raise self._nobody("somebody has logged out")
                write_login(self._file, known)
            self._login = known
            return known.header

    def doubt(self, sent: str) -> None:
        """Have the token renewed before it is sent again."""
        self._doubted = sent

    def complaint(self) -> str:
        """Return what is wrong with the token, and what an operator can do about it."""
        words = super().complaint()
        return f"{words}. {self._remedy(self.wanted)}" if words else ""

    def _is_good(self, login: Login) -> bool:
        return login.is_fresh and login.header != self._doubted

    async def _renewed(self, login: Login) -> Login:
        if not login.refresh_token:
            raise self._nobody("the login has ended")
        form = {
            "grant_type": "refresh_token",
            "refresh_token": login.refresh_token,
            "client_id": login.client_id,
            "resource": login.resource,
        }
        try:
            said = await posted(login.token_url, form, who(login, form))
            return renewed(login, said)
        except GrantRefused as error:
            log.warning("%s: the login is not renewed: %s", self._name, error.scrubbed())
            if error.passes:
                raise ServerFailed(
                    f"{self._name} was not called: its authorization server cannot be reached",
                    unsent=True,
                ) from None
            raise self._nobody("the login has ended") from None

    def _nobody(self, why: str) -> ServerFailed:
        return ServerFailed(f"{self._name} was not called: {why}. {self._remedy()}")

    def _remedy(self, scope: str = "") -> str:
        more = f" --scope '{scope}'" if scope else ""
        command = f"xml-pipeline mcp login ORGANISM.YAML {self._name}{more}"
        return f"An operator can log in with `{command}`."


def renewed(login: Login, said: Any) -> Login:
    """Return a login with what was granted anew; GrantRefused where that is no token."""
    token = said.get("access_token") if isinstance(said, dict) else None
    if not isinstance(token, str) or not token:
        raise GrantRefused(0, b"it gives no token")
    refresh = said.get("refresh_token")
    return replace(
        login,
        access_token=token,
        until=end_of(said.get("expires_in")),
        refresh_token=refresh if isinstance(refresh, str) and refresh else login.refresh_token,
    )


def end_of(seconds: Any) -> float:
    """Return when so many seconds are up, in seconds since 1970; 0 where that is not said."""
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    return time.time() + seconds if is_number else 0.0


def login_file(name: str, config: McpServerConfig, folder: Path) -> Path:
    """Return where the login for a server of the organism in a folder is kept."""
    about = "\n".join((str(folder.resolve()), name, config.url or ""))
    return state_directory() / "mcp" / f"{sha256(about.encode()).hexdigest()[:32]}.json"


def read_login(file: Path) -> Login | None:
    """Read a login; None where there is none."""
    try:
        return Login(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        log.warning("%s is no login that can be read: %s", file, type(error).__name__)
        return None


def write_login(file: Path, login: Login) -> None:
    """Write a login as a whole; mode 0600, in a directory of mode 0700."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}.draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        json.dump(asdict(login), opened)
    draft.replace(file)


def who(login: Login, form: dict[str, str]) -> dict[str, str]:
    """Return the headers that say who we are, or say it in the form."""
    if login.method == "client_secret_basic":
        return {"Authorization": basic(login.client_id, login.client_secret)}
    if login.method == "client_secret_post":
        form["client_secret"] = login.client_secret
    return {}
