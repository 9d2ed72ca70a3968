"""Who takes part in `organisms/review.yaml` and is no agent: an editor, a person, and the press."""

from __future__ import annotations

from xml_pipeline import HandlerMetadata, HandlerResponse
from xml_pipeline.agents.payloads import Answer, Task

PATIENCE = 24 * 3600.0
"""Seconds that a person has to decide."""


async def edit(payload: Task | Answer, metadata: HandlerMetadata) -> HandlerResponse:
    """Ask a person about a text; pass it on if the answer begins with ``yes``."""
    if isinstance(payload, Task):
        metadata.state["text"] = payload.text
        return HandlerResponse(Task(f"May this be published?\n\n{payload.text}"), to="person")
    text = metadata.state["text"]
    if payload.text.strip().lower().startswith("yes"):
        return HandlerResponse.respond(Answer(text))
    return HandlerResponse.respond(Answer(f"{text}\n\nREFUSED: {payload.text}"))


async def decide(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
    """Wait for a person: the thread stays open, costs nothing, and outlives the process."""
    return HandlerResponse.defer(within=PATIENCE)


async def publish(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
    """Publish a text."""
    return HandlerResponse.respond(Answer(f"Published:\n\n{task.text}"))
