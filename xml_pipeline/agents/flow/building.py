"""From the keys of an organism file to a flow, and from a flow to what handles a listener."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

from xml_pipeline.agents.flow.checking import misfits
from xml_pipeline.agents.flow.running import RunFlow
from xml_pipeline.agents.flow.shape import Circle, Condition, Flow, Step, Way
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.builtin import Built, Misconfigured, Plan
from xml_pipeline.config import ConditionConfig, Finding, ListenerConfig, StepConfig
from xml_pipeline.payload import RawPayload
from xml_pipeline.payload.regex.automaton import Automaton
from xml_pipeline.payload.regex.syntax import parse
from xml_pipeline.system import SystemError, ThreadEnded

Functions = Mapping[str, Callable[[Any], object]]


def built(kind: str, flow: Flow, plan: Plan) -> Built:
    """Return what handles a flow: it takes a ``Task`` and gives an ``Answer``, or what is named.

    Its steps are its peers. It hears of faults and silence, and of any answer: what those are
    is what its steps say.
    """
    accepts = plan.accepts or (Task,)
    output = plan.output or (Answer,)
    peers = tuple(dict.fromkeys(each.listener for each in flow.steps))
    return Built(
        RunFlow(kind, flow, accepts, output),
        tuple(dict.fromkeys((*accepts, SystemError, ThreadEnded, RawPayload))),
        output,
        peers,
        keeps_depth=True,
        check=partial(misfits, flow, accepts, output),
    )


def row(config: ListenerConfig) -> tuple[Step, ...]:
    """Return steps that go in the order of the file; the same listener may come again."""
    seen: Counter[str] = Counter()
    steps = []
    for index, each in enumerate(checked(config)):
        seen[each.name] += 1
        name = each.name if seen[each.name] == 1 else f"{each.name}#{seen[each.name]}"
        steps.append(Step(name, each.asked, at=("steps", index)))
    return tuple(steps)


def chained(steps: tuple[Step, ...]) -> tuple[Way, ...]:
    """Return the ways from each step to the next."""
    return tuple(Way(one.name, other.name, at=other.at) for one, other in pairwise(steps))


def apart(config: ListenerConfig) -> tuple[Step, ...]:
    """Return steps that have nothing to do with each other."""
    check_unique(steps := checked(config))
    return tuple(Step(each.name, each.asked, at=("steps", i)) for i, each in enumerate(steps))


def graph(config: ListenerConfig, functions: Functions) -> Flow:
    """Return the flow of a graph; Misconfigured where it is none."""
    steps = checked(config, is_graph=True)
    check_unique(steps)
    names = [each.name for each in steps]
    ways = tuple(
        Way(
            each.step,
            step.name,
            conditions(each.when, each.unless, functions),
            each.at_most or 0,
            at,
        )
        for index, step in enumerate(steps)
        for number, each in enumerate(step.after)
        for at in [("steps", index, "after", number)]
    )
    if strangers := [each for each in ways if each.source not in names]:
        told = (Finding(each.at, f'the graph has no step "{each.source}"') for each in strangers)
        raise Misconfigured(told)
    drawn = (
        Step(each.name, each.asked, each.join, ("steps", index)) for index, each in enumerate(steps)
    )
    try:
        flow = Flow(tuple(drawn), ways)
    except Circle as circle:
        at = ("steps", names.index(circle.steps[0]))
        words = f"these wait for each other: {circle}; a way back needs `at_most`"
        raise Misconfigured((Finding(at, words),)) from None
    if wrong := list(_no_ways_back(flow)):
        raise Misconfigured(wrong)
    return flow


def conditions(
    when: ConditionConfig | None, unless: ConditionConfig | None, functions: Functions
) -> tuple[Condition, ...]:
    """Return the conditions of a way."""
    both = ((when, True), (unless, False))
    return tuple(_condition(each, functions, wanted) for each, wanted in both if each is not None)


def checked(config: ListenerConfig, *, is_graph: bool = False) -> tuple[StepConfig, ...]:
    """Return the steps that are written; Misconfigured where there is none, or too much is said."""
    wrong = list(_needless(config, is_graph=is_graph))
    if not config.steps:
        wrong.append(Finding((), "it has no `steps`"))
    if config.model is not None or config.cpu_bound:
        wrong.append(Finding((), "it leads others, and neither thinks nor computes itself"))
    if wrong:
        raise Misconfigured(wrong)
    return config.steps


def check_unique(steps: Iterable[StepConfig]) -> None:
    """Raise Misconfigured where two steps have the same name."""
    seen: set[str] = set()
    wrong = []
    for index, each in enumerate(steps):
        if each.name in seen:
            words = f'"{each.name}" is the name of a step above: write a `name` and a `listener`'
            wrong.append(Finding(("steps", index), words))
        seen.add(each.name)
    if wrong:
        raise Misconfigured(wrong)


def _condition(config: ConditionConfig, functions: Functions, wanted: bool) -> Condition:
    matches = Automaton(parse(config.matches)) if config.matches is not None else None
    function = functions[config.function] if config.function is not None else None
    return Condition(config.contains, matches, function, wanted)


def _needless(config: ListenerConfig, *, is_graph: bool) -> Iterator[Finding]:
    if config.handler != "agents:loop":
        for key in ("until", "max_iterations"):
            if key in config.model_fields_set:
                yield Finding((key,), "only an agents:loop has it", at_key=True)
    for index, each in enumerate(config.steps):
        for key in ("after", "join"):
            if not is_graph and key in each.model_fields_set:
                yield Finding(("steps", index, key), "only an agents:graph has it", at_key=True)


def _no_ways_back(flow: Flow) -> Iterator[Finding]:
    for way in flow.ways:
        if way.at_most and way.source not in flow.below(way.target):
            words = (
                f"`at_most` is for a way back, and {way.source} does not come after {way.target}"
            )
            yield Finding(way.at, words)
