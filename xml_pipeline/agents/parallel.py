"""``agents:parallel``: all steps are asked the same, side by side."""

from __future__ import annotations

from xml_pipeline.agents.flow.building import apart, built
from xml_pipeline.agents.flow.shape import Flow
from xml_pipeline.builtin import Built, Plan


def configured(plan: Plan) -> Built:
    """Return what handles a parallel: it answers in words, with a section for each step.

    As soon as one step fails, so does the whole, and the others are stopped.
    """
    return built("parallel", Flow(apart(plan.listener), sections=True), plan)
