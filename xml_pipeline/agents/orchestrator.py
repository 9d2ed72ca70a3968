"""An orchestrator: an agent that divides its work among other agents.

``handler: agents:orchestrator`` with a ``model``. Its peers that are agents are those it delegates
to, all its other peers are functions as for any agent. A task that one of them can do alone goes
to it whole, and no model is asked; ``orchestration.routing`` says whether that may be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from xml_pipeline.agents.agent import Agent, build
from xml_pipeline.agents.definition import Assignment
from xml_pipeline.agents.delegation import (
    BLACKBOARD,
    DELEGATE,
    FORM_SQUAD,
    ONE,
    SQUAD,
    TOGETHER,
    Delegation,
    Squad,
)
from xml_pipeline.agents.functions import Functions, Target, functions_of
from xml_pipeline.agents.gather import Call
from xml_pipeline.agents.payloads import Task
from xml_pipeline.agents.reading import Heard, heard, heard_squad
from xml_pipeline.agents.routing import Decision, Strategy, Worker, decide
from xml_pipeline.builtin import Built, Plan
from xml_pipeline.config import Finding
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.payload import RawPayload

_ADVICE = """You lead a team of agents, and do nothing yourself that one of them can do.

1. Decompose the task into parts that do not overlap.
2. Match each part with the agent that is best at it; one agent is enough where one suffices.
3. Choose how. {how}
An agent knows nothing but what you write to it: write self-contained, specific tasks, with all \
the facts it needs and the form of answer you want.
When you have what you need, answer in your own words.

The agents:
{agents}"""

_DELEGATE = "Delegate with `delegate_task`. {together}"
_EITHER = """
   - `delegate_task` for parts that are independent. {together}
   - `form_squad` for parts where agents need what the others find out meanwhile: its members \
share a blackboard."""

_LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class Orchestrator(Agent):
    """The handler of an orchestrator.

    ``strategy`` decides who takes a task whole. ``added`` are the peers that it has whatever its
    file says: they are for itself, and its model is not offered them.
    """

    strategy: Strategy = decide
    added: frozenset[str] = frozenset({BLACKBOARD, SQUAD})

    def functions(self, metadata: HandlerMetadata) -> Functions:
        """Return what the model may call: delegation first, then the peers that are no agents."""
        workers = _workers(metadata)
        own = {*workers, *self.added, metadata.own_name}
        others = [each for each in metadata.peers if each.listener.name not in own]
        return functions_of(others, self._delegation(workers, metadata))

    def advice(self, metadata: HandlerMetadata) -> str:
        """Return how it has to work, and with whom."""
        workers = _workers(metadata)
        squads = FORM_SQUAD in self._delegation(workers, metadata)
        together = TOGETHER if self._at_once else ONE
        how = (_EITHER if squads else _DELEGATE).format(together=together)
        listed = (f"- {name}: {_about(each)}" for name, each in workers.items())
        return _ADVICE.format(how=how, agents="\n".join(listed))

    def heard(self, payload: Any, call: Call, key: str, metadata: HandlerMetadata) -> Heard:
        """Return what an answer says; that of a squad in sections, one for each member."""
        if isinstance(payload, RawPayload) and len(call.agents.get(key, ())) > 1:
            squad = _peer(SQUAD, metadata)
            codec = squad.answers.get(payload.tag) if squad is not None else None
            if codec is not None:
                return heard_squad(codec.from_xml(payload.xml))
        return heard(payload)

    def note(
        self, call: Call, key: str, text: str, metadata: HandlerMetadata
    ) -> HandlerResponse | None:
        """Return what is written on the blackboard of an answer, where anybody would read it."""
        names, board = call.agents.get(key, []), _peer(BLACKBOARD, metadata)
        if board is None or not names or call.hands_off or not self._is_read(metadata):
            return None
        what = f"squad:{'+'.join(names)}" if len(names) > 1 else f"agent:{names[0]}"
        written = {"key": what[:_LONGEST_KEY], "value": text}
        write = board.codecs["BlackboardWrite"].from_json(written)
        return HandlerResponse(write, to=BLACKBOARD)

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

    @property
    def _at_once(self) -> bool:
        return self.keys.orchestration.dispatch == "parallel"

    def _delegation(
        self, workers: Mapping[str, Listener], metadata: HandlerMetadata
    ) -> dict[str, Target]:
        """Return the functions with which work is given away."""
        targets = dict[str, Target]()
        if workers:
            targets[DELEGATE] = Delegation(workers, self._at_once)
        squad = _peer(SQUAD, metadata)
        wanted = self.keys.orchestration.squads and self._at_once
        if wanted and squad is not None and len(workers) > 1:
            targets[FORM_SQUAD] = Squad(workers, squad.codecs["SquadStart"])
        return targets

    def _is_read(self, metadata: HandlerMetadata) -> bool:
        """Tell whether the team or the model can look at the blackboard."""
        mine = BLACKBOARD not in self.added
        team = _workers(metadata).values()
        return mine or any(each.reach is None or BLACKBOARD in each.reach for each in team)


def _peer(name: str, metadata: HandlerMetadata) -> Listener | None:
    found = (each.listener for each in metadata.peers if each.listener.name == name)
    return next(found, None)


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
    said = plan.listener.orchestration
    found = [Finding(("dialect",), "an orchestrator calls functions: leave it out")]
    wrong = found if plan.listener.dialect == "xml" else ()
    added = frozenset({BLACKBOARD, SQUAD}).difference(plan.listener.peers)
    strategy = plan.functions[said.strategy] if said.strategy is not None else decide
    made = build(plan, Orchestrator, wrong, added=added, strategy=strategy)
    return replace(made, peers=(BLACKBOARD, SQUAD), opens_blackboard=True)
