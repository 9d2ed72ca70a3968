"""Listeners that the flow tests share."""

from __future__ import annotations

from typing import Any

from tests.flows.payloads import Result, Task
from xml_pipeline.listener import HandlerMetadata, HandlerResponse
from xml_pipeline.testing import Probe, respond


def worker(name: str = "worker", **options: Any) -> Probe:
    """Return a listener that does its task and says so."""
    return Probe(name, Task, lambda task, _: respond(Result(f"{name} did {task.text}")), **options)


def boss(*peers: str, react: Any = None) -> Probe:
    """Return a listener that passes its task on and tells what it heard."""

    def pass_on(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        if isinstance(payload, Task):
            return HandlerResponse(payload, to=peers[0])
        return respond(Result(f"boss heard: {payload.text}"))

    return Probe("boss", (Task, Result), react or pass_on, peers=peers)
