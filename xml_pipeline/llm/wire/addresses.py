"""Where a provider is asked, and with which key.

The rule it guards: a key goes only where its owner sends it. The variable in which a provider's
key usually stands is read for the provider's usual address; whoever names another address
names the key for it too, or none is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from pydantic import SecretStr

from xml_pipeline.errors import ConfigError
from xml_pipeline.llm.wire.http import Endpoint
from xml_pipeline.llm.wire.patience import Patience
from xml_pipeline.llm.wiring import Wiring

# What a header may hold and no more: httpx would show any other key in its error.
_KEY = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a provider usually is, and the variable in which its key usually stands."""

    base_url: str
    key_env: str
    needs_key: bool = True

    def url(self, wiring: Wiring, path: str) -> str:
        """Return where to ask. Raises ConfigError for a `base_url` that cannot be one."""
        base = wiring.backend.base_url or self.base_url
        problem = _problem(base)
        if problem:
            raise ConfigError((f"{wiring.name}: `base_url` {problem}",))
        return base.rstrip("/") + path

    def key(self, wiring: Wiring) -> SecretStr | None:
        """Return the key, None where none is needed. Raises ConfigError that says what to set."""
        key = self._found(wiring)
        if key is None or _KEY.fullmatch(key):
            return None if key is None else SecretStr(key)
        raise ConfigError((f"{wiring.name}: the key is empty, or no key: it has spaces in it",))

    def endpoint(
        self, wiring: Wiring, path: str, headers: Mapping[str, str], key: SecretStr | None
    ) -> Endpoint:
        """Return what is asked there, with headers that hold the key."""
        url, patience = self.url(wiring, path), Patience.within(wiring.backend.timeout)
        return Endpoint(wiring.name, url, headers=headers, key=key, patience=patience)

    def _found(self, wiring: Wiring) -> str | None:
        backend = wiring.backend
        if backend.api_key is not None and backend.api_key_env:
            problem = "`api_key` and `api_key_env` both give a key: write one of the two"
            raise ConfigError((f"{wiring.name}: {problem}",))
        if backend.api_key is not None or backend.api_key_env:
            return wiring.key(self.key_env)
        if backend.base_url:
            return None
        if not self.needs_key:
            return wiring.environment.get(self.key_env, "").strip() or None
        return wiring.key(self.key_env)


def _problem(base: str) -> str | None:
    """Return what is wrong with an address. It is not repeated: it may hold a password."""
    try:
        url = httpx.URL(base)
    except httpx.InvalidURL as error:
        return f"is no address: {error}"
    if url.scheme not in ("http", "https") or not url.host:
        return "must begin with http:// or https:// and a host"
    if url.userinfo:
        return "holds a password: write it as `api_key`"
    return "must end with its path" if url.query or url.fragment else None
