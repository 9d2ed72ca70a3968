"""What servers ask of us in mid-call, as payloads, and what they are answered.

The rule this file guards: a server is told that it can ask only what somebody here is named for,
and whatever nobody answers is declined.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from mcp import types
from mcp.client.session import ClientRequestContext

from xml_pipeline.config import McpServerConfig
from xml_pipeline.mcp.payloads import Elicit, Elicited, Sample, Sampled
from xml_pipeline.payload.text import carried

Asked = Elicit | Sample
Answered = Elicited | Sampled | None
Ask = Callable[[Asked], Awaitable[Answered]]
"""Has a question put to somebody; None where nobody answers."""


class Answering:
    """Answers one server; ``ask`` is how, while a call is under way that may ask."""

    def __init__(self, config: McpServerConfig, folder: Path) -> None:
        self._config = config
        self._folder = folder
        self.ask: Ask | None = None

    def callbacks(self) -> dict[str, Any]:
        """Return what the SDK calls; what is not there is not offered to the server."""
        offered = {
            "sampling_callback": self._sample if self._config.sampling else None,
            "elicitation_callback": self._elicit if self._config.elicitation else None,
            "list_roots_callback": self._roots if self._config.roots else None,
        }
        return {key: each for key, each in offered.items() if each is not None}

    async def _sample(
        self, context: ClientRequestContext, params: types.CreateMessageRequestParams
    ) -> types.CreateMessageResult | types.ErrorData:
        said = await self._answer(sample_of(params))
        if not isinstance(said, Sampled) or not (said.text or said.model):
            return types.ErrorData(code=types.INVALID_REQUEST, message="No model answers.")
        text, model = types.TextContent(text=said.text), said.model or "unknown"
        return types.CreateMessageResult(
            role="assistant", content=text, model=model, stop_reason="endTurn"
        )

    async def _elicit(
        self, context: ClientRequestContext, params: types.ElicitRequestParams
    ) -> types.ElicitResult:
        said = await self._answer(elicit_of(params))
        if not isinstance(said, Elicited):
            return types.ElicitResult(action="cancel")
        filled: Any = said.content
        is_filled = said.action == "accept" and isinstance(filled, dict)
        return types.ElicitResult(action=said.action, content=filled if is_filled else None)

    async def _roots(self, context: ClientRequestContext) -> types.ListRootsResult:
        found = [(self._folder / each).resolve() for each in self._config.roots]
        return types.ListRootsResult(
            roots=[types.Root.model_validate({"uri": each.as_uri()}) for each in found]
        )

    async def _answer(self, question: Asked) -> Answered:
        return await self.ask(question) if self.ask is not None else None


def sample_of(params: types.CreateMessageRequestParams) -> Sample:
    """Return a question to a model as a payload."""
    messages: Any = [
        each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in params.messages
    ]
    system = carried(params.system_prompt) if params.system_prompt else None
    return Sample(messages, max(1, params.max_tokens), system)


def elicit_of(params: types.ElicitRequestParams) -> Elicit:
    """Return a question to a person as a payload."""
    if isinstance(params, types.ElicitRequestURLParams):
        empty: Any = {}
        return Elicit(carried(params.message), empty, url=carried(params.url))
    schema: Any = params.model_dump(mode="json", by_alias=True, exclude_none=True)
    return Elicit(carried(params.message), schema["requestedSchema"])
