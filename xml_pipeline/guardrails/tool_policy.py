"""Decides by rules which functions may be called, and with which arguments.

The first rule whose name fits decides. A rule that allows may say what its arguments must not be;
if one is, the call is denied, and no later rule is asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from xml_pipeline.config import Section
from xml_pipeline.config.values import AList, Count, NotBlank
from xml_pipeline.guarding import (
    ALLOWED,
    Called,
    Guardrail,
    Verdict,
    denied,
    settings_of,
    warned,
)

Action = Literal["allow", "warn", "deny"]


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return text


class Constraint(Section):
    """What an argument must not be. ``path`` is dotted, and a number in it is a place in a list."""

    path: NotBlank
    deny_pattern: Annotated[str, AfterValidator(_pattern)] | None = None
    max_length: Count | None = None

    def violation(self, arguments: Mapping[str, Any]) -> str:
        """Return what is wrong with the arguments, "" where nothing is.

        What is no text is judged as JSON; what is not there, not at all.
        """
        for value in _at(arguments, self.path.split(".")):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            if self.max_length is not None and len(text) > self.max_length:
                return f"{self.path} has more than {self.max_length} characters"
            if self.deny_pattern is not None and re.search(self.deny_pattern, text):
                return f"{self.path} must not be like this"
        return ""


class Rule(Section):
    """What is to be done with the calls of the functions whose names fit ``tool``, a glob."""

    tool: NotBlank
    action: Action
    input_constraints: Annotated[tuple[Constraint, ...], AList] = ()


class ToolPolicySettings(Section):
    """The rules, in their order, and what holds where none fits."""

    default_action: Action = "allow"
    rules: Annotated[tuple[Rule, ...], AList] = Field(default=())


class ToolPolicy(Guardrail):
    """Judges calls by rules."""

    def __init__(self, settings: ToolPolicySettings) -> None:
        self._settings = settings

    async def before_tool(self, called: Called) -> Verdict:
        """Judge a call by the first rule that fits."""
        fitting = (each for each in self._settings.rules if fnmatchcase(called.function, each.tool))
        rule = next(fitting, None)
        if rule is None:
            return _verdict(self._settings.default_action, called.function)
        violations = (each.violation(called.arguments) for each in rule.input_constraints)
        if violated := next(filter(None, violations), ""):
            return denied(f"{called.function}: {violated}")
        return _verdict(rule.action, called.function)


def _verdict(action: Action, function: str) -> Verdict:
    if action == "deny":
        return denied(f"{function} may not be called")
    return warned(f"{function} is called") if action == "warn" else ALLOWED


def _at(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """Yield the value that stands at a path, nothing where there is none."""
    for part in path:
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return
    yield value


def configured(settings: Mapping[str, Any]) -> Guardrail:
    """Return the guardrail of these settings; ConfigError says what is wrong in them."""
    return ToolPolicy(settings_of(ToolPolicySettings, settings))
