"""Agents work with tools: they are shown what went wrong, and run what is theirs to run."""

from __future__ import annotations

from pathlib import Path

from tests.agents.parts import agent, calls, script
from tests.agents.test_agent import results
from tests.tools.parts import organism_of
from xml_pipeline.agents.payloads import Task


def written(folder: Path) -> list[Path]:
    """Return what stands in the workspaces."""
    return list(folder.glob("spaces/**/files/*"))


async def test_a_model_is_shown_why_a_tool_could_not_as_an_error(tmp_path: Path) -> None:
    wanted = (
        ("write", {"file_path": "a", "content": "hi"}),
        ("read", {"file_path": "../../../etc/passwd"}),
    )
    provider = script(calls(*wanted), "Done.")
    async with organism_of(tmp_path, "read", "write") as organism:
        organism.register(agent(provider, peers=("read", "write")))
        await organism.ask("ada", Task("Go."))
    assert results(provider.requests[1]) == [
        ("c0", "a was made: 2 bytes", False),
        ("c1", "../../../etc/passwd is outside: it leads above the folder", True),
    ]


async def test_what_is_none_of_its_peers_does_not_run_under_any_name(tmp_path: Path) -> None:
    tries = [(each, {"file_path": "a", "content": "x"}) for each in ("write", "wirte", "Write")]
    provider = script(calls(*tries), "Done.")
    async with organism_of(tmp_path, "list", "write") as organism:
        organism.register(agent(provider, peers=("list",)))
        await organism.ask("ada", Task("Go."))
    assert all(is_error for _, _, is_error in results(provider.requests[1]))
    assert written(tmp_path) == []


async def test_two_agents_in_one_conversation_share_files_but_no_list_of_todos(
    tmp_path: Path,
) -> None:
    todo = ("todowrite", {"todos": [{"content": "mine"}]})
    file = ("write", {"file_path": "f", "content": "ours"})
    looking = script(calls(("todoread", {}), ("read", {"file_path": "f"})), "Seen.")
    leading = script(calls(todo, file), calls(("bob", {"text": "Look."})), "Done.")
    tools = ("todoread", "todowrite", "read", "write")
    async with organism_of(tmp_path, *tools) as organism:
        organism.register(agent(looking, name="bob", peers=tools))
        organism.register(agent(leading, peers=(*tools, "bob")))
        await organism.ask("ada", Task("Go."))
    todos, read = results(looking.requests[1])
    assert todos[1] == "(nothing to do)"
    assert read[1] == "     1\tours"
