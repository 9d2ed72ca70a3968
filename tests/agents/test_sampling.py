"""What MCP servers ask a model, as an agent reads it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agents.parts import agent, script
from xml_pipeline.agents.reading import request_message
from xml_pipeline.errors import HandlerFailed, InvalidPayload
from xml_pipeline.llm.base import Audio, Image, Text
from xml_pipeline.mcp.payloads import Sample, Sampled
from xml_pipeline.testing import memory_organism


def said(role: str, *parts: Any) -> dict[str, Any]:
    return {"role": role, "content": parts[0] if len(parts) == 1 else list(parts)}


def words(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def sample(*messages: Any, system: str | None = None) -> Sample:
    listed: Any = list(messages)
    return Sample(listed, 10, system)


def test_the_words_of_one_message_stand_as_they_are() -> None:
    read = request_message(sample(said("user", words("What?")), system="Be brief."))
    assert read.blocks == (Text("Be brief."), Text("What?"))


def test_of_several_messages_each_says_whose_it_is() -> None:
    read = request_message(sample(said("user", words("What?")), said("assistant", words("This."))))
    assert read.text == "user: What?\n\nassistant: This."


def test_pictures_and_sounds_are_shown_and_what_is_neither_is_named() -> None:
    parts = (
        {"type": "image", "mimeType": "image/png", "data": "AA=="},
        {"type": "audio", "mimeType": "audio/wav", "data": "AA=="},
        {"type": "tool_use", "id": "1"},
        "nothing of the kind",
    )
    read = request_message(sample(said("user", *parts)))
    assert read.blocks == (
        Image("image/png", "AA=="),
        Audio("wav", "AA=="),
        Text("[tool_use]"),
        Text("[None]"),
    )


@pytest.mark.parametrize("messages", [[], ["words"], [{"role": "user"}], "words", [None]])
def test_what_are_no_messages_is_refused(messages: Any) -> None:
    with pytest.raises(InvalidPayload):
        request_message(Sample(messages, 10))


async def test_an_agent_answers_with_its_words_and_its_model() -> None:
    thinker = agent(script("It is 42."), accepts=(Sample,), output=Sampled)
    async with memory_organism(thinker) as organism:
        answer = await organism.ask("ada", sample(said("user", words("What?"))))
        assert answer == Sampled("It is 42.", "test")
        with pytest.raises(HandlerFailed):
            await organism.ask("ada", sample())
