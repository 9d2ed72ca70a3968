"""What is secret does not leave: known values and usual forms of keys are taken out of texts.

The rule this file guards: every pattern is linear. Each begins with letters that are looked for
first, and repeats nothing without a bound. A marker is put in the place of what is taken out; it
has no quote and no backslash in it, and no pattern takes one away, so that JSON stays JSON.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

Redact = Callable[[str], str]

SHORTEST = 8
"""Characters of a known value; shorter ones would take ordinary words out of every text."""

MARKER = "[redacted]"

_SECRET_WORDS = frozenset(
    (
        *("KEY", "KEYS", "TOKEN", "SECRET", "SECRETS", "PASSWORD", "PASSWD", "PASSPHRASE"),
        *("CREDENTIAL", "CREDENTIALS", "AUTHORIZATION", "COOKIE"),
    )
)
_PLACES = frozenset(("FILE", "PATH", "DIR"))

_BEGIN = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=%[0-9A-F]{2}))"
"""Where a word begins: also behind what stands for a line's end in JSON, or a blank in a URL."""

_IS = r"[\s:=,\"'\\b(]{1,12}"
"""What stands between a name and its value, in headers, settings, JSON and Python."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One form of secrets: texts without one of the ``hints`` have none of it.

    Group 1 of the pattern is what stays.
    """

    name: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]

    def redact(self, text: str) -> str:
        """Put markers in the place of what has this form."""
        if not any(hint in text for hint in self.hints):
            return text
        return self.pattern.sub(rf"\g<1>[redacted: {self.name}]", text)


def _kind(name: str, hints: str, pattern: str, kept: str = _BEGIN) -> Kind:
    return Kind(name, tuple(hints.split("|")), re.compile(f"({kept}){pattern}", re.ASCII))


KINDS = (
    _kind(
        "private key",
        "PRIVATE KEY",
        r"-----BEGIN[A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:\\n|\\r|[A-Za-z0-9+/=\s:,]){0,16384}"
        r"(?:-----END[A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
        kept="",
    ),
    _kind("age key", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[A-Z0-9]{50,64}"),
    _kind("jwt", "eyJ", r"eyJ[\w-]{8,4096}\.[\w-]{4,4096}\.[\w-]{16,4096}"),
    _kind("anthropic key", "sk-ant-", r"sk-ant-[\w-]{20,512}"),
    _kind("openrouter key", "sk-or-", r"sk-or-[\w-]{20,512}"),
    _kind(
        "openai key",
        "sk-",
        r"sk-(?:(?:proj|svcacct|admin)-[\w-]{20,512}|[A-Za-z0-9]{32,512})",
    ),
    _kind("xai key", "xai-", r"xai-[A-Za-z0-9]{40,512}"),
    _kind("google key", "AIza", r"AIza[\w-]{35}(?![\w-])"),
    _kind("aws key id", "AKIA|ASIA", r"A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _kind(
        "aws secret key",
        "ecret|ECRET",
        r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])",
        kept=rf"(?i:secret_?access_?key){_IS}",
    ),
    _kind(
        "github token",
        "ghp_|gho_|ghu_|ghs_|ghr_|github_pat_",
        r"(?:gh[pousr]_[A-Za-z0-9]{36,512}|github_pat_\w{22,512})",
    ),
    _kind("gitlab token", "glpat-", r"glpat-[\w.-]{20,512}"),
    _kind("slack token", "xox|xapp-", r"(?:xox[abeoprs]-|xapp-)[\w-]{10,512}"),
    _kind(
        "slack webhook",
        "hooks.slack.com",
        r"[\w/]{20,255}",
        kept=r"hooks\.slack\.com/services/",
    ),
    _kind("stripe key", "k_live_|k_test_", r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,512}"),
    _kind("webhook secret", "whsec_", r"whsec_[A-Za-z0-9+/]{24,512}={0,2}"),
    _kind("sendgrid key", "SG.", r"SG\.[\w-]{16,64}\.[\w-]{32,128}"),
    _kind("twilio key", "SK", r"SK[0-9a-f]{32}(?![A-Za-z0-9])"),
    _kind("npm token", "npm_", r"npm_[A-Za-z0-9]{36,512}"),
    _kind("pypi token", "pypi-", r"pypi-[\w-]{50,1024}"),
    _kind("hugging face token", "hf_", r"hf_[A-Za-z0-9]{30,512}"),
    _kind("telegram token", ":AA", r"[0-9]{8,12}:AA[\w-]{32,34}(?![\w-])"),
    # The letter comes first, and is looked for fast; only then it is asked what precedes it.
    _kind(
        "discord token",
        ".",
        r"[MNO](?:(?<![\w-].)|(?<=\\[nrt].)|(?<=%[0-9A-F]{2}.))[\w-]{23,27}\.[\w-]{6}\.[\w-]{27,45}(?![\w-])",
        kept="",
    ),
    _kind(
        "token",
        "gsk_|pplx-|r8_|shpat_|GOCSPX-|dop_v1_|hvs.|lin_api_|ya29.",
        r"(?:gsk_|pplx-|r8_|shpat_|GOCSPX-|dop_v1_|hvs\.|lin_api_|ya29\.)[\w-]{24,512}",
    ),
    _kind(
        "azure key",
        "AccountKey=|SharedAccessKey=|sig=",
        r"[A-Za-z0-9+/%]{20,256}={0,2}",
        kept=r"(?:AccountKey|SharedAccessKey|[?&;]sig)=",
    ),
    _kind(
        "password",
        "://",
        r"(?!\[redacted)[^\s@/\"'<>\\]{1,256}(?=@)",
        kept=r"://[^\s:@/\"'<>\\]{0,128}:",
    ),
    _kind(
        "authorization",
        "uthorization|UTHORIZATION",
        r"[A-Za-z0-9._~+/=-]{8,4096}",
        kept=rf"(?i:authorization){_IS}(?i:bearer|basic|token)\s{{1,4}}",
    ),
    _kind(
        "authorization",
        "earer |EARER ",
        r"(?=[^\s]{0,200}[0-9])[A-Za-z0-9._~+/=-]{20,4096}",
        kept=r"(?i:bearer) ",
    ),
    _kind(
        "api key",
        "api-key|Api-Key|API-Key|API-KEY",
        r"[A-Za-z0-9._~+/=-]{8,1024}",
        kept=rf"(?i:x-api-key|api-key){_IS}",
    ),
)


@dataclass(frozen=True)
class Redaction:
    """Takes out of texts what is ``known`` to be secret, and what looks like a key."""

    known: frozenset[str] = field(default=frozenset(), repr=False)

    def redact(self, text: str) -> str:
        """Return a text without secrets: the very same one where there are none in it."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MARKER)
        for kind in KINDS:
            text = kind.redact(text)
        return text

    def knowing(self, values: Iterable[str]) -> Redaction:
        """Return one that knows these values as well."""
        return Redaction(self.known | frozenset(values))

    @cached_property
    def _forms(self) -> tuple[str, ...]:
        """Return the known values as they may be written, the longest first."""
        forms = {form for value in self.known if len(value) >= SHORTEST for form in _forms(value)}
        said = " ".join((MARKER, *(f"[redacted: {kind.name}]" for kind in KINDS)))
        usable = (each for each in forms if len(each) >= SHORTEST and each not in said)
        return tuple(sorted(usable, key=lambda each: (-len(each), each)))


class Redacting:
    """The redaction of one organism, for all of its sinks: what it has learnt it does not forget.

    What was a secret before a reload may still be one, and be under way.
    """

    __slots__ = ("_redaction",)

    def __init__(self, redaction: Redaction | None = None) -> None:
        self._redaction = redaction if redaction is not None else Redaction()

    def __call__(self, text: str) -> str:
        """Return a text without secrets."""
        return self._redaction.redact(text)

    def learn(self, values: Iterable[str]) -> None:
        """Take these values for secrets too, from now on."""
        self._redaction = self._redaction.knowing(values)


def is_secret(name: str) -> bool:
    """Tell whether a variable or a header says by its name that it is secret."""
    words = re.split(r"[^A-Z0-9]+", name.upper())
    return not _SECRET_WORDS.isdisjoint(words) and words[-1] not in _PLACES


def secrets_in(variables: Mapping[str, str]) -> frozenset[str]:
    """Return the values of those variables whose names say that they are secret."""
    return frozenset(value.strip() for name, value in variables.items() if is_secret(name))


def within(value: Any, redact: Redact) -> Any:
    """Return plain data without secrets in its texts, the names of members included."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {within(key, redact): within(each, redact) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [within(each, redact) for each in value]
    return value


def _forms(value: str) -> set[str]:
    """Return a value as it may stand in a text, in XML, a URL, Python, hex, base64 or JSON."""
    plain = {value, repr(value)[1:-1], value.encode().hex(), *_coded(value.encode())}
    plain |= {escape(value), html.escape(value), escape(value, {'"': "&quot;"})}
    plain |= {quote(value), quote(value, safe=""), quote_plus(value)}
    once = plain.union(*map(_in_json, plain))
    return once.union(*map(_in_json, once))  # Arguments are JSON, in an event that is JSON.


def _in_json(text: str) -> set[str]:
    return {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}


def _coded(value: bytes) -> Iterator[str]:
    """Yield what is the same of a value in base64, whatever stands before it and behind.

    Inside of something longer, it may begin at each of three places of a group of four letters.
    """
    for before, first in enumerate((0, 2, 3)):
        coded = base64.b64encode(bytes(before) + value)[first : (len(value) + before) * 8 // 6]
        yield from (coded.decode(), coded.decode().replace("+", "-").replace("/", "_"))
