"""Flows in organism files: what is written there works, or is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.assembly.projects import Project
from tests.assembly.projects import project as project
from xml_pipeline.agents.payloads import Task
from xml_pipeline.listener import Listener
from xml_pipeline.organism import Organism

HANDLERS = """
    from dataclasses import dataclass

    from xml_pipeline import HandlerMetadata, HandlerResponse, xmlify
    from xml_pipeline.agents.payloads import Answer, Task


    @xmlify
    @dataclass(frozen=True, slots=True)
    class Number:
        n: int


    async def add(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.respond(Answer(task.text + metadata.own_name))


    async def count(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.respond(Number(len(task.text)))


    async def double(number: Number, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.respond(Number(2 * number.n))


    async def guess(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
        return HandlerResponse.respond(Answer("undeclared"))


    def is_long(answer: Answer) -> bool:
        return len(answer.text) > 4


    def is_large(number: Number) -> bool:
        return number.n > 9


    async def is_asynchronous(answer: Answer) -> bool:
        return True


    def takes_none() -> bool:
        return True
    """

STEPS = """
listeners:
  - {name: a, description: Adds., handler: handlers.words:add, output_class: xml_pipeline.agents.payloads:Answer}
  - {name: b, description: Adds., handler: handlers.words:add, output_class: xml_pipeline.agents.payloads:Answer}
  - {name: count, description: Counts., handler: handlers.words:count, output_class: handlers.words:Number}
  - {name: double, description: Doubles., handler: handlers.words:double, output_class: handlers.words:Number}
  - {name: guess, description: Guesses., handler: handlers.words:guess}
"""  # noqa: E501

FLOW = STEPS.count("\n") + 1
"""The line of the flow's first key."""


def write(project: Project, flow: str) -> None:
    """Write a project whose last listener is this flow, by the name of ``leader``."""
    project.write("handlers/words.py", HANDLERS)
    listener = f"  - name: leader\n    description: Leads.\n{flow}"
    project.write("organism.yaml", STEPS + listener)


async def answer_of(project: Project, flow: str, text: str = "x") -> str:
    write(project, flow)
    async with Organism.load(project.file) as organism:
        answer = await organism.ask("leader", Task(text))
    return str(getattr(answer, "text", answer))


@pytest.mark.parametrize(
    ("flow", "answer"),
    [
        ("    handler: agents:sequence\n    steps: [a, b, a]\n", "xaba"),
        ("    handler: agents:sequence\n    steps: a\n", "xa"),
        ("    handler: agents:sequence\n    steps: [guess, a]\n", "undeclareda"),
        ("    handler: agents:parallel\n    steps: [b, a]\n", "## a\n\nxa\n\n## b\n\nxb"),
        ("    handler: agents:parallel\n    steps: b\n", "## b\n\nxb"),
        (
            "    handler: agents:parallel\n    steps: [{name: one, listener: a}, a]\n",
            "## a\n\nxa\n\n## one\n\nxa",
        ),
        ("    handler: agents:loop\n    steps: [a, b]\n    max_iterations: 3\n", "xababab"),
        ("    handler: agents:loop\n    steps: a\n    max_iterations: 1\n", "xa"),
        ("    handler: agents:loop\n    steps: a\n    until: {contains: aaa}\n", "xaaa"),
        ("    handler: agents:loop\n    steps: a\n    until: {matches: 'a{4}$'}\n", "xaaaa"),
        (
            "    handler: agents:loop\n    steps: a\n"
            "    until: {function: handlers.words:is_long, contains: x}\n",
            "xaaaa",
        ),
    ],
)
async def test_what_a_file_says_is_done(project: Project, flow: str, answer: str) -> None:
    assert await answer_of(project, flow) == answer


def named(organism: Organism, name: str) -> Listener:
    return next(each for each in organism.listeners if each.name == name)


async def test_a_flow_may_begin_and_end_with_any_payload(project: Project) -> None:
    flow = """\
    handler: agents:loop
    payload_class: handlers.words:Number
    output_class: handlers.words:Number
    steps: double
    until: {function: handlers.words:is_large}
"""
    write(project, flow)
    async with Organism.load(project.file) as organism:
        number = named(organism, "double").payload("Number")
        assert number is not None
        assert await organism.ask("leader", number(n=3)) == number(n=12)


GRAPH = """\
    handler: agents:graph
    steps:
      - name: draft
        listener: a
        after: {step: check, unless: {contains: aba}, at_most: 5}
      - {name: check, listener: b, after: draft}
      - {name: done, listener: a, after: [{step: check, when: {contains: aba}}]}
"""


async def test_a_graph_goes_back_until_what_is_wanted_has_come(project: Project) -> None:
    assert await answer_of(project, GRAPH) == "xababa"


async def test_the_steps_of_a_flow_are_its_peers_and_nobody_forgets_them(project: Project) -> None:
    write(project, GRAPH)
    assert named(Organism.load(project.file), "leader").peers == ("a", "b")


def at(line: int, column: int, text: str) -> str:
    return f"{FLOW + line}:{column}: {text}"


def sequence(steps: str, *more: str) -> str:
    lines = ["handler: agents:sequence", f"steps: {steps}", *more]
    return "".join(f"    {each}\n" for each in lines)


@pytest.mark.parametrize(
    ("flow", "problem"),
    [
        (sequence("[a, nobody]"), 'there is no listener "nobody"'),
        (sequence("[a, {name: x, listener: bb}]"), 'there is no listener "bb"'),
        (sequence("[a, leader]"), "it cannot be a step of itself"),
        (sequence("[a, double]"), "double does not accept <Answer>, which a answers"),
        (sequence("[double, a]"), "double does not accept <Task>, with which it begins"),
        (sequence("[count, a]"), "a does not accept <Number>, which count answers"),
        (sequence("[count, double]"), "double answers <Number>, and the whole answers <Answer>"),
        (sequence("[]"), "it has no `steps`"),
        (sequence("[a]", "until: {contains: x}"), "only an agents:loop has it"),
        (sequence("[{name: a, join: any}]"), "only an agents:graph has it"),
        (sequence("[a]", "cpu_bound: true"), "it leads others, and neither thinks nor computes"),
        ("    handler: agents:parallel\n    steps: [a, a]\n", '"a" is the name of a step above'),
        (
            "    handler: agents:parallel\n    steps: [a, count]\n",
            "count answers <Number>, and the whole answers <Answer>",
        ),
        (
            "    handler: agents:loop\n    steps: a\n    until: {}\n",
            "until.function: is missing, and so are `contains` and `matches`",
        ),
        (
            "    handler: agents:loop\n    steps: a\n    until: {matches: '(a'}\n",
            "until.matches",
        ),
        (
            "    handler: agents:loop\n    steps: a\n    until: {function: handlers.words:gone}\n",
            '"gone"',
        ),
        (
            "    handler: agents:loop\n    steps: a\n    until: {function: os:getenv}\n",
            '"os:getenv" is not below',
        ),
        (
            "    handler: agents:loop\n    steps: a\n"
            "    until: {function: handlers.words:is_asynchronous}\n",
            "is no condition: name a function, written as `def`",
        ),
        (
            "    handler: agents:loop\n    steps: a\n"
            "    until: {function: handlers.words:takes_none}\n",
            "is no condition: it takes one payload",
        ),
        ("    handler: agents:loop\n    steps: a\n    max_iterations: 0\n", "must be more than 0"),
        (
            "    handler: agents:graph\n    steps: [{name: a, after: c}]\n",
            'the graph has no step "c"',
        ),
        (
            "    handler: agents:graph\n    steps: [{name: a, after: b}, {name: b, after: a}]\n",
            "these wait for each other: a, b; a way back needs `at_most`",
        ),
        (
            "    handler: agents:graph\n    steps: [a, {name: b, after: {step: a, at_most: 2}}]\n",
            "`at_most` is for a way back, and a does not come after b",
        ),
        (
            "    handler: agents:graph\n    steps: [a, count, {name: b, after: [a, count]}]\n",
            "<Number> of count cannot be put together",
        ),
        (
            "    handler: agents:graph\n    output_class: handlers.words:Number\n"
            "    steps:\n      - count\n      - {name: one, listener: double, after: count}\n"
            "      - {name: two, listener: double, after: [one, count]}\n",
            "double does not accept several answers, put together",
        ),
        (
            "    handler: handlers.words:add\n    steps: [a]\n",
            "leader leads nobody: its `handler` is none of agents:sequence",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(
    project: Project, flow: str, problem: str
) -> None:
    write(project, flow)
    problems = project.problems()
    assert [each for each in problems if problem in each], problems
    assert all(int(each.split(":")[0]) >= FLOW for each in problems), problems


@pytest.mark.parametrize(
    ("flow", "problem"),
    [
        (sequence("[a, double]"), at(3, 16, "listeners[5].steps[1]: double does not accept")),
        (
            GRAPH.replace("listener: b", "listener: double"),
            at(7, 48, "listeners[5].steps[1].after"),
        ),
    ],
)
def test_the_place_of_a_misfit_is_the_edge(project: Project, flow: str, problem: str) -> None:
    write(project, flow)
    problems = project.problems()
    assert [each for each in problems if each.startswith(problem)], problems


def test_a_misspelt_step_hides_no_misfit(project: Project) -> None:
    write(project, sequence("[a, double, nobdy]"))
    told = "\n".join(project.problems())
    assert "double does not accept <Answer>" in told
    assert 'there is no listener "nobdy"' in told


def test_a_group_is_no_step(project: Project, tmp_path: Path) -> None:
    write(project, sequence("[crowd]"))
    text = project.file.read_text().replace("name: a,", "name: a, group: crowd,")
    project.file.write_text(text)
    assert any('there is no listener "crowd"' in each for each in project.problems())
