"""What a call has come to: judged by guardrails, shortened, told of, and noted for others.

The rule this file guards: nobody is shown what the guardrails refuse, neither the model nor
whoever reads the blackboard; so nothing of a call is noted before the whole of it is judged.
"""

from __future__ import annotations

import time

from xml_pipeline.agents.definition import Definition
from xml_pipeline.agents.gather import Call
from xml_pipeline.agents.results import compressed
from xml_pipeline.agents.run import Known
from xml_pipeline.agents.telling import Teller
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.llm.base import ToolCall, ToolResult


class Settling:
    """Sees to the calls of a run that are answered."""

    def __init__(
        self, agent: Definition, metadata: HandlerMetadata, known: Known, teller: Teller
    ) -> None:
        self._agent = agent
        self._metadata = metadata
        self._known = known
        self._teller = teller

    async def settle(self, call: Call) -> None:
        """See to a call that is answered as a whole: it is judged, shortened, and told of."""
        await self.judge(call)
        await self.shorten(call)
        self._teller.call_completed(call)

    async def give_up(self, call: Call) -> None:
        """Wait no longer for what is missing of a call; what has come stays."""
        words = f"Tool execution timed out after {self._agent.keys.tool_timeout:g}s"
        for key in call.missing:
            call.take(key, words, is_error=True)
            self._teller.agents_completed(call, key, None)
        await self.settle(call)

    async def judge(self, call: Call) -> None:
        """Have the guardrails look at a result before the model does."""
        if not self._agent.hooks.guardrails:
            return
        called = ToolCall(call.id, call.name, call.arguments)
        result, verdict = await self._agent.hooks.after_tool(called, call.result)
        self._teller.judged(verdict, f"result of {call.name}")
        call.content, call.is_error = result.content, result.is_error

    async def shorten(self, call: Call) -> None:
        """Have a model shorten what is too long, where the agent wants that."""
        keys = self._agent.keys
        if keys.compress_over is None:
            return
        aside, began = self._agent.aside(self._metadata), time.perf_counter()
        result, cost = await compressed(aside, call.result, keys.compress_over, keys.max_tokens)
        self._teller.asked_beside(self._agent.summarizes, cost, time.perf_counter() - began)
        call.content = result.content
        self._known.run.spend(cost.usage, cost.usd)

    async def notes(self, call: Call, last: str = "", text: str = "") -> list[HandlerResponse]:
        """Return what is noted of a call's answers; of the ``last`` one in this ``text``.

        What the guardrails refuse is not noted, and what they change is noted as they left it.
        Where they refuse the whole, and none of the answers is to blame, nothing of it is noted.
        """
        if self._agent.hooks.guardrails and call.content is None:
            return []
        unnoted, call.unnoted = call.unnoted, []
        if not unnoted or not (self._known.run.active or self._known.run.session):
            return []
        said = {key: text if key == last else call.parts[key] or "" for key in unnoted}
        wanted = {key: each for key, each in said.items() if self._is_read(call, key, each)}
        judged = {key: await self._passed(call, each) for key, each in wanted.items()}
        if call.is_error and None not in judged.values():
            return []
        passed = ((key, each) for key, each in judged.items() if each is not None)
        notes = (self._agent.note(call, key, each, self._metadata) for key, each in passed)
        return [each for each in notes if each is not None]

    def _is_read(self, call: Call, key: str, text: str) -> bool:
        return self._agent.note(call, key, text, self._metadata) is not None

    async def _passed(self, call: Call, text: str) -> str | None:
        """Return an answer as the guardrails leave it, None where they refuse it."""
        called = ToolCall(call.id, call.name, call.arguments)
        said, verdict = await self._agent.hooks.after_tool(called, ToolResult(call.id, text))
        return None if verdict.denies else said.content
