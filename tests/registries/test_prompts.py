"""Prompts: frozen, versioned by what they say, replaced as a whole."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from hashlib import sha256
from typing import Any

import pytest

from tests.flows.payloads import Task
from xml_pipeline.errors import UnknownListener
from xml_pipeline.listener import HandlerMetadata, Listener
from xml_pipeline.registries.prompts import Prompts


async def nothing(payload: Any, metadata: HandlerMetadata) -> None: ...


def agent(name: str, prompt: str) -> Listener:
    return Listener(name, Task, nothing, description="An agent.", prompt=prompt)


def test_a_prompt_is_known_by_its_agent_and_versioned_by_its_text() -> None:
    prompt = Prompts([agent("a", "Be kind.")]).get("a")
    assert (prompt.agent, prompt.text) == ("a", "Be kind.")
    assert prompt.version == sha256(b"Be kind.").hexdigest()[:16]
    with pytest.raises(FrozenInstanceError):
        prompt.text = "Be cruel."  # type: ignore[misc]  # that is the point


def test_a_listener_without_a_prompt_has_none() -> None:
    prompts = Prompts([agent("a", ""), agent("b", "Be.")])
    assert len(prompts) == 1
    with pytest.raises(UnknownListener, match="'a'"):
        prompts.get("a")


def test_all_prompts_are_replaced_at_once_and_what_is_unchanged_stays_what_it_was() -> None:
    prompts = Prompts([agent("same", "1"), agent("changed", "1"), agent("gone", "1")])
    same, changed = prompts.get("same"), prompts.get("changed")
    prompts.replace([agent("same", "1"), agent("changed", "2"), agent("new", "1")])
    assert prompts.get("same") is same
    assert prompts.get("changed").version != changed.version
    assert prompts.get("new").text == "1"
    assert len(prompts) == 3
