"""What models said in a past conversation: whoever runs it again asks no model.

An agent's state tells it, as it was written after each turn. Which of it answers a request is read
off the request's last message: the calls that it answers, or else its words.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Any

from xml_pipeline.agents.run import Run, load
from xml_pipeline.agents.transcript import from_json
from xml_pipeline.llm.base import (
    Completion,
    Hear,
    Message,
    Request,
    ToolResult,
    Usage,
    alternating,
    unheard,
)
from xml_pipeline.llm.errors import ProviderError

Key = tuple[str, ...]


class Recorded:
    """The answers in the states of a conversation's threads, given as (thread, state) in order."""

    def __init__(self, states: Iterable[tuple[str, bytes]]) -> None:
        self._answers: dict[Key, deque[Completion]] = defaultdict(deque)
        known: dict[str, tuple[int, Run]] = {}
        for thread, written in states:
            state = _state(written)
            if state is not None:
                known[thread] = self._learn(state, *known.get(thread, (0, Run())))

    def provider(self, address: str) -> Recorded:
        """Return what answers for any model."""
        return self

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Say what was said then."""
        answers = self._answers.get(_key(request.messages[-1]))
        if not answers:
            raise ProviderError("invalid", "nobody was asked this then, and no model is asked now")
        return answers.popleft()

    async def aclose(self) -> None:
        """Close nothing."""

    def _learn(self, state: Mapping[str, str], count: int, before: Run) -> tuple[int, Run]:
        """Take in what was said since the state that was before."""
        messages, run = from_json(state["transcript"]), load(state)
        since = count if count <= len(messages) else 0
        said = [at for at in range(since, len(messages)) if messages[at].role == "assistant"]
        for at in said:
            earlier = alternating(messages[:at])
            if earlier:
                usage = _difference(run, before) if at == said[-1] else Usage()
                stop: Any = "tool_use" if messages[at].calls else "end_turn"
                usd = run.usd - (before.usd if run.number == before.number else 0.0)
                completion = Completion(messages[at], usage, stop, "recorded", usd)
                self._answers[_key(earlier[-1])].append(completion)
        return len(messages), run


def _state(written: bytes) -> Mapping[str, str] | None:
    """Return a state, None where it is not that of an agent."""
    try:
        state = json.loads(written)
    except ValueError:
        return None
    is_agents = isinstance(state, dict) and {"run", "transcript"} <= state.keys()
    return state if is_agents else None


def _difference(run: Run, before: Run) -> Usage:
    if run.number != before.number:
        return run.usage
    now, then = run.usage, before.usage
    return Usage(
        now.input - then.input,
        now.output - then.output,
        now.cache_write - then.cache_write,
        now.cache_read - then.cache_read,
        now.reasoning - then.reasoning,
    )


def _key(message: Message) -> Key:
    calls = tuple(each.call_id for each in message.blocks if isinstance(each, ToolResult))
    return ("calls", *calls) if calls else ("words", message.text)
