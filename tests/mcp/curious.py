"""An MCP server whose tools ask in mid-call: a person, a model, for folders; on both wires."""

from __future__ import annotations

import sys
from typing import Annotated, Any

from mcp import types
from mcp.server.elicitation import ElicitationResult
from mcp.server.mcpserver import Context, Elicit, ListRoots, MCPServer, Resolve, Sample
from mcp.types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel

from xml_pipeline import HandlerMetadata, HandlerResponse
from xml_pipeline.mcp.payloads import Elicit as Form
from xml_pipeline.mcp.payloads import Elicited, Sampled
from xml_pipeline.mcp.payloads import Sample as Prompt


class Size(BaseModel):
    """What is to be filled in."""

    size: str


def ask_size(name: str) -> Elicit[Size]:
    return Elicit(f"Which size, {name}?", Size)


def ask_any() -> Elicit[Size]:
    return Elicit("Which size?", Size)


def ask_color() -> Elicit[Size]:
    return Elicit("Which color?", Size)


def ask_model(question: str) -> Sample:
    said = types.SamplingMessage(role="user", content=types.TextContent(text=question))
    return Sample([said], max_tokens=50, system_prompt="Be brief.")


def ask_roots() -> ListRoots:
    return ListRoots()


def order(name: str, size: Annotated[ElicitationResult[Size], Resolve(ask_size)]) -> str:
    """Order in a size."""
    filled = getattr(size, "data", None)
    return f"{name}: {size.action} {filled.size if filled else 'nothing'}"


def both(
    size: Annotated[ElicitationResult[Size], Resolve(ask_any)],
    color: Annotated[ElicitationResult[Size], Resolve(ask_color)],
) -> str:
    """Ask two things."""
    return f"{size.action} {color.action}"


def think(question: str, said: Annotated[types.CreateMessageResult, Resolve(ask_model)]) -> str:
    """Have the client's model think."""
    assert isinstance(said.content, types.TextContent)
    return f"{said.model}: {said.content.text}"


def folders(found: Annotated[types.ListRootsResult, Resolve(ask_roots)]) -> str:
    """Tell the client's folders."""
    return ",".join(str(each.uri) for each in found.roots)


async def forever(ctx: Context) -> str:
    """Ask, in the older way, and say when that has ended."""
    try:
        answer = await ctx.elicit("Shall I?", Size)
    finally:
        sys.stderr.write("asking has ended\n")
    return answer.action


async def asked(ctx: Context, question: str) -> str | types.InputRequiredResult:
    """Return the size that somebody fills in; where the client has to be sent away for it, that."""
    if ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        answer = await ctx.elicit(question, Size)
        return answer.data.size if answer.action == "accept" else answer.action
    said = (ctx.input_responses or {}).get("size")
    if isinstance(said, types.ElicitResult):
        return str((said.content or {}).get("size", said.action))
    form = types.ElicitRequestFormParams(
        message=question, requested_schema=Size.model_json_schema()
    )
    return types.InputRequiredResult(
        input_requests={"size": types.ElicitRequest(params=form)}, request_state="asked"
    )


def curious() -> MCPServer:
    """Return the server."""
    server = MCPServer("curious")
    for each in (order, both, think, folders, forever):
        server.add_tool(each)

    @server.prompt()
    async def fitting(ctx: Context) -> Any:
        """Ask for a review of a size."""
        return await asked(ctx, "Which size shall it be?")

    @server.resource("size://{name}")
    async def size(name: str, ctx: Context) -> Any:
        """Tell somebody's size, having asked."""
        return await asked(ctx, f"Which size has {name}?")

    return server


async def person(payload: Form, metadata: HandlerMetadata) -> HandlerResponse:
    """Answer like somebody who fills in their own question."""
    form: Any = {"size": payload.message}
    return HandlerResponse.respond(Elicited("accept", form))


async def model(payload: Prompt, metadata: HandlerMetadata) -> HandlerResponse:
    """Answer like a model."""
    said: Any = payload.messages
    text = f"{said[0]['content']['text']} {payload.max_tokens}"
    return HandlerResponse.respond(Sampled(text, "m"))


async def broken(payload: Form, metadata: HandlerMetadata) -> HandlerResponse:
    """Fail."""
    raise ValueError("out of order")


if __name__ == "__main__":
    curious().run("stdio")
