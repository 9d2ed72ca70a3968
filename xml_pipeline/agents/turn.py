"""One question to a model: what it is shown, and what it says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from xml_pipeline.agents.context.compaction import compactable, compacted
from xml_pipeline.agents.context.strategies import shown, summarizer, to_be_summarized
from xml_pipeline.agents.definition import Definition
from xml_pipeline.agents.flushing import flushed
from xml_pipeline.agents.functions import RESPOND
from xml_pipeline.agents.hooks import refusal
from xml_pipeline.agents.instructions import system_prompt
from xml_pipeline.agents.results import without_old_media
from xml_pipeline.agents.run import Run, Transcript
from xml_pipeline.agents.selection import selected
from xml_pipeline.agents.telling import Teller
from xml_pipeline.errors import Timeout, XmlPipelineError
from xml_pipeline.events import AgentStep
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.llm import tokens
from xml_pipeline.llm.base import Choice, Completion, Function, Request, alternating
from xml_pipeline.llm.errors import ProviderError


class Turn:
    """The model's turn in a run; ``flushed`` is what a memory is told of what vanished in it."""

    def __init__(
        self,
        agent: Definition,
        metadata: HandlerMetadata,
        run: Run,
        transcript: Transcript,
        teller: Teller,
    ) -> None:
        self._agent = agent
        self._metadata = metadata
        self._run = run
        self._transcript = transcript
        self._teller = teller
        self.flushed: list[HandlerResponse] = []

    async def think(self) -> Completion:
        """Ask the model, and count what that takes.

        A conversation that is too long for it is compacted, once, and the model asked again.
        Raises ProviderError, BudgetExhausted, and Timeout where the run's time is up.
        """
        try:
            async with asyncio.timeout(self._seconds_left()):
                await self._summarize_in_time()
                return await self._ask()
        except TimeoutError:
            words = f"it took longer than {self._agent.keys.run_timeout} s"
            raise Timeout(words, code="timeout") from None

    async def _ask(self) -> Completion:
        try:
            return await self._complete()
        except ProviderError as error:
            if error.reason != "overflow" or not await self._compact(overflowed=True):
                raise
            self._run.spend(error.usage, error.usd)
        self._run.compacted = True
        self._run.turn += 1
        return await self._complete()

    async def _complete(self) -> Completion:
        request, verdict = await self._agent.hooks.before_model(self._request())
        self._teller.judged(verdict, "request")
        if verdict.denies:
            raise XmlPipelineError(refusal(verdict))
        completion = await self._agent.provider.complete(request, self._teller.hearing())
        self._run.compacted = False
        self._run.spend(completion.usage, completion.usd)
        self._teller.answered(completion, self._agent.address)
        return completion

    # ── what it is shown ────────────────────────────────────────────────────────────────────

    def _request(self) -> Request:
        agent, keys, metadata = self._agent, self._agent.keys, self._metadata
        view = shown(self._transcript.messages, keys.context, self._besides())
        if view.results:
            self._teller.tell("session_pruned", results=view.results, bytes=view.saved)
        messages = without_old_media(alternating(view.messages))
        respond = None if agent.writes_xml else agent.respond
        offered = selected(self._offered, messages, keys.max_tools_per_turn)
        return Request(
            model=agent.model,
            messages=messages,
            system=self._system(),
            functions=(*offered, respond) if respond is not None else offered,
            choice=_choice(respond, offered),
            max_tokens=keys.max_tokens,
            temperature=keys.temperature,
            effort=keys.effort,
            cached=keys.prompt_caching,
            spending=metadata.budget,
        )

    def _system(self) -> str:
        agent, metadata = self._agent, self._metadata
        advice = agent.advice(metadata)
        return system_prompt(metadata.prompt, instructions=agent.instructions, peers=advice)

    @property
    def _offered(self) -> tuple[Function, ...]:
        if self._agent.writes_xml:
            return ()
        return self._agent.functions(self._metadata).offered

    def _besides(self) -> int:
        """Return the tokens of a request that are no messages, where somebody wants to know."""
        if self._agent.keys.context.strategy == "all":
            return 0
        return tokens.of_text(self._system()) + sum(map(tokens.of_function, self._offered))

    # ── when there is too much of it ────────────────────────────────────────────────────────

    async def _summarize_in_time(self) -> None:
        config, messages = self._agent.keys.context, self._transcript.messages
        # What can be remembered is the model's limit too, whatever the strategy.
        full = self._transcript.size > self._agent.state_bytes // 2 and compactable(messages, False)
        if full or to_be_summarized(messages, config, self._besides()):
            await self._compact(overflowed=False)

    async def _compact(self, *, overflowed: bool) -> bool:
        """Put a summary in the place of what is older; tell whether that could be done."""
        run, before = self._run, self._transcript.messages
        if overflowed and not compactable(before, run.compacted):
            return False
        aside, began = self._agent.aside(self._metadata), time.perf_counter()
        who = summarizer(self._agent.keys.context, aside)
        compaction = await compacted(before, who, overflowed=overflowed)
        seconds = time.perf_counter() - began
        self._teller.asked_beside(self._agent.summarizes, compaction.cost, seconds)
        run.spend(compaction.cost.usage, compaction.cost.usd)
        if not compaction.gone:
            return False
        self._transcript.replace(compaction.messages)
        if memory := self._agent.keys.context.flush_to:
            self.flushed += flushed(compaction.gone, memory)
        run.compactions += 1
        step: AgentStep = "auto_compaction_triggered" if overflowed else "context_summarized"
        self._teller.tell(step, messages=len(compaction.gone), left=len(compaction.messages))
        return True

    def _seconds_left(self) -> float | None:
        seconds = self._agent.keys.run_timeout
        if seconds is None:
            return None
        return max(0.0, self._run.started + seconds - time.time())


def _choice(respond: Function | None, offered: Sequence[Function]) -> Choice:
    """Force an answer with fields to be one."""
    if respond is None:
        return Choice()
    return Choice("any") if offered else Choice("function", RESPOND)
