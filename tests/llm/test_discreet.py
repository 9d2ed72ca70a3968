"""No model is told a secret: neither in words, nor in calls, nor in what came of them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.llm.plays import Sequence
from tests.services.fake_llm import FakeLLM, lines
from xml_pipeline.config import LLMConfig
from xml_pipeline.llm.base import (
    Completion,
    Function,
    Image,
    Message,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Usage,
    said,
)
from xml_pipeline.llm.discreet import Discreet
from xml_pipeline.llm.models import Models
from xml_pipeline.redaction import Redaction

SECRET = "a-secret-of-ours"
REDACTION = Redaction(frozenset({SECRET}))
ASKED = Request(
    "m",
    (
        said("user", f"It is {SECRET}."),
        Message("assistant", (ToolCall("c1", "look", {"at": [SECRET], SECRET: 1}),)),
        Message("user", (ToolResult("c1", f"There: {SECRET}"), Text("Well?"))),
    ),
    system=f"Never say {SECRET}.",
    functions=(Function("look", f"Looks, not at {SECRET}.", {"type": "object"}),),
)


async def test_every_text_of_a_request_is_redacted() -> None:
    provider = Sequence("Yes.")
    await Discreet(provider, REDACTION.redact).complete(ASKED)
    (told,) = provider.requests
    assert SECRET not in repr(told)
    assert told.system == "Never say [redacted]."
    assert told.messages[0].text == "It is [redacted]."
    assert told.messages[1].calls[0].arguments == {"at": ["[redacted]"], "[redacted]": 1}


async def test_what_holds_no_secret_is_asked_as_it_is() -> None:
    thought = Message("assistant", (Thinking(f"hm, {SECRET}", "seal"), Image("image/png", "AAAA")))
    request = Request("m", (said("user", "Well?"), thought), system="Be kind.")
    provider = Sequence("Yes.")
    await Discreet(provider, REDACTION.redact).complete(request)
    assert provider.requests == [request]


async def test_the_key_travels_in_the_header_and_nowhere_else(tmp_path: Path) -> None:
    answer = Completion(said("assistant", "Yes."), Usage(1, 1), model="m")
    async with FakeLLM(lines(answer)) as server:
        backend = {"provider": "openai", "base_url": f"{server.url}/v1", "api_key": SECRET}
        config = LLMConfig.model_validate({"backends": [backend]})
        models = Models(config, tmp_path, {}, REDACTION)
        await models.provider("openai:m").complete(ASKED)
        await models.aclose()
    (asked,) = server.asked
    assert asked.headers["authorization"] == f"Bearer {SECRET}"
    assert SECRET not in json.dumps(asked.body)
