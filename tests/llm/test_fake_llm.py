"""The server of our tests plays the model of an agent, for benchmarks in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from tests.house.source import ROOT
from tests.llm.asking import KEY, PATHS
from xml_pipeline.catalogue import find
from xml_pipeline.config import LLMBackendConfig
from xml_pipeline.llm.base import Function, Message, Provider, Request, ToolResult, said, unheard
from xml_pipeline.llm.wiring import Wiring

SCHEMA = {
    "type": "object",
    "properties": {
        "query": {"type": "string"},
        "most": {"type": "integer"},
        "sort": {"enum": ["a"]},
        "optional": {"type": "string"},
    },
    "required": ["query", "most", "sort"],
}
FUNCTIONS = (Function("search", "Searches.", SCHEMA), Function("clock", "", {"type": "object"}))
ARGUMENTS = {"query": "something", "most": 1, "sort": "a"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Run the server as a process, which ends with its standard input."""
    command = [sys.executable, "-m", "tests.services.fake_llm", "--calls", "3"]
    process = subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdout, process.stdin:
        yield process.stdout.readline().strip()
    assert process.wait() == 0


@pytest.mark.parametrize("heard", [False, True])
@pytest.mark.parametrize("plugin", ["anthropic", "openai"])
async def test_it_calls_what_it_is_offered_and_ends_after_the_results(
    url: str, plugin: str, heard: bool
) -> None:
    base = url + PATHS.get(plugin, "/v1")
    backend = LLMBackendConfig(provider=plugin, base_url=base, api_key=SecretStr(KEY))
    provider: Provider = find("llm", plugin).configured(Wiring(backend, ROOT, {}))
    hear = (lambda _: None) if heard else unheard
    question = said("user", "Hello")
    answer = await provider.complete(Request("m", (question,), functions=FUNCTIONS), hear)
    assert [(each.name, dict(each.arguments)) for each in answer.message.calls] == [
        ("search", ARGUMENTS),
        ("clock", {}),
        ("search", ARGUMENTS),
    ]
    results = Message("user", tuple(ToolResult(each.id, "x") for each in answer.message.calls))
    talk = (question, answer.message, results)
    end = await provider.complete(Request("m", talk, functions=FUNCTIONS), hear)
    assert (end.message, end.stop) == (said("assistant", "done"), "end_turn")
    await provider.aclose()
