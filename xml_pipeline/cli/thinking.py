"""Who thinks in a running organism, and what that has taken so far."""

from __future__ import annotations

from collections import Counter

from xml_pipeline.events import AgentEvent, ThreadEvent

_ENDED = ("completed", "error", "killed")


class Thinking:
    """Counts what agents spend, and keeps who waits for a model."""

    def __init__(self) -> None:
        self._asking: dict[str, str] = {}
        self._tokens: Counter[str] = Counter()
        self._usd: dict[str, float] = {}

    def note(self, event: AgentEvent) -> None:
        """Take in one step."""
        about = event.about
        match event.step:
            case "turn_started":
                self._asking[event.thread_id] = event.agent
            case "llm_response":
                self._tokens[event.agent] += about["input_tokens"] + about["output_tokens"]
                self._usd[event.agent] = self.usd(event.agent) + (about["usd"] or 0.0)
                if not about["beside"]:
                    self._asking.pop(event.thread_id, None)
            case "run_failed":
                self._asking.pop(event.thread_id, None)

    def note_thread(self, event: ThreadEvent) -> None:
        """Take in a thread: nobody thinks on one that has ended."""
        if event.status in _ENDED:
            self._asking.pop(event.thread_id, None)

    def now(self) -> Counter[str]:
        """Return how often each agent waits for a model at this moment."""
        return Counter(self._asking.values())

    def tokens(self, agent: str) -> int:
        """Return the tokens that an agent has spent."""
        return self._tokens[agent]

    def usd(self, agent: str) -> float:
        """Return the US dollars that it has spent, as far as they are known."""
        return self._usd.get(agent, 0.0)
