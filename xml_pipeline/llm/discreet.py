"""A provider that is told no secrets: what it is asked is redacted just before it travels.

The headers, and the key in them, are the wire's own and stay as they are. What a model has
thought goes back to it exactly as it came.
"""

from __future__ import annotations

from dataclasses import replace

from xml_pipeline.llm.base import (
    Block,
    Completion,
    Hear,
    Message,
    Provider,
    Request,
    Text,
    ToolCall,
    ToolResult,
    unheard,
)
from xml_pipeline.redaction import Redact, within


class Discreet:
    """Asks a provider without the secrets that are in the texts of a request."""

    def __init__(self, provider: Provider, redact: Redact) -> None:
        self._provider = provider
        self._redact = redact

    async def complete(self, request: Request, hear: Hear = unheard) -> Completion:
        """Ask it."""
        redact = self._redact
        told = replace(
            request,
            system=redact(request.system),
            messages=tuple(self._message(each) for each in request.messages),
            functions=tuple(
                replace(each, description=redact(each.description)) for each in request.functions
            ),
        )
        return await self._provider.complete(told, hear)

    async def aclose(self) -> None:
        """Close the provider."""
        await self._provider.aclose()

    def _message(self, message: Message) -> Message:
        return Message(message.role, tuple(self._block(each) for each in message.blocks))

    def _block(self, block: Block) -> Block:
        redact = self._redact
        match block:
            case Text():
                return Text(redact(block.text))
            case ToolResult():
                return replace(block, content=redact(block.content))
            case ToolCall():
                arguments = within(block.arguments, redact)
                return replace(block, arguments=arguments, malformed=redact(block.malformed))
            case _:
                return block
