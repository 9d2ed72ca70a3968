"""What an agent is: a model, what it answers with, and the keys of its listener."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from xml_pipeline.agents.aside import Aside
from xml_pipeline.agents.dialect import ADVICE
from xml_pipeline.agents.functions import Functions, functions_of, hand_offs, respond_with
from xml_pipeline.agents.gather import Call
from xml_pipeline.agents.hooks import Hooks
from xml_pipeline.agents.payloads import Answer, Spent
from xml_pipeline.agents.reading import Heard, heard
from xml_pipeline.config import AgentKeys
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Peer
from xml_pipeline.llm.base import Function, Provider
from xml_pipeline.mcp.payloads import Sampled
from xml_pipeline.payload import codec_of

_SEES: Mapping[str, tuple[str, ...]] = MappingProxyType({"anthropic": ("image",)})
"""What all models of a provider can take; of the others, some see and hear, and some do not."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who takes a task whole, and why."""

    agent: str
    score: float
    why: str


@dataclass(frozen=True, slots=True)
class Definition:
    """An agent, as its organism file has it.

    ``address`` is its model as ``provider:model``, ``summarizer`` and ``summary_model`` are who
    summarizes for it, ``keys`` are those of its listener, ``output`` is the payload class it
    answers with, ``instructions`` are the project's, ``hooks`` look at what goes in and out,
    ``state_bytes`` is how much it can remember of a conversation.
    """

    provider: Provider
    address: str
    keys: AgentKeys = field(default_factory=AgentKeys)
    output: type = Answer
    instructions: str = ""
    hooks: Hooks = field(default_factory=Hooks)
    summarizer: Provider | None = None
    summary_model: str = ""
    state_bytes: int = 1 << 20
    _known: list[tuple[tuple[Peer, ...], Functions]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    @property
    def model(self) -> str:
        """Return the model's name, without its provider's."""
        return self.address.partition(":")[2]

    @property
    def summarizes(self) -> str:
        """Return the address of the model that is asked beside the turns."""
        return self.keys.context.summary_model or self.address

    def aside(self, metadata: HandlerMetadata) -> Aside:
        """Return who is asked beside the turns: to shorten, to summarize."""
        provider, model = self.summarizer or self.provider, self.summary_model or self.model
        return Aside(provider, model, metadata.budget)

    @property
    def respond(self) -> Function | None:
        """Return the function that gives the answer, None for an agent that answers in words."""
        return None if self.in_words else respond_with(self.output)

    @property
    def writes_xml(self) -> bool:
        """Tell whether its model writes XML by hand."""
        return self.keys.dialect == "xml"

    @property
    def answer_tag(self) -> str | None:
        """Return the tag of its answer, None for an agent that answers in words."""
        return None if self.in_words else codec_of(self.output).tag

    @property
    def in_words(self) -> bool:
        """Tell whether it answers in words, whatever else there is to an answer."""
        return self.output in (Answer, Sampled)

    def answer(self, text: str, spent: Spent) -> Answer | Sampled:
        """Return its answer in words."""
        return Sampled(text, self.model) if self.output is Sampled else Answer(text, spent)

    @property
    def media(self) -> tuple[str, ...]:
        """Return what its model is shown of results besides words."""
        if self.keys.media is not None:
            return self.keys.media
        return _SEES.get(self.address.partition(":")[0], ())

    def result_bytes(self, answers: int) -> int:
        """Return how long an answer may be that is one of so many in a turn.

        Together they take a quarter of what can be remembered, at most.
        """
        share = self.media_bytes(answers)
        most = self.keys.max_tool_output_bytes
        return share if most is None else min(most, share)

    def media_bytes(self, answers: int) -> int:
        """Return how many bytes of pictures and sounds are shown beside such an answer."""
        return self.state_bytes // 4 // max(1, answers)

    def functions(self, metadata: HandlerMetadata) -> Functions:
        """Return what the model may call; worked out again when the peers have changed."""
        peers = tuple(each for each in metadata.peers if each.listener.name != metadata.own_name)
        if not self._known or self._known[0][0] != peers:
            self._known[:] = [(peers, functions_of(peers, hand_offs(peers, self.keys.handoff)))]
        return self._known[0][1]

    def heard(self, payload: Any, call: Call, key: str, metadata: HandlerMetadata) -> Heard:
        """Return what an answer to a call says; ``key`` is that of its message."""
        return heard(payload)

    def note(
        self, call: Call, key: str, text: str, metadata: HandlerMetadata
    ) -> HandlerResponse | None:
        """Return what is noted of an answer for others to read, None where nothing is."""
        return None

    def advice(self, metadata: HandlerMetadata) -> str:
        """Return what its model is told beside its prompt."""
        return f"{metadata.usage_instructions}\n\n{ADVICE}" if self.writes_xml else ""

    def assign(self, task: str, plain: bool, metadata: HandlerMetadata) -> Assignment | None:
        """Return who takes a task in its place, None where it does so itself.

        A task is ``plain`` if it is words only.
        """
        return None
