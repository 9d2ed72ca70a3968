"""Agents of ours, to clients: words as they come, sessions, and questions that they ask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.a2a import tck
from tests.a2a.house import Visitor, message, texts, visiting

FILE = """
organism: {name: house}
allow_imports: [tests, xml_pipeline]
permissions:
  - {tool: greeter, action: ask}
  - {tool: "*", action: allow}
listeners:
  - {name: ada, description: Knows., agent: true, model: "scripted:ada", expose: a2a,
     peers: [greeter, people, client]}
  - {name: greeter, description: Greets., handler: tests.mcp.everything:greet,
     output_class: tests.mcp.everything:Greeted}
  - {name: people, description: Ask people., handler: "tools:question"}
  - {name: client, description: Who called., handler: "mcp:client"}
"""

SCRIPT = """
- when: Please greet
  text: I will.
  calls: [{name: greeter, arguments: {name: Bob}}]
- when: choose
  calls:
    - name: people
      arguments:
        questions:
          - {question: "Which?", options: [{label: red}, {label: blue}]}
          - {question: "When?", options: [{label: now}, {label: later}]}
- when: /Hello, Bob/
  text: Bob is greeted.
- when: denied
  text: So be it.
- when: /blue/
  text: Blue it is.
- when: picture
  text: I see.
- when: again
  text: As I said before.
- text: The first of all answers.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ada.yaml").write_text(SCRIPT, encoding="utf-8")
    return tmp_path


async def sent(visitor: Visitor, said: dict[str, Any]) -> dict[str, Any]:
    task: dict[str, Any] = (await visitor.ask("/a2a/ada", "SendMessage", message=said))["task"]
    return task


def answer(task: dict[str, Any]) -> str:
    (artifact,) = task["artifacts"]
    return "".join(texts(artifact["parts"]))


async def test_words_come_as_they_are_said_and_make_up_the_answer(folder: Path) -> None:
    async with visiting(folder, FILE) as visitor:
        pieces = [
            piece["artifactUpdate"]
            async for piece in visitor.stream(
                "/a2a/ada", "SendStreamingMessage", message=message("Hello")
            )
            if "artifactUpdate" in piece
        ]
    assert len(pieces) > 2
    assert [each.get("append", False) for each in pieces] == [False] + [True] * (len(pieces) - 1)
    assert [each.get("lastChunk", False) for each in pieces] == [False] * (len(pieces) - 1) + [True]
    words = "".join("".join(texts(each["artifact"]["parts"])) for each in pieces)
    assert words == "The first of all answers."


async def test_in_a_context_an_agent_goes_on_where_it_was(folder: Path) -> None:
    async with visiting(folder, FILE) as visitor:
        first = await sent(visitor, message("Hello"))
        second = await sent(visitor, message("again", contextId=first["contextId"], id="m2"))
        other = await sent(visitor, message("again"))
        assert answer(second) == "As I said before."
        conversations = {each["id"].rpartition(".")[0] for each in (first, second, other)}
        assert len(conversations) == 2
        assert second["id"].startswith(first["contextId"])


async def test_files_and_data_are_attached_to_words(folder: Path) -> None:
    async with visiting(folder, FILE) as visitor:
        said = message("a picture", {"x": 1})
        said["parts"].append({"raw": "iVBORw0KGgo=", "mediaType": "image/png"})
        assert answer(await sent(visitor, said)) == "I see."


@pytest.mark.parametrize(
    ("leave", "then"),
    [
        ("allow", "Bob is greeted."),
        (" Deny ", "So be it."),
        ({"decision": "deny", "reason": "no"}, "So be it."),
    ],
    ids=["allowed", "denied", "denied with data"],
)
async def test_leave_is_asked_of_the_client_and_counts_only_if_it_is_exact(
    folder: Path, leave: Any, then: str
) -> None:
    async with visiting(folder, FILE) as visitor:
        asked = await sent(visitor, message("Please greet him"))
        assert asked["status"]["state"] == "TASK_STATE_AUTH_REQUIRED"
        words, about = asked["status"]["message"]["parts"]
        assert words["text"].startswith("ada wants to call greeter")
        assert about["data"]["tool"] == "greeter"
        vague = message("yes, allow it", taskId=asked["id"])
        assert await visitor.refused("/a2a/ada", "SendMessage", message=vague) == -32602
        done = await sent(visitor, message(leave, taskId=asked["id"]))
        assert answer(done) == then


async def test_what_an_operator_decides_is_asked_no_more(folder: Path) -> None:
    async with visiting(folder, FILE) as visitor:
        asked = await sent(visitor, message("Please greet him"))
        (waiting,) = visitor.organism.approvals.waiting()
        visitor.organism.approvals.decide(waiting.id, "allow", by="operator")
        await visitor.organism.drain()
        late = message("deny", taskId=asked["id"])
        assert await visitor.refused("/a2a/ada", "SendMessage", message=late) == -32004
        done = await visitor.ask("/a2a/ada", "GetTask", id=asked["id"])
        assert answer(done) == "Bob is greeted."


async def test_questions_to_people_are_answered_one_part_for_each(folder: Path) -> None:
    async with visiting(folder, FILE) as visitor:
        asked = await sent(visitor, message("Let me choose"))
        assert texts(asked["status"]["message"]["parts"]) == [
            "Which? (red, blue)\nWhen? (now, later)"
        ]
        for wrong in (("blue",), ({"answers": 3},)):
            said = message(*wrong, taskId=asked["id"])
            assert await visitor.refused("/a2a/ada", "SendMessage", message=said) == -32602
        done = await sent(visitor, message("blue", "now", taskId=asked["id"]))
        assert answer(done) == "Blue it is."


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        ("This", True),
        ({"more": "This"}, True),
        ({"action": "decline"}, True),
        ({"action": "cancel"}, True),
        ({"more": 3}, False),
        ({"less": "This"}, False),
        ({}, False),
    ],
)
async def test_a_form_is_filled_in_or_declined_and_nothing_else(
    tmp_path: Path, said: Any, fits: bool
) -> None:
    async with visiting(tmp_path, tck.FILE.replace("PAUSE", "")) as visitor:
        begun = message("Please", id="tck-input-required")
        asked = (await visitor.ask("/a2a", "SendMessage", message=begun))["task"]
        answer = await visitor.call(
            "/a2a", "SendMessage", message=message(said, taskId=asked["id"])
        )
        if fits:
            assert answer["result"]["task"]["status"]["state"] == "TASK_STATE_COMPLETED"
        else:
            assert answer["error"]["code"] == -32602
            after = await visitor.ask("/a2a", "GetTask", id=asked["id"])
            assert after["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        (" Accept ", True),
        ({"action": "accept"}, True),
        ("decline", True),
        ({"action": "cancel"}, True),
        ("I did accept", False),
        ({"action": "accept", "token": "secret"}, False),
    ],
    ids=["done", "done, as data", "declined", "cancelled", "vague", "with a secret"],
)
async def test_who_is_sent_elsewhere_says_that_it_is_done_and_nothing_else(
    tmp_path: Path, said: Any, fits: bool
) -> None:
    async with visiting(tmp_path, tck.FILE.replace("PAUSE", "")) as visitor:
        begun = message("Please", id="tck-auth-required")
        asked = (await visitor.ask("/a2a", "SendMessage", message=begun))["task"]
        assert asked["status"]["state"] == "TASK_STATE_AUTH_REQUIRED"
        words, about = asked["status"]["message"]["parts"]
        assert words["text"].splitlines()[:2] == ["Log in.", "https://example.com/login"]
        assert about["data"] == {"url": "https://example.com/login"}
        given = message(said, taskId=asked["id"])
        if fits:
            done = (await visitor.ask("/a2a", "SendMessage", message=given))["task"]
            assert done["status"]["state"] == "TASK_STATE_COMPLETED"
        else:
            assert await visitor.refused("/a2a", "SendMessage", message=given) == -32602
            after = await visitor.ask("/a2a", "GetTask", id=asked["id"])
            assert after["status"]["state"] == "TASK_STATE_AUTH_REQUIRED"


async def test_a_stream_outlasts_a_wait_for_leave_that_somebody_else_may_give(folder: Path) -> None:
    states = []
    async with visiting(folder, FILE) as visitor:
        said = message("Please greet him")
        async for piece in visitor.stream("/a2a/ada", "SendStreamingMessage", message=said):
            told = piece.get("task") or piece.get("statusUpdate")
            if told is None:
                continue
            states.append(told["status"]["state"].removeprefix("TASK_STATE_"))
            if states[-1] == "AUTH_REQUIRED":
                (waiting,) = visitor.organism.approvals.waiting()
                visitor.organism.approvals.decide(waiting.id, "allow", by="operator")
    assert states == ["SUBMITTED", "WORKING", "AUTH_REQUIRED", "WORKING", "COMPLETED"]
