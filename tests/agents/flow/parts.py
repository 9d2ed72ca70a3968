"""Steps and flows that the tests of flows share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xml_pipeline.agents.flow.running import RunFlow
from xml_pipeline.agents.flow.shape import Condition, Flow, Step, Way
from xml_pipeline.agents.payloads import Answer, Spent, Task
from xml_pipeline.listener import HandlerMetadata, Listener
from xml_pipeline.payload import RawPayload
from xml_pipeline.system import SystemError, ThreadEnded
from xml_pipeline.testing import Probe, respond

SPENT = Spent(input_tokens=10, output_tokens=2, usd=0.5, turns=1, tool_calls=3)
"""What a step says that it has spent."""


def step(name: str, says: Callable[[str], str] | None = None, **options: Any) -> Probe:
    """Return a step that answers a task in words: with its own name added, if nothing is said."""

    def react(task: Task, metadata: HandlerMetadata) -> Any:
        return respond(Answer(says(task.text) if says else f"{task.text}{name}", SPENT))

    return Probe(name, Task, react, output=Answer, **options)


def broken(name: str) -> Probe:
    """Return a step that raises."""

    def react(task: Task, metadata: HandlerMetadata) -> Any:
        raise RuntimeError("the details that nobody is told")

    return Probe(name, Task, react, output=Answer)


def silent(name: str) -> Probe:
    """Return a step that says nothing."""
    return Probe(name, Task, output=Answer)


def leader(
    flow: Flow, accepts: tuple[type, ...] = (Task,), output: tuple[type, ...] = (Answer,)
) -> Listener:
    """Return the listener of a flow, as the blueprint makes it."""
    return Listener(
        "leader",
        (*accepts, SystemError, ThreadEnded, RawPayload),
        RunFlow("graph", flow, accepts, output),
        description="Leads the others.",
        peers=tuple(each.listener for each in flow.steps),
        output=output,
        keeps_depth=True,
    )


def steps(names: str, first: str = "") -> tuple[Step, ...]:
    """Return steps by one letter each; those in ``first`` take what comes first."""
    return tuple(Step(each, each, "any" if each in first else "all") for each in names)


def way(ends: str, contains: str = "", at_most: int = 0) -> Way:
    """Return a way from one step to another, such as ``ab``, if the answer has this in it."""
    conditions = (Condition(contains),) if contains else ()
    return Way(ends[0], ends[1], conditions, at_most)


def flow(names: str, *ways: str, first: str = "") -> Flow:
    """Return a flow of steps and ways without conditions."""
    return Flow(steps(names, first), tuple(map(way, ways)))
