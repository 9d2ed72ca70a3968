"""An agent: a listener whose handler is one turn of a language model.

Every call of the handler is one message: a request, the answer to a call, or a message of the
agent to itself. What must be known at the next one is in the state of the thread. So budgets,
peers, approvals, kill, journal and replay hold for each step of it because they hold for
messages, and a restart goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from xml_pipeline.agents.definition import Definition
from xml_pipeline.agents.hooks import configured as configured_hooks
from xml_pipeline.agents.instructions import project_instructions
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.agents.run import spent_in
from xml_pipeline.agents.work import Work
from xml_pipeline.builtin import Built, Misconfigured, Parts, Plan
from xml_pipeline.config import AgentKeys, Finding
from xml_pipeline.errors import ConfigError
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.llm.base import Provider
from xml_pipeline.llm.models import Models, models_of
from xml_pipeline.mcp.payloads import Sample, Sampled
from xml_pipeline.payload import RawPayload, payload_from_json_schema
from xml_pipeline.places import config_directory
from xml_pipeline.spent import Spent
from xml_pipeline.system import Huh, SystemError, ThreadEnded

TURN_SECONDS = 300.0
"""Seconds that a turn may take, its retries included, where the listener says nothing."""


@dataclass(frozen=True, slots=True)
class Agent(Definition):
    """The handler of an agent."""

    async def __call__(
        self, payload: Any, metadata: HandlerMetadata
    ) -> Iterable[HandlerResponse] | None:
        """Take one message in, and say what follows from it."""
        return await Work(self, metadata).take(payload)

    def spent_so_far(self, state: Mapping[str, Any]) -> Spent | None:
        """Return what the request that it works on has taken, with everything below it."""
        return spent_in(state)


def accepted(requests: Iterable[type]) -> tuple[type, ...]:
    """Return what an agent accepts: requests, and any answer to what it asks for."""
    return (*requests, SystemError, ThreadEnded, Huh, RawPayload)


def configured(plan: Plan) -> Built:
    """Build the agent that an organism file describes."""
    return build(plan, Agent)


def build(plan: Plan, kind: type[Agent], findings: Iterable[Finding] = (), **more: Any) -> Built:
    """Build an agent of some kind from what its listener says; ``more`` is that kind's own.

    Raises Misconfigured with all that is wrong, and with the ``findings`` there were before.
    """
    models, address, parts = models_of(plan), plan.listener.model or "", Parts(findings)
    keys = AgentKeys(**{name: getattr(plan.listener, name) for name in AgentKeys.model_fields})
    summarizes = keys.context.summary_model
    memory, peers = keys.context.flush_to, plan.listener.peers
    if memory is not None and memory not in peers and "*" not in peers:
        parts.findings.append(Finding(("context", "flush_to"), f"{memory} is none of its `peers`"))
    provider = parts.make(partial(_thinks, models, address), "model" if address else "handler")
    summarizer = provider
    if summarizes is not None:
        summarizer = parts.make(partial(models.provider, summarizes), "context", "summary_model")
    files = partial(project_instructions, keys.instructions, plan.folder, config_directory())
    instructions = parts.make(files, "instructions")
    guardrails = parts.make(partial(configured_hooks, keys.guardrails))
    if provider is None or guardrails is None or parts.findings:
        raise Misconfigured(parts.findings)
    agent = kind(
        provider,
        address,
        keys,
        _output(plan),
        instructions=instructions or "",
        hooks=guardrails,
        summarizer=summarizer,
        summary_model=(summarizes or address).partition(":")[2],
        state_bytes=plan.organism.limits.state_bytes,
        **more,
    )
    return Built(
        agent,
        accepted(plan.accepts or (Task,)),
        (agent.output,),
        keeps_depth=True,  # `max_turns` bounds a row of turns; hops bound how deep it delegates.
        timeout=TURN_SECONDS,
    )


def _thinks(models: Models, address: str) -> Provider:
    if not address:
        raise ConfigError(("needs a `model` that thinks for it",))
    return models.provider(address)


def _output(plan: Plan) -> type:
    if plan.output:
        return plan.output[0]
    if plan.listener.output_schema is not None:
        return payload_from_json_schema("Output", plan.listener.output_schema)
    return Sampled if plan.accepts == (Sample,) else Answer
