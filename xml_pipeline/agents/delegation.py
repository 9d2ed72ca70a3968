"""The functions of an orchestrator: tasks for agents, each on its own or as a squad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xml_pipeline.agents.functions import Part
from xml_pipeline.agents.payloads import Task
from xml_pipeline.errors import InvalidPayload
from xml_pipeline.listener import HandlerResponse, Listener
from xml_pipeline.llm.base import Function
from xml_pipeline.payload import Codec, codec_of

DELEGATE = "delegate_task"
FORM_SQUAD = "form_squad"

BLACKBOARD = "system.blackboard"
SQUAD = "system.squad"

TOGETHER = "Several tasks in one call are worked on side by side."
ONE = "One task in a call: wait for its answer before you give the next one."
SHARED = (
    "Have at least two agents of your team work side by side, and share a blackboard on which "
    "each can read what the others have found. Each agent once."
)

_TASK: Codec[Task] = codec_of(Task)


@dataclass(frozen=True, slots=True)
class Delegation:
    """The function that gives tasks to agents; ``at_once`` says whether several in one call."""

    workers: Mapping[str, Listener]
    at_once: bool = True
    tag: str | None = None
    hands_off: bool = False

    @property
    def function(self) -> Function:
        """Return the function as the model is shown it."""
        schema = _schema(self.workers, minItems=1, **({} if self.at_once else {"maxItems": 1}))
        words = TOGETHER if self.at_once else ONE
        return Function(DELEGATE, f"Have agents of your team do something. {words}", schema)

    def parts(self, arguments: Mapping[str, Any], key: str) -> Sequence[Part]:
        """Return a message for each task; one for somebody unknown is told of in its place."""
        tasks = _tasks(arguments, 1)
        if len(tasks) > 1 and not self.at_once:
            raise InvalidPayload("tasks: one at a time")
        return [self._part(*each, f"{key}.{number}") for number, each in enumerate(tasks)]

    def written(self, xml: str, key: str) -> Sequence[Part]:
        """Refuse: there is no such element."""
        raise InvalidPayload("there is no such element")

    def _part(self, name: str, text: str, key: str) -> Part:
        if name not in self.workers:
            return Part(None, f"Error: {_unknown(name, self.workers)}", name)
        message = HandlerResponse(Task(text), to=name, key=key)
        return Part(message, title=f"Agent: {name}", agents=(name,))


@dataclass(frozen=True, slots=True)
class Squad:
    """The function that has agents work as a squad; ``start`` is what ``system.squad`` takes."""

    workers: Mapping[str, Listener]
    start: Codec[Any]
    tag: str | None = None
    hands_off: bool = False

    @property
    def function(self) -> Function:
        """Return the function as the model is shown it."""
        return Function(FORM_SQUAD, SHARED, _schema(self.workers, minItems=2))

    def parts(self, arguments: Mapping[str, Any], key: str) -> Sequence[Part]:
        """Return the one message that the squad begins with, where everybody can."""
        tasks = _tasks(arguments, 2)
        names = tuple(name for name, _ in tasks)
        for name in names:
            if name not in self.workers:
                raise InvalidPayload(f"tasks: {_unknown(name, self.workers)}")
            if names.count(name) > 1:
                raise InvalidPayload(f"tasks: {name} is named twice, and can join only once")
        members = [{"name": n, "payload": _TASK.to_xml(Task(text)).decode()} for n, text in tasks]
        start = self.start.from_json({"members": members})
        return (Part(HandlerResponse(start, to=SQUAD, key=key), agents=names),)

    def written(self, xml: str, key: str) -> Sequence[Part]:
        """Refuse: there is no such element."""
        raise InvalidPayload("there is no such element")


def _schema(workers: Mapping[str, Listener], **bounds: int) -> Mapping[str, Any]:
    task = {
        "type": "object",
        "properties": {
            "agent": {"type": "string", "enum": [*workers]},
            "task": {"type": "string", "description": "What it has to do, in full."},
        },
        "required": ["agent", "task"],
        "additionalProperties": False,
    }
    tasks = {"type": "array", "items": task, **bounds}
    return {"type": "object", "properties": {"tasks": tasks}, "required": ["tasks"]}


def _tasks(arguments: Mapping[str, Any], least: int) -> list[tuple[str, str]]:
    """Return the agents and their tasks; InvalidPayload for anything else."""
    tasks = arguments.get("tasks")
    if not isinstance(tasks, list) or len(tasks) < least:
        raise InvalidPayload(f"tasks: a list of at least {least} {{agent, task}}")
    return [_task(each) for each in tasks]


def _task(said: object) -> tuple[str, str]:
    match said:
        case {"agent": str(name), "task": str(text)}:
            return name, text
    raise InvalidPayload("tasks: each is an object of two texts, agent and task")


def _unknown(name: str, workers: Mapping[str, Listener]) -> str:
    return f"there is no agent {name!r}; there are: {', '.join(workers)}"
