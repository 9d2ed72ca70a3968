"""How far a flow has come, whatever its shape, and in whatever order its answers arrive."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agents.flow.parts import flow, leader, steps, way
from xml_pipeline.agents.flow.fitting import merged
from xml_pipeline.agents.flow.progress import Progress, Start
from xml_pipeline.agents.flow.shape import Circle, Flow, Join, Step, Way
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.testing import Probe, memory_organism, respond

NAMES = "abcdefg"


def works(name: str, text: str) -> str:
    """Return what a step answers: a number that depends on its name and all it was given."""
    return str((sum(map(ord, name + text)) * 7 + len(text)) % 1000)


@st.composite
def dags(draw: st.DrawFn) -> Flow:
    """Give a flow without ways back: each way leads to a later letter, some on a condition."""
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    pairs = [one + other for i, one in enumerate(names) for other in names[i + 1 :]]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    conditions = st.sampled_from(("", "", "3", "5"))
    ways = tuple(way(each, draw(conditions)) for each in chosen)
    joins: st.SearchStrategy[Join] = st.sampled_from(("all", "some"))
    joined = [replace(each, join=draw(joins)) for each in steps(names)]
    return Flow(tuple(draw(st.permutations(joined))), ways)


def evaluated(shape: Flow, request: str) -> str:
    """Return what a flow answers, worked out from its definition, step after step."""
    said: dict[str, str] = {}
    joins = {each.name: each.join for each in shape.steps}
    for name in sorted(shape.by_name):  # Each way leads to a later letter.
        into = [each for each in shape.ways if each.target == name]
        taken = {each.source: said[each.source] for each in into if is_taken(each, said)}
        if into and not (taken and (len(taken) == len(into) or joins[name] == "some")):
            continue
        given_ = request if not into else put_together(taken)
        said[name] = works(name, given_)
    ends = {
        name: text
        for name, text in said.items()
        if not any(
            is_taken(each, said) and each.target in said
            for each in shape.ways
            if each.source == name
        )
    }
    return put_together(ends)


def is_taken(each: Way, said: Mapping[str, str]) -> bool:
    return each.source in said and each.is_open(None, said[each.source])


def put_together(texts: Mapping[str, str]) -> str:
    return merged(texts) if len(texts) > 1 else next(iter(texts.values()))


def run(shape: Flow, request: str, choose: Callable[[int], int]) -> str:
    """Return what a flow answers when its answers arrive in the order of the choices."""
    state: dict[str, Any] = {}
    under_way: list[Start] = Progress(shape, state).begin()
    while under_way:
        start = under_way.pop(choose(len(under_way)))
        text = put_together(dict(start.inputs)) if start.inputs else request
        answer = works(start.step, text)
        state = json.loads(json.dumps(state))  # It is plain data, and nothing else is kept.
        under_way += Progress(shape, state).answered(start.key, answer, None, answer)
    ends = Progress(shape, state).ends
    assert ends is not None
    return put_together(ends)


@given(dags(), st.text("0123456789", max_size=4), st.data())
def test_the_order_of_the_answers_changes_nothing(
    shape: Flow, request: str, data: st.DataObject
) -> None:
    said = run(shape, request, lambda number: data.draw(st.integers(0, number - 1)))
    assert said == evaluated(shape, request)


@given(dags(), st.text("0123456789", max_size=4))
async def test_an_organism_comes_to_what_the_definition_says(shape: Flow, request: str) -> None:
    def react(task: Task, metadata: Any) -> Any:
        return respond(Answer(works(metadata.own_name, task.text)))

    probes = [Probe(each.name, Task, react, output=Answer) for each in shape.steps]
    async with memory_organism(leader(shape), *probes) as organism:
        answer = await organism.ask("leader", Task(request))
    assert answer.text == evaluated(shape, request)


@st.composite
def loops(draw: st.DrawFn) -> Flow:
    """Give a flow with ways back."""
    shape = draw(dags())
    names = sorted(shape.by_name)
    pairs = [one + other for one in names for other in names if one in shape.below(other)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, min_size=1, max_size=3))
    back = tuple(way(each, draw(st.sampled_from(("", "1"))), 2) for each in chosen)
    return Flow(shape.steps, (*shape.ways, *back))


@given(loops(), st.text("0123456789", max_size=4), st.data())
def test_ways_back_are_taken_whatever_the_order_of_the_answers(
    shape: Flow, request: str, data: st.DataObject
) -> None:
    said = run(shape, request, lambda number: data.draw(st.integers(0, number - 1)))
    assert said == run(shape, request, lambda number: 0)


@given(st.integers(1, 30))
def test_what_was_handed_on_is_not_kept(length: int) -> None:
    names = [str(each) for each in range(length)]
    chain = Flow(
        tuple(Step(each, each) for each in names),
        tuple(Way(one, other) for one, other in pairwise(names)),
    )
    state: dict[str, Any] = {}
    (start,) = Progress(chain, state).begin()
    for _ in names[1:]:
        (start,) = Progress(chain, state).answered(start.key, "x", None, "x")
        assert len(state["outputs"]) <= 1


def test_a_flow_that_has_changed_is_told_from_the_one_that_began() -> None:
    state: dict[str, Any] = {}
    assert Progress(flow("ab", "ab"), state).is_of_this_flow
    assert not Progress(flow("ab"), state).is_of_this_flow


@pytest.mark.parametrize("ways", [("ab", "ba"), ("aa",), ("ab", "bc", "cb")])
def test_steps_that_wait_for_each_other_are_no_flow(ways: tuple[str, ...]) -> None:
    with pytest.raises(Circle):
        flow("abc", *ways)
