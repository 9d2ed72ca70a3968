"""Figures of what agents do, counted from their events.

The rule this file guards: labels have few values. Listeners and models are named by files, but
models ask for functions by names of their own invention: only those that exist are counted by
name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from xml_pipeline.events import AgentEvent, AgentStep, ThreadEvent
from xml_pipeline.server.figures import OTHER, Family, Names, Timings

BOUNDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Upper bounds in seconds, as OpenTelemetry's conventions have them for calls of models."""

MOST_AGENTS = 500
MOST_MODELS = 50
MOST_TOOLS = 500
MOST_RUNNING = 100_000

_ENDED = ("completed", "error", "killed")


class AgentMetrics:
    """Counts what it hears."""

    def __init__(self) -> None:
        self._agents = Names(MOST_AGENTS)
        self._models = Names(MOST_MODELS)
        self._tools = Names(MOST_TOOLS)
        self._running: dict[str, str] = {}
        self._runs = Family("agent_runs", "Runs of agents, by how they ended.", "agent", "outcome")
        self._tokens = Family(
            "agent_tokens", "Tokens that models read and wrote.", "agent", "model", "kind"
        )
        self._cost = Family("agent_cost_usd", "US dollars, as far as known.", "agent", "model")
        self._calls = Family("agent_model_calls", "Answers of models.", "agent", "model")
        self._failures = Family(
            "agent_model_failures", "Calls of models that failed, by why.", "agent", "reason"
        )
        self._retries = Family("agent_retries", "Further attempts at a model.", "agent")
        self._tool_calls = Family(
            "agent_tool_calls", "Calls that models asked for.", "agent", "tool", "outcome"
        )
        about = "Time that models took to answer, retries included."
        self._seconds = Timings("agent_model_seconds", about, "model", BOUNDS)
        about = "Time until the first words of an answer came."
        self._first = Timings("agent_first_token_seconds", about, "model", BOUNDS)
        self._counts: dict[AgentStep, Callable[[str, AgentEvent], None]] = {
            "run_started": self._begun,
            "run_completed": self._completed,
            "run_failed": self._failed,
            "llm_response": self._answered,
            "auto_compaction_triggered": self._overflowed,
            "retry_attempt": self._retried,
            "tool_call_started": self._set_out,
            "tool_call_completed": self._called,
        }

    def hear(self, event: AgentEvent) -> None:
        """Take in one step of an agent."""
        count = self._counts.get(event.step)
        if count is not None:
            count(self._agents.of(event.agent), event)

    def hear_thread(self, event: ThreadEvent) -> None:
        """Take in the end of a thread: a run on it that did not end by itself ended with it."""
        if event.status in _ENDED and (agent := self._running.pop(event.thread_id, None)):
            self._runs.add(1, agent, event.status)

    def _begun(self, agent: str, event: AgentEvent) -> None:
        if len(self._running) < MOST_RUNNING:
            self._running[event.thread_id] = agent

    def _completed(self, agent: str, event: AgentEvent) -> None:
        self._running.pop(event.thread_id, None)
        self._runs.add(1, agent, "completed")

    def _failed(self, agent: str, event: AgentEvent) -> None:
        self._running.pop(event.thread_id, None)
        self._runs.add(1, agent, event.about.get("code", "handler"))
        if reason := event.about.get("reason"):
            self._failures.add(1, agent, reason)

    def _overflowed(self, agent: str, event: AgentEvent) -> None:
        self._failures.add(1, agent, "overflow")

    def _retried(self, agent: str, event: AgentEvent) -> None:
        self._retries.add(1, agent)

    def _set_out(self, agent: str, event: AgentEvent) -> None:
        self._tools.of(event.about["name"])

    def _answered(self, agent: str, event: AgentEvent) -> None:
        about = event.about
        model = self._models.of(about["model"] or about["asked"].partition(":")[2])
        self._calls.add(1, agent, model)
        self._tokens.add(about["input_tokens"], agent, model, "input")
        self._tokens.add(about["output_tokens"], agent, model, "output")
        if about["usd"] is not None:
            self._cost.add(about["usd"], agent, model)
        self._seconds.observe(about["seconds"], model)
        if first := about.get("first_token_seconds"):
            self._first.observe(first, model)

    def _called(self, agent: str, event: AgentEvent) -> None:
        """Count a call. What succeeded exists; what failed may be the model's invention."""
        name, is_error = event.about["name"], event.about["is_error"]
        if not event.about["call"]:
            return  # No model asked for it: a task was given on whole.
        tool = name if name in self._tools else OTHER if is_error else self._tools.of(name)
        self._tool_calls.add(1, agent, tool, "error" if is_error else "success")

    def lines(self) -> Iterator[str]:
        """Yield all figures as text."""
        yield from self._runs.lines()
        yield from self._tokens.lines()
        yield from self._cost.lines()
        yield from self._calls.lines()
        yield from self._failures.lines()
        yield from self._retries.lines()
        yield from self._tool_calls.lines()
        yield from self._seconds.lines()
        yield from self._first.lines()
