"""One mistake hides no other: a file says of all its mistakes together what it says of each."""

from __future__ import annotations

import pytest

from tests.assembly.projects import Project, greeter, organism
from xml_pipeline import Organism
from xml_pipeline.config import load_config
from xml_pipeline.errors import ConfigError

RIGHT = """\
organism:
  name: all
budget:
  hops: 9
thread_scheduling: depth-first
limits:
  waiting_messages: 5
backend: {}
pipeline:
  delivery: [handlers.greeter:step]
listeners:
  - name: first
    description: Greets.
    payload_class: handlers.greeter:Greeting
    handler: handlers.greeter:greet
    peers: [third]
    timeout: 5
  - name: second
    description: Greets.
    handler: handlers.greeter:greet
    agent: true
  - name: third
    description: Greets.
    handler: handlers.greeter:greet
    output_class: handlers.greeter:Greeted
    peers: [first]
    max_concurrent: 5
  - name: fourth
    description: Greets.
    handler: handlers.greeter:greet
    group: others
    peers: [first]
    payload_class: handlers.greeter:Greeting
    prompt: Be kind.
""".splitlines()

CODE = (
    greeter("Hello")
    + "\ndef step(delivery):\n    return delivery\n\ndef late(payload, metadata): ...\n"
)

MISTAKES = [
    (1, "organisms:"),
    (2, "  nmae: all"),
    (2, "  port: 99999"),
    (2, "  identity: absent.pem"),
    (4, "  hops: 0"),
    (4, '  seconds: "${NO_SUCH_VARIABLE}"'),
    (5, "on: true"),
    (5, "thread_scheduling: breadth"),
    (7, "  waiting: 5"),
    (7, "  waiting_messages: many"),
    (8, "llm: {backends: [{provider: any}]}"),
    (8, "llm: {backends: [{provider: 5}]}"),
    (8, "backend: {type: postgres}"),
    (8, "trusted_keys: {ada: absent.pem}"),
    (8, "trusted_keys: {ada: absent.pem, bob: 5}"),
    (8, "require_signature: true"),
    (8, "process_pool: {workers: 0}"),
    (10, "  delivery: [os:system]"),
    (10, "  delivery: [handlers.greeter:stp]"),
    (10, "  delivery: handlers.greeter:step"),
    (11, "listenrs:"),
    (13, "    descripton: Greets."),
    (13, "    colour: red"),
    (14, "    payload_class: handlers.greeter:Greting"),
    (14, "    payload_class: [handlers.greeter:Greting, 5]"),
    (15, "    handler: handlers.nowhere:greet"),
    (16, "    peers: [third, nobody]"),
    (16, "    peers: [third, 5]"),
    (17, "    timeuot: 5"),
    (17, "    timeout: soon"),
    (18, "  - name: First"),
    (20, "    handlr: handlers.greeter:late"),
    (21, "    agnt: true"),
    (21, "    agent: 1"),
    (22, "  - nmae: third"),
    (24, "    handler: tools:shell"),
    (24, "    handler: handlers.broken:greet"),
    (25, "    output_class: handlers.greeter:greet"),
    (27, "    max_turns: 3"),
    (27, "    max_concurrent: 2.5"),
    (27, "    group: First"),
    (32, ""),
    (33, "    payload_class: handlers.greeter:Greeted"),
    (34, "    max_turns: three"),
    (34, "    model: some:model"),
    (34, "    retry: {base_delay: 9, max_delay: 8}"),
]
"""Each with the number of the line that it takes the place of."""


def told(project: Project, *mistakes: tuple[int, str]) -> list[str]:
    """Return the problems, and then the warnings, of a file with these mistakes."""
    lines = list(RIGHT)
    for number, text in mistakes:
        lines[number - 1] = text
    project.file.write_text("\n".join(lines))
    try:
        Organism.load(project.file)
    except ConfigError as error:
        return [*error.problems, *error.warnings]
    return list(load_config(project.file).warnings)


@pytest.fixture
def greeting(project: Project) -> Project:
    """Give a project whose code is right, but for one module."""
    project.write("handlers/greeter.py", CODE)
    project.write("handlers/broken.py", "1 / 0\n")
    assert told(project) == []
    return project


def test_every_mistake_is_told_among_mistakes_in_all_other_lines(greeting: Project) -> None:
    alone = {mistake: told(greeting, mistake) for mistake in MISTAKES}
    assert all(alone.values())
    for mistake in MISTAKES:
        lines = dict([*reversed(MISTAKES), mistake])
        expected = [each for one in lines.items() for each in alone[one]]
        assert sorted(told(greeting, *lines.items())) == sorted(expected), mistake


def test_mistakes_are_told_in_the_order_of_the_file(greeting: Project) -> None:
    *problems, warning = told(greeting, *dict(MISTAKES).items())
    places = [tuple(map(int, each.split(":")[1:3])) for each in problems]
    assert places == sorted(places)
    assert warning == (
        f"{greeting.file}:28:11: listeners[3].name: nobody lists it as a peer: only senders"
        " outside can reach it"
    )


def test_what_a_listener_cannot_be_is_told_beside_what_is_wrong_with_its_fields(
    greeting: Project,
) -> None:
    greeting.write("handlers/other.py", CODE + "\nasync def loose(payload, metadata): ...\n")
    both = "[handlers.greeter:Greeting, handlers.other:Greeting]"
    problems = told(
        greeting,
        (14, f"    payload_class: {both}"),
        (15, "    handler: handlers.other:loose"),
        (17, "    timeout: soon"),
        (24, "    handler: handlers.other:loose"),
        (26, "    peers: 5"),
    )
    assert [each.removeprefix(f"{greeting.file}:") for each in problems] == [
        "12:5: listeners[0]: two payload classes <Greeting>",
        "17:14: listeners[0].timeout: must be a number, not text",
        "24:14: listeners[2].handler: its annotation does not tell which payload it takes: name a"
        " `payload_class`",
        "26:12: listeners[2].peers: must be a list, not a number",
    ]


def test_a_module_that_is_not_there_is_told_of_wherever_it_is_named(greeting: Project) -> None:
    problems = told(
        greeting,
        (14, "    payload_class: handlers.greetr:Greeting"),
        (15, "    handler: handlers.greetr:greet"),
    )
    assert [each.rpartition("; ")[2] for each in problems] == ['did you mean "greeter"?'] * 2


def test_a_package_that_is_not_there_is_told_of_once(greeting: Project) -> None:
    text = "\n".join(RIGHT).replace("handlers.", "elsewhere.")
    greeting.file.write_text(f"allow_imports: [elsewhere]\n{text}")
    [problem] = greeting.problems()
    assert problem.endswith('start from the directory that "elsewhere" is in')


def test_what_an_import_is_refused_for_is_told_once(greeting: Project) -> None:
    [problem] = told(greeting, (15, "    handler: os:system"))
    assert problem.startswith(f"{greeting.file}:15:14: listeners[0].handler: ")


def test_whether_there_are_keys_is_not_asked_where_they_cannot_be_read(greeting: Project) -> None:
    keys = (5, "trusted_keys: {ada: 5}")
    assert told(greeting, keys, (8, "require_signature: true")) == told(greeting, keys)


def test_a_pool_that_is_switched_off_is_told_beside_a_handler_that_is_not_there(
    greeting: Project,
) -> None:
    problems = told(
        greeting,
        (8, "process_pool: {enabled: false, workers: 0}"),
        (24, "    handler: handlers.greeter:gret"),
        (27, "    cpu_bound: true"),
    )
    assert [each.removeprefix(f"{greeting.file}:").split(": ")[0] for each in problems] == [
        "8:41", "24:14", "27:16",
    ]  # fmt: skip


def test_nothing_is_imported_from_where_the_readable_packages_are_not(greeting: Project) -> None:
    greeting.write("handlers/mark.py", "from pathlib import Path\nPath(__file__).unlink()\n")
    text = "\n".join(RIGHT).replace("handlers.greeter:greet", "handlers.mark:greet")
    greeting.file.write_text(f"allow_imports: 5\n{text}")
    assert greeting.problems() == ["1:16: allow_imports: must be a list, not a number"]
    assert (greeting.root / "handlers/mark.py").exists()


def test_a_mistake_of_an_agent_is_told_of_and_no_handler_is_missed(project: Project) -> None:
    script = project.write("script.yaml", "- text: Hello.\n")
    listener = f"{{name: ada, description: Thinks., agent: true, model: scripted:{script.stem}"
    project.file.write_text(organism(f"{listener}, max_turn: 3}}"))
    [problem] = project.problems()
    assert 'max_turn: unknown key; did you mean "max_turns"?' in problem
