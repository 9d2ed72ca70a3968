"""GET /metrics: the figures, in the text format of Prometheus."""

from __future__ import annotations

import re

from tests.server.house import Patient, Visitor, listener, running
from xml_pipeline.events import AgentState
from xml_pipeline.server.feed import Feed
from xml_pipeline.server.figures import BOUNDS, Histogram
from xml_pipeline.server.metrics import MOST_LISTENERS, Metrics

SAMPLE = re.compile(r'[a-z_]+(\{[a-z]+="[^"]*"(,le="[^"]+")?\})? [0-9.e+-]+')
COMMENT = re.compile(r"# (HELP [a-z_]+ .+|TYPE [a-z_]+ (counter|gauge|histogram))")


async def figures(visitor: Visitor) -> dict[str, float]:
    text = (await visitor.http.get("/metrics")).text
    samples = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in samples}


async def test_every_line_is_a_comment_or_a_sample_and_ends() -> None:
    async with running() as visitor:
        await visitor.tell(wait=10)
        response = await visitor.http.get("/metrics")
    *lines, last = response.text.split("\n")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert last == ""
    assert [line for line in lines if not (SAMPLE.fullmatch(line) or COMMENT.fullmatch(line))] == []
    types = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(types) == len(set(types)) == 9


async def test_messages_faults_and_handlers_are_counted() -> None:
    async with running() as visitor:
        for to in ("greeter", "greeter", "broken", "nobody"):
            await visitor.tell(to, wait=10)
        seen = await figures(visitor)
    assert seen["xml_pipeline_messages_total"] == 5
    assert seen['xml_pipeline_faults_total{code="handler"}'] == 1
    assert seen['xml_pipeline_faults_total{code="routing"}'] == 1
    assert seen['xml_pipeline_handling_seconds_count{listener="greeter"}'] == 2
    assert seen['xml_pipeline_handling_seconds_bucket{listener="greeter",le="+Inf"}'] == 2
    assert seen['xml_pipeline_handling_seconds_count{listener="broken"}'] == 1
    assert seen['xml_pipeline_handling_seconds_sum{listener="greeter"}'] > 0


async def test_what_is_open_runs_and_waits_is_told_as_it_is_now() -> None:
    patient = Patient()
    async with running(patient.listener, listener("paused")) as visitor:
        visitor.organism.pause("paused")
        await visitor.tell("patient")
        await patient.called.wait()
        await visitor.tell("paused")
        busy = await figures(visitor)
        patient.go.set()
        visitor.organism.resume("paused")
        await visitor.organism.drain()
        idle = await figures(visitor)
    names = ("conversations", "threads", "running", "waiting")
    assert [busy[f"xml_pipeline_{name}"] for name in names] == [2, 2, 1, 1]
    assert busy["xml_pipeline_waiting_bytes"] > 100
    assert [idle[f"xml_pipeline_{name}"] for name in names] == [0, 0, 0, 0]
    assert idle["xml_pipeline_waiting_bytes"] == 0


def test_buckets_hold_what_is_not_above_them() -> None:
    histogram = Histogram()
    for seconds in (0.001, 0.0011, 60.0, 61.0):
        histogram.observe(seconds)
    lines = list(histogram.lines("h", 'l="x"'))
    assert lines[0] == 'h_bucket{l="x",le="0.001"} 1'
    assert lines[1] == 'h_bucket{l="x",le="0.005"} 2'
    assert lines[len(BOUNDS) - 1 :] == [
        'h_bucket{l="x",le="60.0"} 3',
        'h_bucket{l="x",le="+Inf"} 4',
        f'h_sum{{l="x"}} {0.001 + 0.0011 + 60.0 + 61.0!r}',
        'h_count{l="x"} 4',
    ]


async def test_listeners_that_come_and_go_do_not_add_up_for_ever() -> None:
    async with running() as visitor:
        metrics = Metrics(visitor.organism.kernel, Feed(1, 1))
        for number in range(MOST_LISTENERS + 1):
            metrics.hear(AgentState(f"helper{number}", "processing", f"t{number}"))
            metrics.hear(AgentState(f"helper{number}", "error", f"t{number}"))
            metrics.hear(AgentState(f"helper{number}", "idle", f"t{number}"))
        metrics.hear(AgentState("helper9", "idle", "a thread that nobody saw begin"))
        text = metrics.exposition()
    assert text.count("_count{") == MOST_LISTENERS
    assert '"helper0"' not in text
