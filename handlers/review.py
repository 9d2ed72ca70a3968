"""Who takes part in `organisms/review.yaml` and is no agent: an editor, and the press."""

from __future__ import annotations

from xml_pipeline import HandlerMetadata, HandlerResponse
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.system import SystemError


async def submit(
    payload: Task | Answer | SystemError, metadata: HandlerMetadata
) -> HandlerResponse:
    """Give a text to the press; what the press may not have comes back, with the reason."""
    if isinstance(payload, Task):
        metadata.state["text"] = payload.text
        return HandlerResponse(payload, to="press")
    if isinstance(payload, Answer):
        return HandlerResponse.respond(payload)
    return HandlerResponse.respond(
        Answer(f"{metadata.state['text']}\n\nREFUSED: {payload.message}")
    )


async def publish(task: Task, metadata: HandlerMetadata) -> HandlerResponse:
    """Publish a text."""
    return HandlerResponse.respond(Answer(f"Published:\n\n{task.text}"))
