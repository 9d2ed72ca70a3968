"""``agents:sequence``: what one step answers, the next one is asked."""

from __future__ import annotations

from xml_pipeline.agents.flow.building import built, chained, row
from xml_pipeline.agents.flow.shape import Flow
from xml_pipeline.builtin import Built, Plan


def configured(plan: Plan) -> Built:
    """Return what handles a sequence: it answers what its last step does."""
    steps = row(plan.listener)
    return built("sequence", Flow(steps, chained(steps)), plan)
