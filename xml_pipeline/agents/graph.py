"""``agents:graph``: steps after steps, side by side, under conditions, and back again."""

from __future__ import annotations

from xml_pipeline.agents.flow.building import built, graph
from xml_pipeline.builtin import Built, Plan


def configured(plan: Plan) -> Built:
    """Return what handles a graph: it answers what those steps did whose answers led nowhere."""
    return built("graph", graph(plan.listener, plan.functions), plan)
