"""Whatever is wrong with what a file names is told at once, each with its place."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.assembly.projects import Project, greeter, organism
from xml_pipeline import Organism
from xml_pipeline.errors import ConfigError


def module(name: str) -> Any:
    """Return an imported module of the project."""
    return sys.modules[name]


def test_all_problems_are_told_at_once_in_their_order(project: Project) -> None:
    project.write("handlers/greeter.py", greeter("Hello") + "\ndef late(payload, metadata): ...\n")
    project.write("handlers/broken.py", "x = 1\nx.y\n")
    project.write(
        "organism.yaml",
        """
        listeners:
          - name: a
            description: d
            payload_class: handlers.greeter:Greting
            handler: handlers.greeter:greet
          - name: b
            description: d
            payload_class: handlers.greetr:Greeting
            handler: handlers.greeter:late
          - name: c
            description: d
            payload_class: handlers.broken:Payload
            handler: handlers.broken:handle
        """,
    )
    problems = project.problems()
    assert [each.split(": ")[0] for each in problems] == ["5:20", "9:20", "10:14", "14:14"]
    assert 'did you mean "Greeting"?' in problems[0]
    assert 'did you mean "greeter"?' in problems[1]
    assert "write it as `async def`" in problems[2]
    assert "broken.py:2: AttributeError" in problems[3]


def test_a_module_that_fails_is_run_once_for_all_its_names(project: Project) -> None:
    project.write(
        "handlers/broken.py",
        """
        from pathlib import Path

        with Path(__file__).with_name("runs").open("a") as file:
            file.write("run ")
        raise RuntimeError
        """,
    )
    listener = (
        "{name: a, description: d, payload_class: handlers.broken:B, handler: handlers.broken:b}"
    )
    project.write("organism.yaml", organism(listener, listener.replace("name: a", "name: b")))
    assert len(project.problems()) == 1
    assert (project.root / "handlers/runs").read_text() == "run "


MORE_CODE = """
    from typing import Any, Protocol
    from xml_pipeline import Listener, RawPayload

    class Plain: ...
    nothing = None
    listener = Listener("x", Greeting, greet, description="d")
    def plain(payload, metadata): ...
    async def lonely(payload): ...
    async def three(payload, metadata, more): ...
    async def loose(payload, metadata): ...
    async def anything(payload: Any, metadata: HandlerMetadata) -> None: ...
    async def object_(payload: object, metadata: HandlerMetadata) -> None: ...
    async def unresolved(payload: "Missing", metadata: HandlerMetadata) -> None: ...
    async def both(payload: Greeting | Greeted, metadata: HandlerMetadata) -> None: ...
    async def texts(payload: str, metadata: HandlerMetadata) -> None: ...
    async def generator(payload: Greeting, metadata: HandlerMetadata):
        yield HandlerResponse.respond(Greeted("a"))

    class Named(Protocol):
        name: str

    async def named(payload: Named, metadata: HandlerMetadata) -> None: ...

    class Object:
        async def __call__(self, payload: Greeting, metadata: HandlerMetadata) -> None: ...

    instance = Object()
    async def waits(station): ...
    """


def listen(project: Project, **changes: str) -> None:
    """Write a project of one listener, right but for the changes."""
    right = {
        "name": "greeter",
        "description": "Greets.",
        "payload_class": "handlers.greeter:Greeting",
        "handler": "handlers.greeter:greet",
    }
    listener = ", ".join(f"{key}: {value}" for key, value in (right | changes).items())
    project.write("more.py", MORE_CODE)
    more = (project.root / "more.py").read_text()
    project.write("handlers/greeter.py", greeter("Hello") + "\n" + more)
    project.write("organism.yaml", organism(f"{{{listener}}}"))


@pytest.mark.parametrize(
    "handler",
    [
        "anything", "both", "generator", "greet", "instance", "loose", "named", "object_",
        "unresolved",
    ],
)  # fmt: skip
def test_what_can_be_awaited_with_the_payload_is_a_handler(project: Project, handler: str) -> None:
    listen(project, handler=f"handlers.greeter:{handler}")
    names = [each.name for each in Organism.load(project.file).listeners]
    assert "greeter" in names


@pytest.mark.parametrize(
    ("handler", "problem"),
    [
        ("plain", "write it as `async def`"),
        ("nothing", "write it as `async def`"),
        ("Greeting", "write it as `async def`"),
        ("lonely", "it takes (payload, metadata)"),
        ("three", "it takes (payload, metadata)"),
        ("listener", "is a whole listener: name its handler"),
        ("gret", 'no "gret" in'),
    ],
)
def test_what_is_no_handler_is_a_problem(project: Project, handler: str, problem: str) -> None:
    listen(project, handler=f"handlers.greeter:{handler}")
    [told] = project.problems()
    assert told.startswith("2:")
    assert f'listeners[0].handler: "handlers.greeter:{handler}' in told
    assert problem in told


@pytest.mark.parametrize("payload", ["Plain", "greet", "nothing", "listener"])
def test_what_is_no_payload_is_a_problem(project: Project, payload: str) -> None:
    listen(project, payload_class=f"handlers.greeter:{payload}")
    [told] = project.problems()
    assert "decorate it with @xmlify" in told


def test_a_payload_that_the_handler_does_not_take_is_a_problem(project: Project) -> None:
    listen(project, payload_class="[handlers.greeter:Greeting, handlers.greeter:Greeted]")
    [told] = project.problems()
    told_of = 'payload_class[1]: "handlers.greeter:Greeted" is not what the handler takes:'
    assert f"{told_of} handlers.greeter:Greeting" in told
    listen(project, handler="handlers.greeter:texts")
    [told] = project.problems()
    assert 'payload_class: "handlers.greeter:Greeting" is not what' in told
    assert told.endswith("the handler takes: builtins:str")


def test_two_payload_classes_of_one_tag_are_a_problem(project: Project) -> None:
    listen(
        project,
        payload_class="[handlers.greeter:Greeting, handlers.other:Greeting]",
        handler="handlers.greeter:loose",
    )
    project.write("handlers/other.py", greeter("Hello"))
    [told] = project.problems()
    assert "two payload classes <Greeting>" in told


def test_an_output_class_that_is_no_payload_is_a_problem(project: Project) -> None:
    listen(project, output_class="handlers.greeter:Plain")
    [told] = project.problems()
    assert "listeners[0].output_class" in told


@pytest.mark.parametrize(
    ("handler", "accepts"), [("greet", ["Greeting"]), ("both", ["Greeting", "Greeted"])]
)
def test_a_listener_accepts_what_its_handler_is_annotated_with(
    project: Project, handler: str, accepts: list[str]
) -> None:
    listen(project, payload_class="[]", handler=f"handlers.greeter:{handler}")
    [listener] = [each for each in Organism.load(project.file).listeners if each.name == "greeter"]
    code = module("handlers.greeter")
    assert listener.accepts == tuple(getattr(code, each) for each in accepts)


@pytest.mark.parametrize("handler", ["loose", "anything", "unresolved"])
def test_a_handler_that_does_not_tell_what_it_takes_needs_a_payload_class(
    project: Project, handler: str
) -> None:
    listen(project, payload_class="[]", handler=f"handlers.greeter:{handler}")
    [told] = project.problems()
    assert "listeners[0].handler: its annotation does not tell which payload it takes" in told


def test_an_annotation_that_is_no_payload_is_a_problem(project: Project) -> None:
    listen(project, payload_class="[]", handler="handlers.greeter:texts")
    [told] = project.problems()
    assert "listeners[0]: " in told


@pytest.mark.parametrize("step", ["Plain", "nothing", "waits"])
def test_what_is_no_step_is_a_problem(project: Project, step: str) -> None:
    listen(project)
    with project.file.open("a") as file:
        file.write(f"pipeline: {{delivery: [handlers.greeter:{step}]}}\n")
    [told] = project.problems()
    assert f'pipeline.delivery[0]: "handlers.greeter:{step}" is no step' in told


@pytest.mark.parametrize("changes", [{"max_turns": "3"}, {"effort": "high"}])
def test_what_means_something_to_agents_only_is_a_problem_elsewhere(
    project: Project, changes: dict[str, str]
) -> None:
    listen(project, **changes)
    [told] = project.problems()
    assert f"listeners[0].{next(iter(changes))}: " in told
    assert "has no `model`" in told


def test_a_listener_that_both_code_and_a_model_would_handle_is_a_problem(project: Project) -> None:
    listen(project, model="scripted:x")
    [told] = project.problems()
    assert "write one of the two" in told


def test_a_plugin_that_is_not_there_is_a_problem_with_its_place(project: Project) -> None:
    listen(project, handler="tools:shel")
    [told] = project.problems()
    assert "listeners[0].handler" in told
    assert 'tools has no "shel"' in told


def test_an_agent_that_nobody_thinks_for_is_a_problem(project: Project) -> None:
    project.write("organism.yaml", organism("{name: thinker, description: d, agent: true}"))
    [told] = project.problems()
    assert told == ("2:5: listeners[0]: thinker needs a `model` that thinks for it, or a `handler`")


def test_a_backend_that_is_not_there_is_a_problem_with_its_place(project: Project) -> None:
    listen(project)
    with project.file.open("a") as file:
        file.write("backend: {type: squlite}\n")
    with pytest.raises(ConfigError) as caught:
        Organism.load(project.file)
    [told] = caught.value.problems
    assert 'backend.type: backends has no "squlite"; did you mean "sqlite"?' in told
