"""The work of an agent on one message: whom it answers, what it asks, and when it is its turn.

The rule this file guards: each call of a turn is answered to the model exactly once, in the order
in which it asked; late and double answers are dropped, and no answer is waited for that cannot
come.
"""

from __future__ import annotations

import time
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from xml_pipeline.agents.calls import identified, prepare
from xml_pipeline.agents.definition import Definition
from xml_pipeline.agents.dialect import in_words, written
from xml_pipeline.agents.errors import RunFailed
from xml_pipeline.agents.functions import Part
from xml_pipeline.agents.gather import Call, Gather
from xml_pipeline.agents.hooks import objection
from xml_pipeline.agents.payloads import Answer, Task, Think, TimeUp
from xml_pipeline.agents.reading import Heard, heard, request_message
from xml_pipeline.agents.results import seen, shown, truncated
from xml_pipeline.agents.run import Known, Run
from xml_pipeline.agents.settling import Settling
from xml_pipeline.agents.telling import Teller
from xml_pipeline.agents.turn import Turn
from xml_pipeline.errors import InvalidPayload, Retryable, XmlPipelineError
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.llm.base import Completion, Message, Text, ToolCall, said
from xml_pipeline.llm.errors import ProviderError
from xml_pipeline.payload import Codec, RawPayload, codec_of
from xml_pipeline.payload.text import carried
from xml_pipeline.spent import told

Responses = list[HandlerResponse]

_THINK: Codec[Think] = codec_of(Think)
_TIME_UP: Codec[TimeUp] = codec_of(TimeUp)
_REFLECT = (
    "Before you go on: do these results answer what you asked? Do they change your plan? "
    "What is still missing for the task?"
)
_IN_WORDS = "Give your answer by calling the function `__respond__`, not in words."


class Work:
    """One message of an agent's thread, and what is known of the run that it belongs to."""

    def __init__(self, agent: Definition, metadata: HandlerMetadata) -> None:
        self.agent = agent
        self.metadata = metadata
        self.known = Known(metadata.state)
        self.teller = Teller(metadata)
        self.settling = Settling(agent, metadata, self.known, self.teller)

    @property
    def run(self) -> Run:
        """Return the run that the message belongs to."""
        return self.known.run

    async def take(self, payload: Any) -> Responses:
        """Take the message in, and return what follows; RunFailed where nothing can."""
        with self:
            responses = await self._take(payload)
            self._keep()
            return responses

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Keep what was spent, however it ends, for whoever waits; tell of a run that failed."""
        if error is None:
            return
        self.known.keep_run()
        if isinstance(error, RunFailed):
            self.teller.tell("run_failed", **error.about())
        elif isinstance(error, Exception) and not isinstance(error, Retryable):
            failed = self.failure("something broke; the log says what")
            self.teller.tell("run_failed", **failed.about())

    def _keep(self) -> None:
        """Put into the state what must be known at the next message."""
        state, most = self.metadata.state, self.agent.state_bytes
        self.known.keep()
        size = sum(map(len, state.values()))  # All of it is ASCII.
        if size > most:
            words = f"it remembers {size} bytes, more than the {most} of `limits.state_bytes`"
            self.run.active = True  # Whatever it was about to say is not said.
            raise self.failure(f"{words}: raise that, or have it told less at once")

    async def _take(self, payload: Any) -> Responses:
        if self.metadata.is_self_call:
            return await self._remember(payload)
        if self.metadata.in_reply_to is not None:
            return await self._hear(self.metadata.in_reply_to, payload)
        return await self._begin(payload)

    # ── what comes in ───────────────────────────────────────────────────────────────────────

    async def _begin(self, payload: Any) -> Responses:
        """Begin with a request, or note what the caller adds to the present one."""
        if isinstance(payload, RawPayload):
            raise InvalidPayload(f"<{payload.tag}> is nothing that this agent can be asked")
        message = request_message(payload)
        if self.run.active:
            self.run.steer(message)
            return []
        now = time.time() if self.agent.keys.run_timeout is not None else 0.0
        self.run.begin(now, session=isinstance(payload, Task) and payload.session)
        self.known.calls = Gather()
        self.known.transcript.add(message)
        self.teller.tell("run_started", run=self.run.number, model=self.agent.address)
        timer = self._timer("run", self.agent.keys.run_timeout)
        return timer + (self._assign(payload, message) or await self._turn())

    def _assign(self, payload: Any, message: Message) -> Responses:
        """Give the whole task to somebody else, where that is enough."""
        plain = all(isinstance(each, Text) for each in message.blocks)
        assigned = self.agent.assign(message.text, plain, self.metadata)
        if assigned is None:
            return []
        task = payload if isinstance(payload, Task) else Task(message.text)
        about = {"agent": assigned.agent, "score": assigned.score, "why": assigned.why}
        self.teller.tell("task_routed", **about)
        key = f"{self.run.number}.0"
        whole = Call("", assigned.agent, hands_off=True)
        given = HandlerResponse(replace(task, session=False), to=assigned.agent, key=key)
        whole.expect(key, Part(given, agents=(assigned.agent,)))
        self.known.calls = Gather((whole,))
        self.teller.dispatched(self.known.calls)
        return [given]

    async def _remember(self, payload: Any) -> Responses:
        """Take in a message to itself: it is its turn, or time is up."""
        own: Think | TimeUp = (
            _THINK.from_xml(payload.xml)
            if payload.tag == _THINK.tag
            else (_TIME_UP.from_xml(payload.xml))
        )
        if own.run != self.run.number:
            return []
        if isinstance(own, TimeUp):
            return await self._time_up(own)
        if self.run.active and not self.known.calls and own.turn == self.run.turn:
            return await self._turn()
        return []

    async def _time_up(self, what: TimeUp) -> Responses:
        if what.of == "run" and self.run.active:
            seconds = self.agent.keys.run_timeout
            raise self.failure(f"it took longer than {seconds} s", "timeout")
        if what.of == "calls" and self.known.calls.waits and what.turn == self.run.turn:
            late = [each for each in self.known.calls if each.content is None]
            for call in late:
                await self.settling.give_up(call)
            responses = await self._next()
            notes = [each for call in late for each in await self.settling.notes(call)]
            return [*notes, *responses]
        return []

    async def _hear(self, key: str, payload: Any) -> Responses:
        """Take in the answer to a call; with the last one it is the model's turn again."""
        call = self.known.calls.of(key)
        if call is None:  # It comes too late, and was paid for all the same.
            self._add_late(key, payload)
            return []
        answer = self.agent.heard(payload, call, key, self.metadata)
        if spent := self.metadata.spent or answer.spent:
            self.run.add(spent)
        text = answer.text if call.hands_off else truncated(answer.text, self._most)
        call.take(key, text, answer.is_error)
        if answer.media and not call.hands_off:
            most = self.agent.media_bytes(len(self.known.calls))
            seen(call, answer.media, self.agent.media, most)
        self.teller.agents_completed(call, key, answer)
        if call.hands_off:
            responses = await self._settle_in_my_place(call, answer, payload)
        else:
            if call.content is not None:
                await self.settling.settle(call)
            responses = [] if self.known.calls.waits else await self._next()
        return [*await self.settling.notes(call, key, answer.text), *responses]

    def _add_late(self, key: str, payload: Any) -> None:
        """Count what an answer took that is not waited for any more, in the run that asked."""
        if self.run.active and key.startswith(f"{self.run.number}."):
            self.run.add(self.metadata.spent or heard(payload).spent)

    async def _settle_in_my_place(self, call: Call, answer: Heard, payload: Any) -> Responses:
        """Go on after an answer that was to be given in the agent's place.

        What the guardrails made of it counts: what they refuse is no answer.
        """
        await self.settling.judge(call)
        output = self._taken_over(call, answer.text, payload)
        if output is None:
            call.content = truncated(call.result.content, self._most)
            await self.settling.shorten(call)
        self.teller.call_completed(call)
        if output is not None:
            self._end_turn()
            return self._finish(output)
        if not call.id:
            return await self._escalate(call)
        return [] if self.known.calls.waits else await self._next()

    def _taken_over(self, call: Call, text: str, payload: Any) -> Any:
        """Return somebody else's answer as one's own, None where it is no such one."""
        content = call.result.content
        if call.is_error:
            return None
        if self.agent.answer_tag is None:
            return self.agent.answer(content, self.run.spent)
        if payload.__class__ is not RawPayload or content != text:  # Changed words have no fields.
            return None
        try:
            return codec_of(self.agent.output).from_xml(payload.xml)
        except InvalidPayload:  # It is something else.
            return None

    def _end_turn(self) -> None:
        """Answer all calls of the turn: no other answer is waited for."""
        for each in self.known.calls:
            if each.content is None:
                each.content = "Not waited for: the answer was given."
        if any(each.id for each in self.known.calls):
            self._take_results()
        else:  # Somebody else has answered, and no model was asked.
            [whole] = self.known.calls
            self.known.transcript.add(said("assistant", whole.result.content))

    async def _escalate(self, call: Call) -> Responses:
        """Think about a task oneself that somebody else has failed at."""
        if not self.agent.keys.orchestration.escalation:
            raise self.failure(f"{call.name} has failed at it")
        self.teller.tell("task_routed", agent=None, score=1.0, why=f"{call.name} has failed at it")
        self.known.calls = Gather()
        return await self._turn()

    # ── turns ───────────────────────────────────────────────────────────────────────────────

    async def _next(self) -> Responses:
        """Give the model the results of its calls, and have it think on."""
        self._take_results()
        return await self._turn()

    def _take_results(self) -> None:
        calls = self.known.calls
        results = tuple(each.result for each in calls)
        message = Message("user", results)
        if self.agent.writes_xml:
            message = in_words(results, [each.name for each in calls])
        also = [*shown(calls), *((Text(_REFLECT),) if self.agent.keys.reflect else ())]
        if also:
            message = Message("user", (*message.blocks, *also))
        self.known.transcript.add(message)
        self.known.calls = Gather()

    def _take_steering(self) -> None:
        """Tell the model what the caller has added since its last turn."""
        for message in self.run.take_steering():
            self.known.transcript.add(message)

    async def _turn(self) -> Responses:
        """Ask the model, and do what it says."""
        run, keys = self.run, self.agent.keys
        if run.turn >= keys.max_turns:
            raise self.failure(f"no answer within {keys.max_turns} turns")
        run.turn += 1
        self._take_steering()
        self.teller.tell("turn_started", turn=run.turn)
        turn = Turn(self.agent, self.metadata, run, self.known.transcript, self.teller)
        try:
            completion = await turn.think()
        except ProviderError as error:
            run.spend(error.usage, error.usd)
            words = f"the model gave no answer ({error.reason}): {error}"
            raise self.failure(words, reason=error.reason) from error
        except XmlPipelineError as error:
            raise self.failure(str(error), error.code) from error
        self._check_tokens()
        run.flushed = run.flushed or bool(turn.flushed)
        return [*turn.flushed, *await self._take_up(completion)]

    async def _take_up(self, completion: Completion) -> Responses:
        """Do what the model says, unless the guardrails refuse it."""
        verdict = await self.agent.hooks.after_model(completion)
        self.teller.judged(verdict, "answer")
        if verdict.denies:
            for message in objection(verdict):
                self.known.transcript.add(message)
            return [self._think()]
        message = identified(completion.message)
        self.known.transcript.add(message)
        wanted = self._wanted(message)
        return await self._call(wanted) if wanted else self._answer_in_words(completion)

    def _wanted(self, message: Message) -> tuple[ToolCall, ...]:
        if not self.agent.writes_xml:
            return message.calls
        functions = self.agent.functions(self.metadata)
        return written(message.text, functions, self.agent.answer_tag)

    async def _call(self, wanted: tuple[ToolCall, ...]) -> Responses:
        run = self.run
        prepared = await prepare(self.agent, self.metadata, run, wanted, self.teller)
        self.known.calls = Gather(prepared.calls)
        if prepared.output is not None:
            self._end_turn()
            return self._finish(prepared.output)
        if self.known.calls.waits:
            self.teller.dispatched(self.known.calls)
            return prepared.messages + self._timer("calls", self.agent.keys.tool_timeout)
        self._take_results()
        return [self._think()]

    def _answer_in_words(self, completion: Completion) -> Responses:
        if completion.stop == "max_tokens":
            raise self.failure("the answer was cut off at `max_tokens`")
        if self.agent.respond is not None:
            self.known.transcript.add(said("user", _IN_WORDS))
            return [self._think()]
        return self._finish(self.agent.answer(carried(completion.message.text), self.run.spent))

    def _finish(self, output: Any) -> Responses:
        """Answer the caller, who may have more to say."""
        run, spent = self.run, self.run.spent
        self._take_steering()  # It came too late for this answer, not for the next one.
        run.active, self.known.calls = False, Gather()
        self.teller.tell("run_completed", **told(spent))
        took = None if isinstance(output, Answer) else spent
        if not run.session and not run.flushed:
            return [HandlerResponse.respond(output, took)]
        if not run.session:  # What a memory was told of outlives this answer.
            return [HandlerResponse.acknowledge(output, took)]
        waits = self._timer("session", self.agent.keys.session_seconds)
        return [*waits, HandlerResponse.acknowledge(output, took)]

    # ── small things ────────────────────────────────────────────────────────────────────────

    def failure(self, why: str, code: Any = None, reason: str = "") -> RunFailed:
        """Return how the run ends without an answer."""
        return RunFailed(why, self.run.spent, code, reason)

    @property
    def _most(self) -> int:
        """Return how many bytes each answer of this turn may have."""
        return self.agent.result_bytes(self.known.calls.parts)

    def _check_tokens(self) -> None:
        most, used = self.agent.keys.max_total_tokens, self.run.usage.total
        if most is not None and used > most:
            self.teller.tell("budget_exceeded", used=used, limit=most)
            raise self.failure(f"{used} tokens, more than `max_total_tokens`: {most}", "budget")

    def _think(self) -> HandlerResponse:
        return HandlerResponse(Think(self.run.number, self.run.turn), to=self.metadata.own_name)

    def _timer(self, of: Any, seconds: float | None) -> Responses:
        if seconds is None:
            return []
        up = TimeUp(of, self.run.number, self.run.turn)
        return [HandlerResponse(up, to=self.metadata.own_name).after(seconds)]
