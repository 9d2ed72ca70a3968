"""One question to a model: what it is shown, and what it says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from xml_pipeline.agents.definition import Definition
from xml_pipeline.agents.functions import RESPOND
from xml_pipeline.agents.results import without_old_media
from xml_pipeline.agents.run import Run, Transcript
from xml_pipeline.agents.selection import selected
from xml_pipeline.agents.telling import Teller
from xml_pipeline.errors import Timeout
from xml_pipeline.listener import HandlerMetadata
from xml_pipeline.llm.base import Choice, Completion, Function, Request, alternating


async def think(
    agent: Definition,
    metadata: HandlerMetadata,
    run: Run,
    transcript: Transcript,
    teller: Teller,
) -> Completion:
    """Ask the model, and count what that takes.

    Raises ProviderError, BudgetExhausted, and Timeout where the run's time is up.
    """
    request = _request(agent, metadata, run, transcript)
    try:
        async with asyncio.timeout(_seconds_left(agent, run)):
            completion = await agent.provider.complete(request, teller.hearing())
    except TimeoutError:
        words = f"it took longer than {agent.keys.run_timeout} s"
        raise Timeout(words, code="timeout") from None
    run.spend(completion.usage, completion.usd)
    teller.answered(completion)
    return completion


def _request(
    agent: Definition, metadata: HandlerMetadata, run: Run, transcript: Transcript
) -> Request:
    keys, respond = agent.keys, agent.respond
    messages = without_old_media(alternating(transcript.messages))
    everything: tuple[Function, ...] = agent.functions(metadata).offered
    offered = selected(everything, messages, keys.max_tools_per_turn)
    if agent.writes_xml:
        respond, offered = None, ()
    return Request(
        model=agent.model,
        messages=messages,
        system="\n\n".join(filter(None, (metadata.prompt, agent.advice(metadata)))),
        functions=(*offered, respond) if respond is not None else offered,
        choice=_choice(respond, offered),
        max_tokens=keys.max_tokens,
        temperature=keys.temperature,
        effort=keys.effort,
        cached=keys.prompt_caching,
        spending=metadata.budget,
    )


def _choice(respond: Function | None, offered: Sequence[Function]) -> Choice:
    """Force an answer with fields to be one."""
    if respond is None:
        return Choice()
    return Choice("any") if offered else Choice("function", RESPOND)


def _seconds_left(agent: Definition, run: Run) -> float | None:
    if agent.keys.run_timeout is None:
        return None
    return max(0.0, run.started + agent.keys.run_timeout - time.time())
