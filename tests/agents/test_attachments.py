"""What is attached to a task is shown to the model as what it is, or refused."""

from __future__ import annotations

import pytest

from tests.agents.parts import agent, script
from xml_pipeline.agents.payloads import Attachment, Task
from xml_pipeline.agents.reading import request_message
from xml_pipeline.errors import HandlerFailed, InvalidPayload
from xml_pipeline.llm.base import Audio, Block, Image, Text
from xml_pipeline.testing import memory_organism


@pytest.mark.parametrize(
    ("media_type", "data", "block"),
    [
        ("image/png", b"\x89PNG", Image("image/png", "iVBORw==")),
        ("audio/wav", b"RIFF", Audio("wav", "UklGRg==")),
        ("text/plain", "naïve".encode(), Text("naïve")),
        ("application/json", b"{}", Text("{}")),
        ("", b"words", Text("words")),
        ("image", b"words", Text("words")),
    ],
)
def test_pictures_sounds_and_texts_are_shown(media_type: str, data: bytes, block: Block) -> None:
    message = request_message(Task("See.", (Attachment(media_type, data),)))
    assert message.blocks == (block, Text("See."))


@pytest.mark.parametrize("media_type", ["application/zip", "text/plain", "image", "image/", ""])
def test_what_is_none_of_these_is_refused(media_type: str) -> None:
    with pytest.raises(InvalidPayload, match="attached"):
        request_message(Task("See.", (Attachment(media_type, b"PK\x03\xff"),)))


async def test_no_model_is_asked_about_what_it_can_not_be_shown() -> None:
    provider = script("Never.")
    async with memory_organism(agent(provider)) as organism:
        with pytest.raises(HandlerFailed):
            await organism.ask("ada", Task("See.", (Attachment("application/zip", b"\xff"),)))
    assert provider.requests == []
