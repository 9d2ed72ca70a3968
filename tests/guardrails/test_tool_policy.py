"""Rules decide which functions may be called, and with what."""

from __future__ import annotations

from typing import Any

import pytest

from xml_pipeline.errors import ConfigError
from xml_pipeline.guarding import Called
from xml_pipeline.guardrails.tool_policy import configured

RULES = [
    {
        "tool": "fetch",
        "action": "allow",
        "input_constraints": [
            {"path": "request.url", "deny_pattern": "^file:"},
            {"path": "headers.0", "max_length": 5},
        ],
    },
    {"tool": "delete_*", "action": "deny"},
    {"tool": "send_*", "action": "warn"},
    {"tool": "*", "action": "allow"},
    {"tool": "bash", "action": "deny"},
]


async def opinion(function: str, arguments: dict[str, Any], **settings: Any) -> str:
    guardrail = configured(settings or {"rules": RULES})
    return (await guardrail.before_tool(Called(function, arguments))).opinion


@pytest.mark.parametrize(
    ("function", "arguments", "expected"),
    [
        ("delete_file", {}, "deny"),
        ("send_mail", {}, "warn"),
        ("bash", {}, "allow"),  # an earlier rule fits
        ("fetch", {"request": {"url": "https://example.org"}}, "allow"),
        ("fetch", {"request": {"url": "file:///etc/passwd"}}, "deny"),
        ("fetch", {"request": {}}, "allow"),
        ("fetch", {"request": "file:"}, "allow"),
        ("fetch", {"headers": ["short"]}, "allow"),
        ("fetch", {"headers": ["longer"]}, "deny"),
        ("fetch", {"headers": []}, "allow"),
        ("fetch", {"headers": [{"a": "longer"}]}, "deny"),
    ],
)
async def test_the_first_rule_that_fits_decides(
    function: str, arguments: dict[str, Any], expected: str
) -> None:
    assert await opinion(function, arguments) == expected


@pytest.mark.parametrize("action", ["allow", "warn", "deny"])
async def test_where_no_rule_fits_the_default_holds(action: str) -> None:
    assert await opinion("anything", {}, default_action=action) == action


async def test_a_denial_names_the_function_and_never_the_argument() -> None:
    guardrail = configured({"rules": RULES})
    arguments = {"request": {"url": "file:///secret"}}
    verdict = await guardrail.before_tool(Called("fetch", arguments))
    assert verdict.reason == "fetch: request.url must not be like this"
    verdict = await guardrail.before_tool(Called("fetch", {"headers": ["longer"]}))
    assert verdict.reason == "fetch: headers.0 has more than 5 characters"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rules": [{"tool": "x"}]}, "`rules.0.action`"),
        (
            {
                "rules": [
                    {
                        "tool": "x",
                        "action": "allow",
                        "input_constraints": [{"path": "a", "deny_pattern": "("}],
                    }
                ]
            },
            "is no regular expression",
        ),
        ({"default": "deny"}, "`default`"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        configured(wrong)
