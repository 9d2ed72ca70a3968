"""Pictures and sounds of results: shown to a model that can take them, else words in brackets."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from tests.agents.parts import Listening, Look, calls, script
from xml_pipeline.agents.agent import Agent, accepted
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.config import AgentKeys
from xml_pipeline.listener import HandlerResponse, Listener
from xml_pipeline.llm.anthropic.request import written as anthropic_body
from xml_pipeline.llm.base import Audio, Image, Text, ToolResult
from xml_pipeline.llm.openai.request import Dialect
from xml_pipeline.llm.openai.request import written as openai_body
from xml_pipeline.mcp.payloads import McpResult, Media
from xml_pipeline.testing import Probe, memory_organism, respond

PICTURE, SOUND = b"\x89PNG\r\n\x1a\n", b"RIFF"
IMAGE, AUDIO = Image("image/png", b64encode(PICTURE).decode()), Audio("wav", "UklGRg==")
LABEL = Text("[What gallery has shown:]")
MEDIA = (Media("image/png", PICTURE), Media("audio/wav", SOUND), Media("video/mp4", b"film"))


def gallery(*media: Media) -> Probe:
    """Return a tool that shows something."""
    answer = McpResult("[image image/png, 8 bytes]", media=media or MEDIA)

    def show(_: Any, __: Any) -> HandlerResponse:
        return respond(answer)

    return Probe("gallery", Look, show, output=McpResult)


async def second_request(address: str, tool: Probe, **keys: Any) -> Any:
    """Return what a model is asked once it has the result."""
    provider: Listening = script(calls(("gallery", {"word": "ox"})), "Seen.")
    handler = Agent(provider, address, AgentKeys.model_validate(keys), Answer)
    about: dict[str, Any] = {"agent": True, "peers": ("gallery",), "output": Answer}
    ada = Listener("ada", accepted((Task,)), handler, description="Looks.", **about)
    async with memory_organism(ada, tool.listener) as organism:
        await organism.ask("ada", Task("Look."))
    return provider.requests[1]


@pytest.mark.parametrize(
    ("address", "keys", "shown"),
    [
        ("anthropic:claude", {}, (LABEL, IMAGE)),
        ("anthropic:claude", {"media": ()}, ()),
        ("openai:gpt", {}, ()),
        ("openai:gpt", {"media": ("image", "audio")}, (LABEL, IMAGE, AUDIO)),
        ("openai:gpt", {"media": ("audio",)}, (LABEL, AUDIO)),
    ],
    ids=["pictures by default", "nothing wanted", "nothing known", "both", "sounds"],
)
async def test_a_model_is_shown_what_it_can_take_after_the_words(
    address: str, keys: dict[str, Any], shown: tuple[Any, ...]
) -> None:
    request = await second_request(address, gallery(), **keys)
    result, *rest = request.messages[-1].blocks
    assert result == ToolResult("c0", "[image image/png, 8 bytes]")
    assert tuple(rest) == shown


async def test_what_is_too_much_to_be_remembered_is_left_in_words() -> None:
    large = Media("image/png", bytes(300_000))
    request = await second_request("anthropic:claude", gallery(large, MEDIA[0]))
    assert request.messages[-1].blocks[1:] == (LABEL, IMAGE)


async def test_both_wires_send_them() -> None:
    request = await second_request("anthropic:claude", gallery())
    assert IMAGE.data in str(anthropic_body(request, streamed=False))
    assert IMAGE.data in str(openai_body(Dialect(), request, streamed=False))
