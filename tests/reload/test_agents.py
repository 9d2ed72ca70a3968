"""Agents of a file that is read again: who stays, who is another, and what is closed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.assembly.projects import Project
from tests.services.fake_llm import Asked, FakeLLM, lines
from xml_pipeline import Organism
from xml_pipeline.agents.payloads import Task
from xml_pipeline.events import ReloadEvent
from xml_pipeline.llm.base import Completion, said

AGENT = """
organism: {{name: desk}}
llm: {{backends: [{{provider: openai, base_url: "{url}/v1"{more}}}]}}
listeners:
  - name: ada
    description: Is Ada.
    agent: true
    model: openai:m
    guardrails: [{{injection: {{threshold: {threshold}}}}}, data_marking]
"""


def line(text: str) -> Completion:
    return Completion(said("assistant", text), model="m")


def write(project: Project, url: str, threshold: float = 0.5, more: str = ", api_key: k") -> None:
    project.file.write_text(AGENT.format(url=url, threshold=threshold, more=more))


async def answer(running: Organism) -> str:
    reply: Any = await running.ask("ada", Task("Hello."))
    return str(reply.text)


async def test_a_file_that_says_the_same_changes_no_agent_with_guardrails(project: Project) -> None:
    write(project, "http://127.0.0.1:1")
    async with Organism.load(project.file) as running:
        before = running.listeners
        project.file.write_text("# a comment\n" + project.file.read_text())
        assert await running.reload() == ReloadEvent(applied=True)
        assert running.listeners == before
        write(project, "http://127.0.0.1:1", threshold=0.6)
        assert await running.reload() == ReloadEvent(applied=True, changed=("ada",))


async def test_what_a_model_is_asked_when_its_backend_is_replaced_it_still_answers(
    project: Project,
) -> None:
    came = asyncio.Event()

    def slowly(asked: Asked) -> Completion:
        came.set()
        return line("Old.")

    async with FakeLLM(slowly, latency=0.05) as old, FakeLLM(lines(line("New."))) as new:
        write(project, old.url)
        async with Organism.load(project.file) as running:
            asking = asyncio.create_task(answer(running))
            await came.wait()
            write(project, new.url)
            assert (await running.reload()).changed == ("ada",)
            assert await asking == "Old."
            await old.left.wait()
            assert await answer(running) == "New."
            assert not new.left.is_set()


async def test_connections_that_nobody_needs_any_more_are_closed_at_once(project: Project) -> None:
    async with FakeLLM(lines(line("Old."))) as old, FakeLLM(lines()) as new:
        write(project, old.url)
        async with Organism.load(project.file) as running:
            assert await answer(running) == "Old."
            write(project, new.url)
            await running.reload()
            await old.left.wait()


async def test_a_file_that_is_refused_closes_nothing(project: Project) -> None:
    async with FakeLLM(lines(line("One."), line("Two."))) as server:
        write(project, server.url)
        async with Organism.load(project.file) as running:
            assert await answer(running) == "One."
            write(project, "http://127.0.0.1:1", threshold=7)
            assert not (await running.reload()).applied
            assert await answer(running) == "Two."
        assert server.connections == 1


async def test_a_key_that_is_another_in_the_environment_file_is_taken_over(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OUR_KEY", raising=False)
    async with FakeLLM(lines(line("One."), line("Two."))) as server:
        write(project, server.url, more=", api_key_env: OUR_KEY")
        project.write(".env", "OUR_KEY=first\n")
        async with Organism.load(project.file) as running:
            await answer(running)
            project.write(".env", "OUR_KEY=second\n")
            assert (await running.reload()).changed == ("ada",)
            await answer(running)
    keys = [each.headers["authorization"] for each in server.asked]
    assert keys == ["Bearer first", "Bearer second"]


MISTAKEN = """
organism: {name: desk}
listeners:
  - name: ada
    description: Is Ada.
    agent: true
    model: scripted:nowhere
    instructions: [/etc/passwd]
    context: {summary_model: "nobody:m", flush_to: memory}
    guardrails: [nosuch, injection: {threshold: 7}, data_marking]
  - name: boss
    description: Leads.
    handler: agents:orchestrator
    model: nobody:m
    dialect: xml
    peers: [ada]
"""


def test_all_mistakes_of_an_agent_are_told_at_once_each_at_its_place(project: Project) -> None:
    project.file.write_text(MISTAKEN)
    told = project.problems()
    assert [each.partition(": ")[2].partition(": ")[0] for each in told] == [
        "listeners[0].model",
        "listeners[0].instructions",
        "listeners[0].context.summary_model",
        "listeners[0].context.flush_to",
        "listeners[0].guardrails[0]",
        "listeners[0].guardrails[1]",
        "listeners[1].model",
        "listeners[1].dialect",
    ]
    assert [each.partition(" ")[0] for each in told[:3]] == ["7:12:", "8:19:", "9:30:"]
    assert "there is no such script" in told[0]
    assert "xml-pipeline new" not in told[0]
    assert "memory is none of its `peers`" in told[3]


SCRIPTED = """
organism: {name: desk}
listeners:
  - {name: ada, description: Is Ada., agent: true, model: scripted:ada}
  - {name: bob, description: Is Bob., agent: true, model: scripted:bob}
"""


async def test_a_script_that_has_changed_is_read_again_and_changes_its_agents(
    project: Project,
) -> None:
    project.file.write_text(SCRIPTED)
    script = project.root / "ada.yaml"
    script.write_text("- text: Old.")
    (project.root / "bob.yaml").write_text("- text: Bob.")
    async with Organism.load(project.file) as running:
        assert await running.reload() == ReloadEvent(applied=True)
        script.write_text("- text: Newer.")
        assert await answer(running) == "Old."
        assert "ada" in (await running.reload()).changed
        assert await answer(running) == "Newer."
        assert await running.reload() == ReloadEvent(applied=True)


async def test_a_script_that_is_no_script_any_more_changes_nothing(project: Project) -> None:
    project.file.write_text(SCRIPTED)
    script = project.root / "ada.yaml"
    script.write_text("- text: Old.")
    (project.root / "bob.yaml").write_text("- text: Bob.")
    async with Organism.load(project.file) as running:
        script.write_text("- txt: Broken.")
        refused = await running.reload()
        assert not refused.applied
        assert "ada.yaml" in refused.problems[0]
        assert await answer(running) == "Old."
        script.unlink()
        assert not (await running.reload()).applied
        assert await answer(running) == "Old."
        script.write_text("- text: Repaired.")
        assert (await running.reload()).applied
        assert await answer(running) == "Repaired."
