"""An MCP server to be tested against: over its standard streams, or over HTTP.

``python -m tests.mcp.toolbox`` speaks over its standard streams.
"""

from __future__ import annotations

import os
import sys
from base64 import b64encode
from typing import Any

import anyio
from mcp import types
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel

PICTURE = b"\x89PNG\r\n\x1a\n not quite a picture"


class Weather(BaseModel):
    """The weather."""

    degrees: float
    words: str


def add(a: int, b: int = 1) -> str:
    """Add two numbers."""
    return str(a + b)


def fail(why: str) -> str:
    """Fail."""
    raise ToolError(f"It cannot be done: {why}")


def weather(city: str) -> Weather:
    """Tell the weather of a city."""
    return Weather(degrees=21.5, words=f"Sunny in {city}")


def picture() -> list[types.ContentBlock]:
    """Show a picture, and where there is more."""
    return [
        types.TextContent(text="Here it is:"),
        types.ImageContent(data=b64encode(PICTURE).decode(), mime_type="image/png"),
        types.ResourceLink(uri="file:///more", name="more", description="Some more"),
        types.EmbeddedResource(
            resource=types.TextResourceContents(
                uri="file:///note", text="A note", mime_type="text/plain"
            )
        ),
    ]


def controls() -> str:
    """Say what XML cannot carry."""
    return "before\x00\x1bafter"


def large(size: int) -> list[types.ContentBlock]:
    """Show a large picture."""
    return [types.ImageContent(data=b64encode(bytes(size)).decode(), mime_type="image/png")]


def long(size: int) -> str:
    """Say much."""
    return "&" * size


async def steps(count: int, ctx: Context) -> str:
    """Take some steps, and tell of each."""
    for number in range(count):
        await ctx.report_progress(number + 1, count, f"step {number + 1}")
    return "done"


async def forever() -> str:
    """Never end."""
    sys.stderr.write("forever has begun\n")
    try:
        await anyio.sleep_forever()
    finally:
        sys.stderr.write("forever was cancelled\n")
    return "never"


def die() -> str:
    """End the whole server."""
    os._exit(3)


def secrets() -> str:
    """Tell the environment."""
    return ",".join(sorted(os.environ))


def process() -> str:
    """Tell which process this is."""
    return str(os.getpid())


async def hear(pipe: str) -> str:
    """Wait for words in a pipe."""
    return await anyio.Path(pipe).read_text()


CODE = ("def f(): pass", "del x")
DAYS = ("today", "tomorrow", "x" * 1_001)
TOOLS = (
    *(add, fail, weather, picture, controls, large, long, steps, forever, die, secrets),
    *(process, hear),
)


async def complete(
    ref: types.PromptReference | types.ResourceTemplateReference,
    argument: types.CompletionArgument,
    context: types.CompletionContext | None,
) -> types.Completion | None:
    """Tell how an argument may go on."""
    words = CODE if isinstance(ref, types.PromptReference) else DAYS
    values = [each for each in words if each.startswith(argument.value)]
    return types.Completion(values=values, total=len(values)) if values else None


def toolbox() -> MCPServer:
    """Return the server."""
    server = MCPServer("toolbox")
    for each in TOOLS:
        server.add_tool(each)

    @server.prompt()
    def review(code: str) -> str:
        """Ask for a review."""
        return f"Please review: {code}"

    @server.resource("memo://today", mime_type="text/plain")
    def today() -> str:
        """What is on today."""
        return "Nothing at all."

    @server.resource("memo://{day}", mime_type="text/plain")
    def other(day: str) -> str:
        """What is on another day."""
        return f"{day}: nothing either."

    untyped: Any = server
    untyped.completion()(complete)
    return server


if __name__ == "__main__":
    toolbox().run("stdio")
