"""``agents:loop``: the last step's answer goes to the first one again, until it is good."""

from __future__ import annotations

from xml_pipeline.agents.flow.building import built, chained, conditions, row
from xml_pipeline.agents.flow.shape import Flow, Way
from xml_pipeline.builtin import Built, Plan


def configured(plan: Plan) -> Built:
    """Return what handles a loop: it answers what its last step did in the last round."""
    it = plan.listener
    steps = row(it)
    ways = chained(steps)
    if it.max_iterations > 1:
        until = conditions(None, it.until, plan.functions)
        again = Way(steps[-1].name, steps[0].name, until, it.max_iterations - 1, steps[0].at)
        ways = (*ways, again)
    return built("loop", Flow(steps, ways), plan)
