"""An orchestrator as an organism file describes it."""

from __future__ import annotations

import pytest

from tests.assembly.projects import Project
from tests.assembly.projects import project as project
from xml_pipeline.agents.payloads import Task
from xml_pipeline.organism import Organism

TEAMS = """
    from xml_pipeline.agents.routing import Decision


    def last(task, workers):
        return Decision(workers[-1].name, 0.5, "it is the last one")


    async def later(task, workers):
        return last(task, workers)


    def always(task):
        return None
    """

FILE = """
organism: {{name: team}}
listeners:
  - name: boss
    description: Leads.
    handler: agents:orchestrator
    model: scripted:boss
    peers: [{peers}]
    {more}
  - {{name: ann, description: Is ann., agent: true, model: "scripted:ann"}}
  - {{name: bob, description: Is bob., agent: true, model: "scripted:bob"}}
"""


@pytest.fixture
def team(project: Project) -> Project:
    project.write("handlers/teams.py", TEAMS)
    for name in ("boss", "ann", "bob"):
        project.write(f"{name}.yaml", f"- text: I am {name}.\n")
    return project


def write(team: Project, more: str = "", peers: str = "ann, bob") -> None:
    team.file.write_text(FILE.format(more=more, peers=peers))


async def test_it_opens_a_blackboard_and_reaches_what_it_needs_by_itself(team: Project) -> None:
    write(team)
    async with Organism.load(team.file) as organism:
        [boss] = [each for each in organism.listeners if each.name == "boss"]
    assert boss.opens_blackboard
    assert boss.peers == ("ann", "bob", "system.blackboard", "system.squad")
    assert boss.handler.added == {"system.blackboard", "system.squad"}  # type: ignore[attr-defined]


async def test_its_model_is_offered_the_blackboard_only_where_the_file_says_so(
    team: Project,
) -> None:
    write(team, peers="ann, bob, system.blackboard")
    async with Organism.load(team.file) as organism:
        [boss] = [each for each in organism.listeners if each.name == "boss"]
    assert boss.handler.added == {"system.squad"}  # type: ignore[attr-defined]


async def test_a_strategy_of_ones_own_decides_who_takes_a_task(team: Project) -> None:
    write(team, "orchestration: {strategy: handlers.teams.last}")
    async with Organism.load(team.file) as organism:
        answer = await organism.ask("boss", Task("What is it?"))
    assert answer.text == "I am bob."


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("orchestration: {strategy: handlers.teams.later}", "is no strategy: name a function"),
        ("orchestration: {strategy: handlers.teams.always}", "is no strategy: it takes (task, wor"),
        ("orchestration: {strategy: handlers.teams.nobody}", "nobody"),
        ("orchestration: {strategy: os.system}", "is not below handlers"),
        ("dialect: xml", "dialect: an orchestrator calls functions"),
    ],
)
async def test_what_cannot_lead_is_refused_with_its_place(
    team: Project, more: str, why: str
) -> None:
    write(team, more)
    [problem] = team.problems()
    assert why in problem
    assert problem.startswith("9:")


async def test_orchestration_of_an_agent_that_leads_nobody_is_refused(team: Project) -> None:
    write(team, "orchestration: {routing: single}")
    text = team.file.read_text().replace("    handler: agents:orchestrator\n", "    agent: true\n")
    team.file.write_text(text)
    [problem] = team.problems()
    assert "boss orchestrates nothing: its `handler` is not agents:orchestrator" in problem
