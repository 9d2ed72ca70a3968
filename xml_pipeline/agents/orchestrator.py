"""An orchestrator: an agent that divides its work among other agents.

``handler: agents:orchestrator`` with a ``model``. Its peers that are agents are those it delegates
to, all its other peers are functions as for any agent. A task that one of them can do alone goes
to it whole, and no model is asked; ``orchestration.routing`` says whether that may be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xml_pipeline.agents.agent import Agent, build
from xml_pipeline.agents.definition import Assignment
from xml_pipeline.agents.functions import Functions, Part, functions_of
from xml_pipeline.agents.payloads import Task
from xml_pipeline.agents.routing import Decision, Strategy, Worker, decide
from xml_pipeline.builtin import Built, Plan
from xml_pipeline.errors import InvalidPayload
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.llm.base import Function

DELEGATE = "delegate_task"

_ADVICE = """You lead a team of agents, and do nothing yourself that one of them can do.

1. Decompose the task into parts that do not overlap.
2. Match each part with the agent that is best at it; one agent is enough where one suffices.
3. Delegate with `delegate_task`. {together}
An agent knows nothing but what you write to it: write self-contained, specific tasks, with all \
the facts it needs and the form of answer you want.
When you have what you need, answer in your own words.

The agents:
{agents}"""

_TOGETHER = "Several tasks in one call are worked on side by side."
_ONE = "One task in a call: wait for its answer before you give the next one."


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
        task = {
            "type": "object",
            "properties": {
                "agent": {"type": "string", "enum": [*self.workers]},
                "task": {"type": "string", "description": "What it has to do, in full."},
            },
            "required": ["agent", "task"],
            "additionalProperties": False,
        }
        tasks = {"type": "array", "items": task, "minItems": 1}
        if not self.at_once:
            tasks["maxItems"] = 1
        schema = {"type": "object", "properties": {"tasks": tasks}, "required": ["tasks"]}
        words = _TOGETHER if self.at_once else _ONE
        return Function(DELEGATE, f"Have agents of your team do something. {words}", schema)

    def parts(self, arguments: Mapping[str, Any], key: str) -> Sequence[Part]:
        """Return a message for each task; one for somebody unknown is told of in its place."""
        tasks = arguments.get("tasks")
        if not isinstance(tasks, list) or not tasks:
            raise InvalidPayload("tasks: a list of at least one {agent, task}")
        if len(tasks) > 1 and not self.at_once:
            raise InvalidPayload("tasks: one at a time")
        return [self._part(each, f"{key}.{number}") for number, each in enumerate(tasks)]

    def written(self, xml: str, key: str) -> Sequence[Part]:
        """Refuse: there is no such element."""
        raise InvalidPayload("there is no such element")

    def _part(self, task: Any, key: str) -> Part:
        name = task.get("agent") if isinstance(task, dict) else None
        text = task.get("task") if isinstance(task, dict) else None
        if not isinstance(name, str) or not isinstance(text, str):
            raise InvalidPayload("tasks: each is an object of two texts, agent and task")
        if name not in self.workers:
            known = ", ".join(self.workers)
            return Part(None, f"Error: there is no agent {name!r}; there are: {known}", name)
        message = HandlerResponse(Task(text), to=name, key=key)
        return Part(message, title=f"Agent: {name}", agent=name)


@dataclass(frozen=True, slots=True)
class Orchestrator(Agent):
    """The handler of an orchestrator; ``strategy`` decides who takes a task whole."""

    strategy: Strategy = decide

    def functions(self, metadata: HandlerMetadata) -> Functions:
        """Return what the model may call: the delegation first, then the peers that are none."""
        workers = _workers(metadata)
        own = {*workers, metadata.own_name}
        others = [each for each in metadata.peers if each.listener.name not in own]
        at_once = self.keys.orchestration.dispatch == "parallel"
        mine = {DELEGATE: Delegation(workers, at_once)} if workers else {}
        return Functions({**mine, **functions_of(others).targets})

    def advice(self, metadata: HandlerMetadata) -> str:
        """Return how it has to work, and with whom."""
        together = _TOGETHER if self.keys.orchestration.dispatch == "parallel" else _ONE
        listed = (f"- {name}: {_about(each)}" for name, each in _workers(metadata).items())
        return _ADVICE.format(together=together, agents="\n".join(listed))

    def assign(self, task: str, plain: bool, metadata: HandlerMetadata) -> Assignment | None:
        """Return who takes a task whole, None where nobody should."""
        workers = _workers(metadata)
        candidates = [Worker(name, each.description) for name, each in workers.items()]
        decision = self._decision(task, plain, candidates)
        if decision.agent is None:
            return None
        return Assignment(decision.agent, decision.score, decision.why)

    def _decision(self, task: str, plain: bool, workers: Sequence[Worker]) -> Decision:
        routing = self.keys.orchestration.routing
        if routing == "always" or not workers:
            return Decision(None, 1.0, f"routing is {routing}")
        if routing == "single" or not plain:
            return Decision(workers[0].name, 0.0, f"routing is {routing}")
        return self.strategy(task, workers)


def _workers(metadata: HandlerMetadata) -> dict[str, Listener]:
    """Return the agents among the peers, by name: those that take a task in words."""
    return {
        each.name: each
        for each, requests in metadata.peers
        if each.name != metadata.own_name and any(codec.cls is Task for codec in requests)
    }


def _about(worker: Listener) -> str:
    tools = [each for each in worker.peers if not each.startswith("system.")]
    return f"{worker.description} (may use {', '.join(tools)})" if tools else worker.description


def configured(plan: Plan) -> Built:
    """Build the orchestrator that an organism file describes."""
    return build(plan, Orchestrator)
