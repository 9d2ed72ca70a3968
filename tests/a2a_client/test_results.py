"""What agents elsewhere say, as payloads: whatever it is, it can be written."""

from __future__ import annotations

from a2a.types import Artifact, Message, Part, Role, Task, TaskState, TaskStatus

from xml_pipeline.a2a.payloads import A2aAnswer
from xml_pipeline.a2a.results import answer_of, id_of
from xml_pipeline.payload import codec_of

MOST = 1 << 20
DONE = TaskStatus(state=TaskState.TASK_STATE_COMPLETED)


def said(text: str, role: Role = Role.ROLE_AGENT) -> Message:
    return Message(message_id="m", role=role, parts=[Part(text=text)])


def answer(task: Task, most: int = MOST) -> A2aAnswer:
    """Return the answer, as whoever asked gets it."""
    answered = answer_of("x", task, most)
    assert isinstance(answered, A2aAnswer)
    codec = codec_of(A2aAnswer)
    return codec.from_xml(codec.to_xml(answered))


def test_what_an_agent_said_last_is_its_answer_where_it_gives_no_other() -> None:
    history = [said("One."), said("Two.")]
    assert answer(Task(id="t", status=DONE, history=history)).text == "Two."
    asked = [*history, said("And?", Role.ROLE_USER)]
    assert answer(Task(id="t", status=DONE, history=asked)).text == ""


def test_an_id_that_no_message_could_carry_is_none() -> None:
    assert id_of("a-1") == "a-1"
    assert id_of("x" * 1_001) == id_of("\x00") == ""
    task = Task(id="x" * 9_999, context_id="\x01", status=DONE)
    assert (answer(task).task, answer(task).context) == ("", "")


def test_a_file_that_no_message_could_carry_is_left_out_and_said_so() -> None:
    part = Part(url=f"https://a.example/{'x' * 9_999}")
    task = Task(id="t", status=DONE, artifacts=[Artifact(parts=[Part(text="Here:"), part])])
    answered = answer(task)
    assert answered.files == ()
    assert answered.text.startswith("Here:\n[file at https://a.example/")
    assert answered.text.endswith("[left out, for it is too long for a message: all but the text]")


def test_a_text_that_no_message_could_carry_is_cut() -> None:
    task = Task(id="t", status=DONE, artifacts=[Artifact(parts=[Part(text="x" * 4_000_001)])])
    assert answer(task, 1 << 30).text.endswith("\n\n[cut: 2000001 characters left out]")


def test_a_text_that_is_too_long_is_cut_and_its_ids_stay() -> None:
    task = Task(
        id="t",
        context_id="c",
        status=DONE,
        artifacts=[Artifact(parts=[Part(text="ü" * 200_000), Part(raw=b"x" * 50_000)])],
    )
    answered = answer(task, 100_000)
    assert answered.text.endswith("characters left out]")
    assert (answered.context, answered.task, answered.files) == ("c", "t", ())
