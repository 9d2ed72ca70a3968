"""A profile says what an agent may run: what it leaves out the pump refuses, whoever asks how."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.agents.parts import Listening, agent, calls, script
from tests.agents.test_agent import results
from tests.tools.test_agents import written
from xml_pipeline import HandlerMetadata, HandlerResponse, Organism
from xml_pipeline.agents.payloads import Answer, Task
from xml_pipeline.errors import ConfigError
from xml_pipeline.primitives import SequenceError, SequenceStart
from xml_pipeline.system import SystemError
from xml_pipeline.tools.write import WriteFile

TOOLS = ("read", "write", "list", "question", "todoread", "todowrite")
FILE = """
workspace: {root: spaces}
profiles:
  careful: ["tools:read", "tools:l*", librarians, "system.s*e"]
listeners:
  - {name: ada, description: Thinks., agent: true, model: "scripted:said", PROFILE, peers: PEERS}
  - {name: ann, description: Knows books., agent: true, model: "scripted:said", group: librarians}
  - {name: bob, description: Knows nothing., agent: true, model: "scripted:said"}
"""


def organism_of(folder: Path, profile: str, peers: str = "['*']") -> Organism:
    """Return an organism of all these tools, and an agent that is held to a profile."""
    tools = (f"  - {{name: {each}, description: It., handler: 'tools:{each}'}}\n" for each in TOOLS)
    (folder / "said.yaml").write_text("- text: Done.\n")
    file = folder / "organism.yaml"
    said = FILE.replace("PROFILE", profile).replace("PEERS", peers)
    file.write_text(said + "".join(tools))
    return Organism.load(file)


def peers_of(organism: Organism, name: str = "ada") -> set[str]:
    """Return whom a listener may address."""
    [found] = [each for each in organism.listeners if each.name == name]
    return set(found.peers)


@pytest.mark.parametrize(
    ("profile", "left"),
    [
        ("profile: conversational", {"question", "todoread"}),
        ("profile: standard", set(TOOLS)),
        ("profile: full", {"*"}),
        ("max_turns: 5", {"*"}),
        ("profile: careful", {"read", "list", "ann", "system.sequence"}),
    ],
)
def test_a_profile_leaves_some_of_the_peers(tmp_path: Path, profile: str, left: set[str]) -> None:
    assert peers_of(organism_of(tmp_path, profile)) == left


def test_a_profile_adds_nobody(tmp_path: Path) -> None:
    organism = organism_of(tmp_path, "profile: standard", "[read, ann, bob]")
    assert peers_of(organism) == {"read"}
    organism = organism_of(tmp_path, "profile: careful", "[librarians, bob]")
    assert peers_of(organism) == {"ann"}


def test_an_orchestrator_keeps_what_it_cannot_do_without(tmp_path: Path) -> None:
    keys = "profile: careful, handler: 'agents:orchestrator'"
    organism = organism_of(tmp_path, keys, "[ann, bob]")
    assert peers_of(organism) == {"ann", "system.blackboard", "system.squad"}


def thinking(organism: Organism, provider: Listening) -> None:
    """Let a script think for the agent, with the peers that its profile has left it."""
    left = tuple(peers_of(organism))
    organism.unregister("ada")
    organism.register(agent(provider, peers=left))


async def test_a_model_is_shown_what_is_left_and_what_else_it_calls_does_not_run(
    tmp_path: Path,
) -> None:
    arguments = {"file_path": "a", "content": "x"}
    provider = script(calls(*((each, arguments) for each in ("write", "wriet"))), "Done.")
    async with organism_of(tmp_path, "profile: careful") as organism:
        thinking(organism, provider)
        await organism.ask("ada", Task("Go."))
    shown = {each.name for each in provider.requests[0].functions}
    assert {"read", "list"} <= shown
    assert "write" not in shown
    assert all(is_error for _, _, is_error in results(provider.requests[1]))
    assert written(tmp_path) == []


WRITE = b"<WriteFile><file_path>a</file_path><content>x</content></WriteFile>"


@pytest.mark.parametrize(
    ("to", "payload"),
    [
        ("write", WriteFile("a", "x")),
        ("write", WRITE),
        ("system.sequence", SequenceStart("write", WRITE.decode())),
    ],
)
async def test_the_pump_refuses_what_is_left_out_whatever_is_sent_there(
    tmp_path: Path, to: str, payload: object
) -> None:
    heard: list[Any] = []

    async def bold(payload: Any, metadata: HandlerMetadata) -> HandlerResponse:
        if isinstance(payload, Task):
            return HandlerResponse(send, to=to)
        heard.append(payload)
        return HandlerResponse.respond(Answer("done"))

    send = payload
    async with organism_of(tmp_path, "profile: careful") as organism:
        [ada] = [each for each in organism.listeners if each.name == "ada"]
        accepts: Any = ada.accepts
        organism.unregister("ada")
        organism.register(replace(ada, handler=bold, accepts=(*accepts, SequenceError)))
        await organism.ask("ada", Task("Go."))
    assert [type(each) for each in heard] in ([SystemError], [SequenceError])
    assert written(tmp_path) == []


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("PROFILE", "profile: carefull", 'there is no profile "carefull"'),
        ("careful:", "standard:", '"standard" is there already'),
        ('librarians, "', 'librarian, "', 'there is no listener or group "librarian"'),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str, problem: str
) -> None:
    monkeypatch.setitem(globals(), "FILE", FILE.replace(before, after))
    with pytest.raises(ConfigError) as caught:
        organism_of(tmp_path, "profile: full")
    assert any(problem in each for each in caught.value.problems)


def test_somebody_without_a_model_has_no_profile(tmp_path: Path) -> None:
    file = tmp_path / "organism.yaml"
    listener = "{name: a, description: b, handler: 'tools:calculate', profile: full}"
    file.write_text(f"listeners:\n  - {listener}\n")
    with pytest.raises(ConfigError, match="a has no `model`"):
        Organism.load(file)
