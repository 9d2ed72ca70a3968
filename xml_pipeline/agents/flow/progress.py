"""How far a flow has come, in plain data; what it does next follows from that alone.

The rule this file guards: the order in which answers arrive changes nothing, except for a step
that takes what comes first. So ways back are taken only when nothing is under way any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any, NamedTuple

from xml_pipeline.agents.flow.shape import Flow, Step


class Start(NamedTuple):
    """A step to be asked: with what these steps have answered, as XML; with none, the request."""

    step: str
    key: str
    inputs: tuple[tuple[str, str], ...] = ()


class Progress:
    """A view of a thread's state.

    ``status`` has the steps that are ``asked``, ``done`` or ``skipped``; ``ways`` whether each
    is taken, None while that is not decided; ``outputs`` the answers that may still be needed;
    ``asked`` the steps by the keys of what they were sent; ``back`` how often each way back was
    taken, by its index, and ``wanted`` those that are to be taken.
    """

    def __init__(self, flow: Flow, state: MutableMapping[str, Any]) -> None:
        self._flow = flow
        self._state = state
        if not state:
            state.update(shape=flow.shape, status={}, ways=[None] * len(flow.ways), outputs={})
            state.update(asked={}, number=0, back={}, wanted=[])

    @property
    def is_of_this_flow(self) -> bool:
        """Tell whether it is of this flow, and not of one that has been changed since."""
        return bool(self._state["shape"] == self._flow.shape)

    def begin(self) -> list[Start]:
        """Return the steps to begin with."""
        return [self._start(each) for each in self._flow.entries]

    def asked(self, key: str | None) -> str | None:
        """Return the step whose answer this is, None where it is not awaited any more."""
        step: str | None = self._state["asked"].get(key)
        return step

    def answered(self, key: str, output: str, payload: object, text: str) -> list[Start]:
        """Take in an answer, and return the steps to be asked next."""
        state, flow = self._state, self._flow
        step = state["asked"].pop(key)
        state["status"][step], state["outputs"][step] = "done", output
        for index in flow.out[step]:
            state["ways"][index] = flow.ways[index].is_open(payload, text)
        for index in flow.back[step]:
            left = flow.ways[index].at_most - state["back"].get(str(index), 0)
            if left > 0 and flow.ways[index].is_open(payload, text):
                state["wanted"].append(index)
        starts = list(self._ready())
        if not starts and not self._is_busy():
            starts = self._go_back()
        self._forget_what_was_handed_on()
        return starts

    @property
    def ends(self) -> dict[str, str] | None:
        """Return the answers that led nowhere, by their steps; None while it is not at its end."""
        if self._is_busy():
            return None
        return {
            name: self._state["outputs"][name]
            for name in sorted(self._flow.by_name)
            if self._status(name) == "done" and not self._led_on(name)
        }

    def _status(self, step: str) -> str | None:
        status: str | None = self._state["status"].get(step)
        return status

    def _led_on(self, step: str) -> bool:
        return any(
            self._state["ways"][index] and self._status(self._flow.ways[index].target) != "skipped"
            for index in self._flow.out[step]
        )

    def _is_busy(self) -> bool:
        """Tell whether anything is under way that could make a difference."""
        return any(map(self._matters, self._state["asked"].values()))

    def _matters(self, step: str) -> bool:
        """Tell whether a step is no latecomer: all it could lead to has begun without it."""
        ways = [self._flow.ways[index] for index in self._flow.out[step]]
        is_late = ways and all(
            not each.conditions and self._status(each.target) in ("asked", "done") for each in ways
        )
        return not is_late or bool(self._flow.back[step])

    def _start(self, step: str, sources: Iterable[str] = ()) -> Start:
        state = self._state
        state["number"] += 1
        key = str(state["number"])
        state["asked"][key], state["status"][step] = step, "asked"
        return Start(step, key, tuple((each, state["outputs"][each]) for each in sources))

    def _ready(self) -> Iterator[Start]:
        """Start what waits for nothing any more; skip what nothing will come to."""
        flow, ways = self._flow, self._state["ways"]
        for step in flow.steps:
            if self._status(step.name) is not None or not flow.into[step.name]:
                continue
            taken = [index for index in flow.into[step.name] if ways[index]]
            left = [index for index in flow.into[step.name] if ways[index] is None]
            if step.join == "any":
                taken = taken[:1]
            if _may_begin(step, len(taken), len(left), len(flow.into[step.name])):
                yield self._start(step.name, [flow.ways[index].source for index in taken])
            elif _never_begins(step, len(taken), len(left), len(flow.into[step.name])):
                self._state["status"][step.name] = "skipped"
                for index in flow.out[step.name]:
                    ways[index] = False

    def _go_back(self) -> list[Start]:
        """Take the first way back that is wanted: what comes after its target is to do again."""
        state, flow = self._state, self._flow
        if not state["wanted"]:
            return []
        index = min(state["wanted"])
        way = flow.ways[index]
        again = flow.below(way.target)
        state["back"][str(index)] = state["back"].get(str(index), 0) + 1
        output = state["outputs"][way.source]
        state["wanted"] = [each for each in state["wanted"] if flow.ways[each].source not in again]
        state["asked"] = {key: each for key, each in state["asked"].items() if each not in again}
        for step in again:
            state["status"].pop(step, None)
            state["outputs"].pop(step, None)
            for each in flow.out[step]:
                state["ways"][each] = None
        started = self._start(way.target)
        return [started._replace(inputs=((way.source, output),))]

    def _forget_what_was_handed_on(self) -> None:
        """Drop the answers that nobody can need any more, so that a long flow stays small."""
        flow, outputs = self._flow, self._state["outputs"]
        if any(each.at_most for each in flow.ways):
            return  # What is done again may be given the same once more.
        for step in list(outputs):
            targets = [flow.ways[index].target for index in flow.out[step]]
            begun = all(self._status(each) is not None for each in targets)
            if self._led_on(step) and begun:
                del outputs[step]


def _may_begin(step: Step, taken: int, left: int, into: int) -> bool:
    """Tell whether a step may begin: so many of its ways are taken, and so many undecided."""
    match step.join:
        case "all":
            return taken == into
        case "some":
            return bool(taken) and not left
        case "any":
            return bool(taken)


def _never_begins(step: Step, taken: int, left: int, into: int) -> bool:
    if step.join == "all":
        return taken + left < into
    return not taken and not left
