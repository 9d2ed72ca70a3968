"""Asking an authorization server for a token, without a word of what is secret in what is told.

The rule this file guards: no redirect is followed, no more is read than a token takes, and what was
refused is told only without whatever may be a secret in it.
"""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx2

from xml_pipeline.errors import XmlPipelineError
from xml_pipeline.payload.text import printable

PATIENCE = 10.0
"""Seconds for one question, from first to last."""

LONGEST_ANSWER = 65_536
"""Bytes of an answer that are read."""

LONGEST_WORDS = 512
"""Characters of a refusal that are logged."""

_SHAPELESS = re.compile(r"[A-Za-z0-9._~+/%=\-]{32,}")
_CODE = re.compile(r"[a-z_]{1,64}")


class GrantRefused(XmlPipelineError):
    """Nothing was granted; ``status`` is 0 where nobody has answered, or nothing of use.

    ``passes`` tells whether it may be otherwise later.
    """

    def __init__(self, status: int, body: bytes, *, passes: bool = False) -> None:
        super().__init__(f"refused with {status}")
        self.status = status
        self.body = body
        self.passes = passes

    def scrubbed(self, *secrets: str) -> str:
        """Return its words without anything in them that may be a secret, and cut."""
        text = self.body.decode(errors="replace")
        for each in (spelt for secret in secrets for spelt in (secret, quote(secret, safe=""))):
            text = text.replace(each, "***") if each else text
        return f"{self.status} {printable(_SHAPELESS.sub('***', text))[:LONGEST_WORDS]}"

    def reason(self) -> str:
        """Return the error code in it, if it has one."""
        try:
            code = json.loads(self.body)["error"]
        except (ValueError, LookupError, TypeError, RecursionError):
            return ""
        return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


async def posted(url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Any:
    """Return what an authorization server answers, read as JSON; GrantRefused where it refuses.

    Fields of the form that are empty are left out.
    """
    body = await said_to(url, form, headers)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise GrantRefused(0, b"it is no JSON") from None


async def said_to(url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> bytes:
    """Say something to an authorization server, as ``posted`` does; return what it answers."""
    try:
        async with asyncio.timeout(PATIENCE):
            status, body = await _asked(url, form, headers)
    except (TimeoutError, httpx2.HTTPError) as error:
        raise GrantRefused(0, type(error).__name__.encode(), passes=True) from None
    if status != httpx2.codes.OK:
        busy = status >= httpx2.codes.INTERNAL_SERVER_ERROR
        raise GrantRefused(status, body, passes=busy or status == httpx2.codes.TOO_MANY_REQUESTS)
    return body


def basic(client_id: str, client_secret: str) -> str:
    """Return who we are, as RFC 6749 section 2.3.1 has it."""
    plain = ":".join(quote(each, safe="") for each in (client_id, client_secret))
    return f"Basic {b64encode(plain.encode()).decode()}"


async def _asked(
    url: str, form: Mapping[str, str], headers: Mapping[str, str]
) -> tuple[int, bytes]:
    """Put a question, and return the status and as much of the answer as is read."""
    said = {key: value for key, value in form.items() if value}
    found = bytearray()
    async with (
        httpx2.AsyncClient(timeout=PATIENCE) as client,
        client.stream(
            "POST", url, data=said, headers={"Accept": "application/json", **headers}
        ) as response,
    ):
        async for part in response.aiter_bytes():
            found += part
            if len(found) > LONGEST_ANSWER:
                break
    return response.status_code, bytes(found[:LONGEST_ANSWER])
