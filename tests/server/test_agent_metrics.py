"""Figures of agents in GET /metrics, and how few values their labels have."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from tests.agents.parts import agent, calls, finder, script
from tests.server.house import running
from tests.server.test_metrics import figures
from xml_pipeline.agents.payloads import Task
from xml_pipeline.errors import HandlerFailed
from xml_pipeline.events import AgentEvent, ThreadEvent
from xml_pipeline.llm.base import Completion, Hear, Request, Retrying, TextDelta, unheard
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.server.agent_metrics import MOST_AGENTS, MOST_TOOLS, AgentMetrics
from xml_pipeline.server.figures import OTHER

SAMPLE = re.compile(r'[a-z_]+(\{([a-z]+="([^"\\\n]|\\.)*",?)+\})? [0-9.e+-]+')


class Talkative:
    """A provider that has to try twice, and then speaks word by word."""

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Answer."""
        hear(Retrying(1, 3, 0.1, "busy"))
        hear(TextDelta("Done."))
        answer: Completion = calls()
        return Completion(answer.message, answer.usage, "end_turn", "big", 0.25)

    async def aclose(self) -> None:
        """Close nothing."""


async def test_tokens_calls_tools_and_runs_are_counted() -> None:
    wanted = calls(("finder", {"word": "ox"}), ("no_such_thing", {}))
    ada = agent(script(wanted, "Done."), peers=("finder",))
    async with running(ada, finder().listener) as visitor:
        answer = await visitor.organism.ask("ada", Task("Look."))
        await visitor.organism.drain()
        seen = await figures(visitor)
        text = (await visitor.http.get("/metrics")).text
    spent = answer.spent

    def of(name: str, labels: str) -> float:
        return seen[f'xml_pipeline_agent_{name}{{agent="ada",{labels}}}']

    tokens = {
        kind: sum(
            value
            for name, value in seen.items()
            if name.startswith("xml_pipeline_agent_tokens_total") and f'kind="{kind}"' in name
        )
        for kind in ("input", "output")
    }
    assert tokens == {"input": spent.input_tokens, "output": spent.output_tokens}
    assert of("runs_total", 'outcome="completed"') == 1
    assert of("tool_calls_total", 'tool="finder",outcome="success"') == 1
    assert of("tool_calls_total", f'tool="{OTHER}",outcome="error"') == 1
    assert "no_such_thing" not in text
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert [line for line in lines if not SAMPLE.fullmatch(line)] == []


async def test_cost_retries_and_the_time_to_the_first_words_are_told_by_model() -> None:
    async with running(agent(Talkative())) as visitor:
        await visitor.organism.ask("ada", Task("Go."))
        await visitor.organism.drain()
        seen = await figures(visitor)
    labels = 'agent="ada",model="big"'
    assert seen[f"xml_pipeline_agent_cost_usd_total{{{labels}}}"] == 0.25
    assert seen[f"xml_pipeline_agent_model_calls_total{{{labels}}}"] == 1
    assert seen['xml_pipeline_agent_retries_total{agent="ada"}'] == 1
    assert seen['xml_pipeline_agent_model_seconds_count{model="big"}'] == 1
    assert seen['xml_pipeline_agent_first_token_seconds_count{model="big"}'] == 1
    assert seen['xml_pipeline_agent_first_token_seconds_bucket{model="big",le="+Inf"}'] == 1


async def test_models_that_fail_are_counted_by_why() -> None:
    def fail(_: Request) -> Any:
        raise ProviderError("rate_limit", "slow down")

    async with running(agent(script(fail))) as visitor:
        with pytest.raises(HandlerFailed):
            await visitor.organism.ask("ada", Task("Go."))
        seen = await figures(visitor)
    assert seen['xml_pipeline_agent_model_failures_total{agent="ada",reason="rate_limit"}'] == 1
    assert seen['xml_pipeline_agent_runs_total{agent="ada",outcome="handler"}'] == 1


async def test_a_run_that_is_killed_is_counted_as_that_and_once() -> None:
    never = asyncio.Event()

    async def hang(_: Any) -> Any:
        await never.wait()

    slow = finder(hang)
    ada = agent(script(calls(("finder", {"word": "ox"}))), peers=("finder",))
    async with running(ada, slow.listener) as visitor:
        asking = asyncio.create_task(visitor.organism.ask("ada", Task("Go.")))
        seen = await slow.next()
        visitor.organism.kill(seen.metadata.conversation_id)
        with pytest.raises(HandlerFailed):
            await asking
        counted = await figures(visitor)
    runs = {name: value for name, value in counted.items() if "agent_runs" in name}
    assert runs == {'xml_pipeline_agent_runs_total{agent="ada",outcome="killed"}': 1}


async def test_without_agents_nothing_is_told_of_them() -> None:
    async with running() as visitor:
        await visitor.tell(wait=10)
        assert "xml_pipeline_agent_" not in (await visitor.http.get("/metrics")).text


def test_agents_and_tools_without_end_are_counted_together() -> None:
    metrics = AgentMetrics()
    for number in range(2 * MOST_AGENTS):
        metrics.hear(AgentEvent("retry_attempt", f"ada{number}", "t", "t"))
    for number in range(2 * MOST_TOOLS):
        metrics.hear(AgentEvent("tool_call_started", "ada0", "t", "t", {"name": f"f{number}"}))
        about = {"call": "c", "name": f"f{number}", "is_error": number % 2 == 0}
        metrics.hear(AgentEvent("tool_call_completed", "ada0", "t", "t", about))
    lines = list(metrics.lines())
    assert len([line for line in lines if "agent_retries_total{" in line]) == MOST_AGENTS + 1
    assert f'xml_pipeline_agent_retries_total{{agent="{OTHER}"}} {MOST_AGENTS}' in lines
    assert len([line for line in lines if "agent_tool_calls_total{" in line]) == MOST_TOOLS + 2


def test_what_a_provider_calls_its_model_cannot_break_out_of_its_label() -> None:
    metrics = AgentMetrics()
    about: dict[str, Any] = {"asked": "x:y", "model": 'a"b\\c\nd', "usd": None, "seconds": 1.0}
    about |= {"input_tokens": 1, "output_tokens": 1, "first_token_seconds": 0.0}
    metrics.hear(AgentEvent("llm_response", "ada", "t", "t", about))
    [line] = [each for each in metrics.lines() if each.startswith("xml_pipeline_agent_model_calls")]
    assert line == r'xml_pipeline_agent_model_calls_total{agent="ada",model="a\"b\\c\nd"} 1'


def test_a_thread_without_a_run_ends_uncounted() -> None:
    metrics = AgentMetrics()
    metrics.hear_thread(ThreadEvent("t", "t", "killed", "outside", "ada"))
    assert list(metrics.lines()) == []
