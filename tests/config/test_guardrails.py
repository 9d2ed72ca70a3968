"""A listener names its guardrails, with settings where they have any."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.config.files import listener, listeners, load, problems_of
from xml_pipeline.config import GuardrailConfig, ListenerConfig

WRONG = "must be the name of a guardrail, or that name with its settings below it"


def test_a_guardrail_is_a_name_or_a_name_with_settings(tmp_path: Path) -> None:
    guardrails = "[data_marking, {injection: {threshold: 0.7}}]"
    loaded = load(tmp_path, listeners(listener(guardrails=guardrails)))
    assert loaded.config.listeners[0].guardrails == (
        GuardrailConfig("data_marking"),
        GuardrailConfig("injection", {"threshold": 0.7}),
    )


def said(guardrail: object) -> tuple[GuardrailConfig, ...]:
    about = {"name": "a", "description": "b", "agent": True, "guardrails": [guardrail]}
    return ListenerConfig.model_validate(about).guardrails


def test_a_guardrail_that_was_read_is_one() -> None:
    assert said(GuardrailConfig("injection")) == (GuardrailConfig("injection"),)


def test_a_number_is_no_name() -> None:
    with pytest.raises(ValidationError, match=WRONG):
        said({5: {}})


@pytest.mark.parametrize("wrong", ["5", "{a: {}, b: {}}", "{injection: high}", "[injection]"])
def test_anything_else_is_refused_with_its_place(tmp_path: Path, wrong: str) -> None:
    (problem,) = problems_of(tmp_path, listeners(listener(guardrails=f"[{wrong}]")))
    assert problem.endswith(f"listeners[0].guardrails[0]: {WRONG}")


def test_the_name_of_a_guardrail_is_that_of_a_plug_in(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, listeners(listener(guardrails="[../evil]")))
    assert "../evil" in problem
