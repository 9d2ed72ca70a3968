"""A conversation with agents is decided again from what the models said then."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from xml_pipeline.agents.payloads import Task
from xml_pipeline.assembly import assemble_sandbox
from xml_pipeline.backends import PastConversation
from xml_pipeline.backends.sqlite import SqliteBackend
from xml_pipeline.organism import Organism
from xml_pipeline.replay import Replay, replay, states_in

ORGANISM = """
    listeners:
      - name: ada
        description: Thinks.
        agent: true
        model: scripted:ada
        peers: [bob]
        max_turns: {TURNS}
      - name: bob
        description: Helps.
        agent: true
        model: scripted:bob
"""
SCRIPTS = {
    "ada": """
        - calls:
            - {name: bob, arguments: {text: One.}}
            - {name: bob, arguments: {text: Two.}}
            - {name: nobody, arguments: {}}
        - calls: [{name: nobody, arguments: {}}]
        - text: Done.
    """,
    "bob": "[{when: One, text: First.}, {when: Two, text: Second.}]",
}


def project(folder: Path, turns: int = 10) -> Path:
    for name, script in SCRIPTS.items():
        (folder / f"{name}.yaml").write_text(dedent(script))
    file = folder / "organism.yaml"
    file.write_text(dedent(ORGANISM).replace("{TURNS}", str(turns)))
    return file


async def lived(folder: Path) -> PastConversation:
    """Have a conversation, and return its log."""
    journal = folder / "journal.db"
    async with Organism.load(project(folder), journal) as organism:
        answer = await organism.ask_for_delivery("ada", Task("Go."))
        await organism.drain()
    backend = SqliteBackend(journal)
    await backend.open()
    past = await backend.conversation(answer.conversation.id)
    await backend.close()
    assert past is not None
    return past


async def again(file: Path, past: PastConversation) -> Replay:
    return await replay(assemble_sandbox(file, states_in(past)).kernel, past)


async def test_every_step_of_every_agent_is_decided_the_same(tmp_path: Path) -> None:
    past = await lived(tmp_path)
    for name in SCRIPTS:
        (tmp_path / f"{name}.yaml").write_text("- {error: auth}")  # No model is asked.
    result = await again(tmp_path / "organism.yaml", past)
    assert [each for each in result.steps if not each.same] == []
    assert [each.listener for each in result.steps].count("ada") == 4
    assert [each.listener for each in result.steps].count("bob") == 2


async def test_a_rule_that_has_changed_is_found_out(tmp_path: Path) -> None:
    past = await lived(tmp_path)
    result = await again(project(tmp_path, turns=2), past)
    [changed] = [each for each in result.steps if not each.same]
    assert [each.words for each in changed.now] == ["fails: handler"]
