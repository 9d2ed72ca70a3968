"""A model over HTTP, with all that stands around it: what passes is waited for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.llm.plays import ASKED
from tests.services.fake_llm import FakeLLM, Raw, lines, refusal
from xml_pipeline.config import LLMConfig
from xml_pipeline.llm.base import Completion, Delta, Restarted, Retrying, TextDelta, Usage, said
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.llm.models import Models

SHORT = 0.001
SAID = Completion(said("assistant", "To be or not"), Usage(9, 4), model="m")
HALF = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"To be"}}]}\n\n'


def busy(status: int, **headers: str) -> Raw:
    return refusal(status, {"error": {"message": "not now"}}, **headers)


def models(*servers: FakeLLM, folder: Path) -> Models:
    """Return models whose backends are these servers, the first with the lowest priority."""
    backends = [
        {"provider": "openai", "base_url": f"{server.url}/v1", "api_key": "key", "priority": number}
        for number, server in enumerate(servers)
    ]
    llm = {"backends": backends, "retry_base_delay": SHORT}
    return Models(LLMConfig.model_validate(llm), folder, {})


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
async def test_a_status_that_may_pass_is_asked_again(tmp_path: Path, status: int) -> None:
    # runtime.md, weakness 16: Retry-After, jitter, 408 and 504 were ignored.
    async with FakeLLM(lines(busy(status), SAID)) as server:
        made = models(server, folder=tmp_path)
        completion = await made.provider("openai:m").complete(ASKED)
        await made.aclose()
    assert completion.message == SAID.message


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_a_status_that_stays_is_not_asked_again(tmp_path: Path, status: int) -> None:
    async with FakeLLM(lines(busy(status), SAID)) as server:
        made = models(server, folder=tmp_path)
        with pytest.raises(ProviderError) as failure:
            await made.provider("openai:m").complete(ASKED)
        await made.aclose()
    assert not failure.value.passing


async def test_nobody_comes_back_sooner_than_the_server_asks(tmp_path: Path) -> None:
    heard: list[Delta] = []
    async with FakeLLM(lines(busy(429, retry_after_ms="40"), SAID)) as server:
        made = models(server, folder=tmp_path)
        await made.provider("openai:m").complete(ASKED, heard.append)
        await made.aclose()
    delays = [each.delay for each in heard if isinstance(each, Retrying)]
    assert [0.04 <= delay <= 0.04 + SHORT for delay in delays] == [True]


async def test_a_stream_that_is_cut_off_is_said_anew_by_the_next_backend(tmp_path: Path) -> None:
    # runtime.md, weakness 16: retried streams lost text.
    heard: list[Delta] = []
    cut = Raw((HALF,), kind="text/event-stream", ending="cut")
    async with FakeLLM(lines(cut)) as broken, FakeLLM(lines(SAID)) as whole:
        made = models(broken, whole, folder=tmp_path)
        completion = await made.provider("openai:m").complete(ASKED, heard.append)
        await made.aclose()
    restart = next(index for index, each in enumerate(heard) if isinstance(each, Restarted))
    before = "".join(each.text for each in heard[:restart] if isinstance(each, TextDelta))
    after = "".join(each.text for each in heard[restart:] if isinstance(each, TextDelta))
    assert (before, after, completion.message.text) == ("To be", "To be or not", "To be or not")
