"""Secrets leave by no door: known ones in any coating, and whatever looks like a key.

No key in here is one: each is put together from its prefix and from letters that a fixed seed
draws.
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Iterator
from urllib.parse import quote
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xml_pipeline.config import OrganismConfig, redaction_of
from xml_pipeline.redaction import KINDS, Kind, Redacting, Redaction, is_secret, secrets_in, within

ALNUM = string.ascii_letters + string.digits
WORD = ALNUM + "_-"
HEX = string.digits + "abcdef"
UPPER = string.ascii_uppercase + "234567"

RECALL = 0.95
"""The share of keys that must be found at least."""

FORMATS: dict[str, tuple[str, str, int]] = {
    "anthropic": ("sk-" + "ant-api03-", WORD, 95),
    "anthropic admin": ("sk-" + "ant-admin01-", WORD, 95),
    "openai, old": ("s" + "k-", ALNUM, 48),
    "openai project": ("sk-" + "proj-", WORD, 156),
    "openai service account": ("sk-" + "svcacct-", WORD, 120),
    "openrouter": ("sk-" + "or-v1-", HEX, 64),
    "deepseek": ("s" + "k-", HEX, 32),
    "xai": ("xa" + "i-", ALNUM, 80),
    "groq": ("gs" + "k_", ALNUM, 52),
    "google": ("AI" + "za", WORD, 35),
    "google client": ("GOC" + "SPX-", WORD, 28),
    "aws id": ("AK" + "IA", UPPER, 16),
    "aws session id": ("AS" + "IA", UPPER, 16),
    "aws secret": ("aws_secret_" + "access_key = ", ALNUM + "/+", 40),
    "aws secret, JSON": ('"Secret' + 'AccessKey": "', ALNUM + "/+", 40),
    "github": ("gh" + "p_", ALNUM, 36),
    "github oauth": ("gh" + "o_", ALNUM, 36),
    "github user": ("gh" + "u_", ALNUM, 36),
    "github server": ("gh" + "s_", ALNUM, 36),
    "github refresh": ("gh" + "r_", ALNUM, 76),
    "github fine": ("github_" + "pat_11", ALNUM, 80),
    "gitlab": ("gl" + "pat-", WORD, 20),
    "slack bot": ("xo" + "xb-1234567890-1234567890123-", ALNUM, 24),
    "slack user": ("xo" + "xp-1234567890-1234567890-1234567890-", HEX, 32),
    "slack app": ("xa" + "pp-1-A0123456789-1234567890123-", HEX, 64),
    "slack webhook": ("https://hooks.slack" + ".com/services/T01234567/B01234567/", ALNUM, 24),
    "stripe": ("sk_" + "live_", ALNUM, 24),
    "stripe restricted": ("rk_" + "live_", ALNUM, 99),
    "stripe webhook": ("wh" + "sec_", ALNUM, 32),
    "twilio": ("S" + "K", HEX, 32),
    "npm": ("np" + "m_", ALNUM, 36),
    "pypi": ("py" + "pi-AgEIcHlwaS5vcmc", WORD, 150),
    "hugging face": ("h" + "f_", ALNUM, 34),
    "telegram": ("123456789:" + "AA", WORD, 33),
    "azure storage": ("Account" + "Key=", ALNUM + "+/", 86),
    "azure bus": ("SharedAccess" + "Key=", ALNUM + "+/", 43),
    "postgres": ("postgres://app:", ALNUM, 16),
    "redis": ("redis://:", ALNUM + "!$%", 20),
    "bearer": ("Authorization: Bear" + "er ", WORD, 43),
    "basic": ("Authorization: Bas" + "ic ", ALNUM, 24),
    "bearer, JSON": ('{"authorization": "Bear' + "er ", WORD, 43),
    "api key header": ("x-api-" + "key: ", ALNUM, 32),
    "age": ("AGE-SECRET-" + "KEY-1", UPPER, 58),
    "vault": ("hv" + "s.", WORD, 90),
    "digital ocean": ("dop_" + "v1_", HEX, 64),
}
"""How a key begins, of which letters the rest is, and of how many."""

DOTTED: dict[str, tuple[tuple[str, int], ...]] = {
    "sendgrid": (("S" + "G", 0), ("", 22), ("", 43)),
    "discord": (("M" + "T", 22), ("", 6), ("", 38)),
    "jwt": (("ey" + "J", 33), ("ey" + "J", 80), ("", 43)),
    "jwe": (("ey" + "J", 33), ("", 342), ("", 100)),
}
"""Keys of several parts: how each begins, and how many letters follow."""


def corpus() -> Iterator[tuple[str, str, str]]:
    """Yield kinds of keys, texts with one of them, and the part that must be gone."""
    draw = random.Random(14)
    for kind, (prefix, letters, length) in FORMATS.items():
        for _ in range(3):
            rest = "".join(draw.choices(letters, k=length))
            end = "@db.example:5432/app" if "://" in prefix and "slack" not in kind else ""
            yield kind, prefix + rest + end, rest
    for kind, parts in DOTTED.items():
        for _ in range(3):
            made = [begin + "".join(draw.choices(WORD, k=length)) for begin, length in parts]
            yield kind, ".".join(made), made[-1]
    for kind in ("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "):
        rest = "".join(draw.choices(ALNUM + "+/", k=64))
        begin, end = (f"-----{each} {kind}PRIVATE" + " KEY-----" for each in ("BEGIN", "END"))
        yield f"{kind}private key", f"{begin}\n{rest}\n{rest}==\n{end}", rest


KEYS = tuple(corpus())

COATS = {
    "alone": "{}",
    "in a sentence": "It said: {}, and ended.",
    "in a list": "['{}', 1]",
    "in XML": "<say><text>{}</text></say>",
    "on a line of its own": "first\n{}\nlast",
}

HARMLESS = {
    "prose": "The key to a good token is a secret: basic authorization, and the bearer of news.",
    "a heading": "Authorization: Bearer <token>",
    "python": "def key(self, token: str) -> str:\n    return self._tokens[token] or sk_live",
    "yaml": "llm:\n  backends:\n    - {provider: anthropic, api_key_env: ANTHROPIC_API_KEY}\n",
    "xml": '<message xmlns="https://example.org/ns/1"><from>a.b</from><to>c-d</to></message>',
    "css": ".sk-circle-fade-dot-animation { color: #a1b2c3; } /* mask-image-for-sk-loader */",
    "uuid": "550e8400-e29b-41d4-a716-446655440000 and 00000000-0000-0000-0000-000000000000",
    "git": "commit 3c197a08a7c5d1f9e2b4a6c8d0e1f2a3b4c5d6e7 (HEAD -> main)",
    "digest": "sha256:" + "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "picture": base64.b64encode(random.Random(7).randbytes(20_000)).decode(),
    "numbers": "31415926535897932384626433832795028841971693993751058209749445923 1e-308",
    "url": "https://docs.example.org:8443/a/b?q=sk-1&page=2#token and mailto:a@b.example",
    "ipv6": "http://[2001:db8::1]:8080/v1/messages",
    "traceback": "File \"/srv/app/tokens.py\", line 12, in secret_key\nKeyError: 'api-key'",
    "json": '{"tokens": 12, "key": "value", "secret": false, "max_tokens": 4096}',
    "version": "pypi-simple 1.0, hf_hub_download, npm_config_registry, ghp_ and glpat- prefixes",
    "public key": "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----",
    "nothing": "",
}

CANARY = 'cAnary/"of & <the> mine+42'
COATINGS = {
    "as it is": CANARY,
    "JSON": json.dumps(CANARY),
    "JSON in JSON": json.dumps(json.dumps("plain-" + "canary-4242"))[3:],
    "XML": escape(CANARY),
    "an attribute": escape(CANARY, {'"': "&quot;"}),
    "a URL": quote(CANARY),
    "a query": quote(CANARY, safe=""),
    "Python": repr({"a": CANARY}),
    "hex": CANARY.encode().hex(),
    "base64": base64.b64encode(CANARY.encode()).decode(),
    "base64 behind one letter": base64.b64encode(b"a" + CANARY.encode()).decode(),
    "base64 behind two letters": base64.b64encode(b"ab" + CANARY.encode()).decode(),
    "base64 before more": base64.b64encode(CANARY.encode() + b"zz").decode(),
    "base64 for URLs": base64.urlsafe_b64encode(CANARY.encode() + b"?>?>").decode(),
}


@pytest.mark.parametrize("coat", COATS.values(), ids=COATS.keys())
def test_nearly_every_key_of_a_usual_format_is_found(coat: str) -> None:
    redact = Redaction().redact
    missed = [kind for kind, text, rest in KEYS if rest in redact(coat.format(text))]
    assert len(KEYS) >= 60
    assert 1 - len(missed) / len(KEYS) >= RECALL, missed


def test_a_key_is_found_in_the_json_of_a_log_line_which_stays_json() -> None:
    for kind, text, rest in KEYS:
        line = json.dumps({"event": f"first\n{text}", "more": [f'"{text}"', text]})
        told = Redaction().redact(line)
        assert rest not in json.dumps(json.loads(told)), kind


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS.keys())
def test_what_is_no_secret_stays_the_very_same_text(text: str) -> None:
    assert Redaction(frozenset({CANARY})).redact(text) is text


@pytest.mark.parametrize("text", COATINGS.values(), ids=COATINGS.keys())
def test_a_known_value_is_found_however_it_is_written(text: str) -> None:
    redact = Redaction(frozenset({CANARY, "plain-" + "canary-4242"})).redact
    told = redact(f"before {text} after")
    assert "[redacted]" in told
    assert "anary" not in told
    assert told.startswith("before ")
    assert told.endswith(" after")


def test_of_two_known_values_the_longer_one_goes_first() -> None:
    redact = Redaction(frozenset({"longish-one", "longish-one-and-more"})).redact
    assert redact("longish-one-and-more, longish-one") == "[redacted], [redacted]"


def test_a_short_value_is_not_taken_out_of_every_word() -> None:
    assert Redaction(frozenset({"letmein"})).redact("letmein") == "letmein"


def test_a_value_that_is_in_a_marker_takes_no_marker_apart() -> None:
    redact = Redaction(frozenset({"redacted", "anthropic key", "secret-value"})).redact
    assert redact("secret-value") == "[redacted]"


@given(
    st.lists(st.sampled_from([text for _, text, _ in KEYS]) | st.text(max_size=40), max_size=6),
    st.sampled_from(["", " ", "\n", "=", ":", "-", "a", "\\n", '"']),
)
def test_to_redact_again_changes_nothing(parts: list[str], between: str) -> None:
    redact = Redaction(frozenset({"known-secret-1", "another one & more"})).redact
    once = redact(between.join((*parts, "known-secret-1")))
    assert redact(once) == once


@given(st.text(alphabet=" abcdefghij.,<>/&;\n\t'\"{}[]()éß漢", max_size=400))
def test_text_without_secrets_stays_as_it_is(text: str) -> None:
    assert Redaction(frozenset({CANARY})).redact(text) is text


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.name} {kind.hints[0]}")
def test_what_only_begins_like_a_key_comes_to_an_end(kind: Kind) -> None:
    redact = Redaction(frozenset({"known-value-1"})).redact
    for each in (*kind.hints, "://", "://a:", "eyJaaaaaaaaaa.", "M"):
        for text in (each * 20_000, f"{each}A." * 20_000, f" {each}" + "a" * 200_000):
            assert redact(f"{text} known-value-1").endswith(" [redacted]")


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("ANTHROPIC_API_KEY", True),
        ("DB_PASSWORD", True),
        ("github-token", True),
        ("Authorization", True),
        ("AWS_SECRET_ACCESS_KEY", True),
        ("KEYBOARD", False),
        ("MONKEY_NAME", False),
        ("TOKENIZERS_PARALLELISM", False),
        ("TOKEN_FILE", False),
        ("SSH_KEY_PATH", False),
        ("PATH", False),
        ("", False),
    ],
)
def test_a_name_says_whether_it_is_of_a_secret(name: str, secret: bool) -> None:
    assert is_secret(name) is secret
    assert secrets_in({name: " a value "}) == (frozenset({"a value"}) if secret else frozenset())


def test_an_organism_knows_what_its_file_and_its_environment_say_is_secret() -> None:
    config = OrganismConfig.model_validate(
        {
            "organism": {"name": "o"},
            "llm": {
                "backends": [
                    {"provider": "anthropic", "api_key": "written-in-the-file"},
                    {"provider": "openai", "api_key_env": "MINE"},
                ]
            },
            "mcp": {
                "servers": {
                    "there": {
                        "url": "https://mcp.example/",
                        "headers": {
                            "Authorization": "Bearer of-the-header",
                            "Accept": "application/json",
                        },
                    }
                }
            },
        }
    )
    known = redaction_of(config, {"MINE": "named-by-the-file", "OTHER": "harmless-value"}).known
    wanted = {"written-in-the-file", "named-by-the-file", "of-the-header"}
    assert known >= wanted
    assert not known & {"harmless-value", "application/json"}
    assert not any(each in repr(Redaction(known)) for each in wanted)


def test_what_was_a_secret_before_a_reload_stays_one() -> None:
    redacting = Redacting(Redaction(frozenset({"the-old-one"})))
    redacting.learn(("the-new-one",))
    assert redacting("the-old-one the-new-one") == "[redacted] [redacted]"


def test_plain_data_is_redacted_wherever_there_is_text() -> None:
    redact = Redaction(frozenset({"the-secret"})).redact
    data = {"the-secret": [1, None, ("a", "the-secret"), {"x": "is the-secret"}]}
    assert within(data, redact) == {
        "[redacted]": [1, None, ["a", "[redacted]"], {"x": "is [redacted]"}]
    }
