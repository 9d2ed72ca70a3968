"""The fixtures of the conformance suite whose clients come back for the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.mcp.conformance_rounds import CONFIRM, NAME, Rounds
from xml_pipeline import HandlerMetadata, HandlerResponse, Listener, xmlify
from xml_pipeline.listener import ComeBack, Handler
from xml_pipeline.mcp.payloads import Elicited, McpResult
from xml_pipeline.tool_error import ToolError


@xmlify
@dataclass(frozen=True, slots=True)
class Greet:
    """Somebody to greet."""

    name: str


@xmlify
@dataclass(frozen=True, slots=True)
class Compute:
    """How long to compute."""

    seconds: float
    label: str = ""


@xmlify
@dataclass(frozen=True, slots=True)
class Delete:
    """What to delete."""

    filename: str


@xmlify
@dataclass(frozen=True, slots=True)
class Work:
    """Nothing in particular."""


async def greet(payload: Greet, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(McpResult(f"Hello, {payload.name}!"))


async def compute(payload: Compute, metadata: HandlerMetadata) -> HandlerResponse:
    done = HandlerResponse.respond(McpResult(f"Computed {payload.label}."))
    return done.after(payload.seconds)


async def fail(payload: Work, metadata: HandlerMetadata) -> HandlerResponse:
    return HandlerResponse.respond(ToolError("This job always fails.")).after(1.0)


async def crash(payload: Work, metadata: HandlerMetadata) -> HandlerResponse:
    raise RuntimeError("a fault of its own")


async def ask_and_work(payload: Work | Elicited, metadata: HandlerMetadata) -> HandlerResponse:
    """Ask first, and work then for longer than a client waits."""
    if isinstance(payload, Work):
        return HandlerResponse(NAME, to="client")
    content: Any = payload.content
    return HandlerResponse.respond(McpResult(f"It is {content['name']}.")).after(3.0)


def worker(name: str, accepts: Any, handler: Handler, come_back: ComeBack = "at_once") -> Listener:
    return Listener(
        name,
        accepts,
        handler,
        description=f"{name} of the conformance suite.",
        output=(McpResult, ToolError),
        peers=("client",),
        expose=("mcp",),
        come_back=come_back,
    )


def working() -> list[Listener]:
    """Return all of these fixtures."""
    return [
        worker("greet", Greet, greet, "late"),
        worker("slow_compute", Compute, compute),
        worker("failing_job", Work, fail, "required"),
        worker("protocol_error_job", Work, crash),
        worker("confirm_delete", (Delete, Elicited), Rounds((CONFIRM,))),
        worker("multi_input", (Work, Elicited), Rounds((NAME, CONFIRM))),
        worker("test_tool_with_task", (Work, Elicited), ask_and_work, "late"),
    ]
