"""What is said to an agent elsewhere, and what it answers, as payloads.

The rule this file guards: whatever an agent sends is data, can be written, and is not too long for
a message. What is left out is said; what is elsewhere is not fetched.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Literal, TypeGuard
from uuid import NAMESPACE_URL, uuid5

from a2a.helpers import new_data_part
from a2a.types import Message, Part, Role, Task, TaskState
from google.protobuf.json_format import MessageToDict

from xml_pipeline.a2a.exchange import Heard
from xml_pipeline.a2a.payloads import LONGEST_ID, LONGEST_TEXT, A2aAnswer, A2aFile, A2aMessage
from xml_pipeline.errors import InvalidPayload
from xml_pipeline.payload import ABSENT, codec_of
from xml_pipeline.payload.text import carried
from xml_pipeline.tool_error import ToolError

ENVELOPE = 16_384
"""Bytes of a message that are kept for all but its payload."""

LONGEST_ERROR = 100_000
"""Characters of an error that are told."""

_CODEC = codec_of(A2aAnswer)

State = Literal["completed", "input-required", "auth-required"]
_ANSWERED: dict[int, State] = {
    TaskState.TASK_STATE_COMPLETED: "completed",
    TaskState.TASK_STATE_INPUT_REQUIRED: "input-required",
    TaskState.TASK_STATE_AUTH_REQUIRED: "auth-required",
}
_ASKING = frozenset({TaskState.TASK_STATE_INPUT_REQUIRED, TaskState.TASK_STATE_AUTH_REQUIRED})
_FAILED = {
    TaskState.TASK_STATE_FAILED: "has failed",
    TaskState.TASK_STATE_CANCELED: "was stopped",
    TaskState.TASK_STATE_REJECTED: "does not do this",
}


def message_of(said: A2aMessage, id: str) -> Message:
    """Return a message as A2A has it; ``id`` is ours, the same at every attempt."""
    parts = [Part(text=said.text)] if said.text else []
    if said.data is not ABSENT:
        parts.append(new_data_part(said.data))
    parts += map(_part, said.files)
    return Message(
        message_id=str(uuid5(NAMESPACE_URL, id)),
        role=Role.ROLE_USER,
        parts=parts,
        context_id=said.context,
        task_id=said.task,
    )


def answer_of(name: str, heard: Heard, most: int) -> A2aAnswer | ToolError:
    """Return what an agent has come to, in a message of at most ``most`` bytes."""
    if isinstance(heard, Message):
        answer = _read("completed", heard.parts)
        return fitting(replace(answer, context=id_of(heard.context_id)), most)
    parts = list(_parts(heard))
    if heard.status.state in _FAILED:
        words = words_of(parts) or "It does not say why."
        return failed(f"{name} {_FAILED[heard.status.state]}: {words}")
    answer = _read(_ANSWERED[heard.status.state], parts)
    answer = replace(answer, context=id_of(heard.context_id), task=id_of(heard.id))
    return fitting(answer, most)


def id_of(text: str) -> str:
    """Return how an agent calls something; nothing where no message could carry that."""
    return text if len(text) <= LONGEST_ID and carried(text) == text else ""


def asks(heard: Heard) -> TypeGuard[Task]:
    """Tell whether an agent asks for more before it goes on."""
    return isinstance(heard, Task) and heard.status.state in _ASKING


def failed(words: str) -> ToolError:
    """Return the answer where an agent could not do what it was asked."""
    return ToolError(carried(words)[:LONGEST_ERROR])


def words_of(parts: Iterable[Part]) -> str:
    """Return what of these parts can be read."""
    return "\n".join(filter(None, map(_words, parts)))


def fitting(answer: A2aAnswer, most: int) -> A2aAnswer:
    """Return the answer, or as much of it as goes into a message of ``most`` bytes."""
    most -= ENVELOPE
    if _fits(answer, most):
        return answer
    left_out = "\n\n[left out, for it is too long for a message: all but the text]"
    short = replace(answer, text=answer.text + left_out, data=ABSENT, files=())
    if _fits(short, most):
        return short
    kept = answer.text[: max(0, min(most // 8, LONGEST_TEXT // 2))]  # One takes up to 5 bytes.
    cut = f"{kept}\n\n[cut: {len(answer.text) - len(kept)} characters left out]"
    return replace(short, text=cut)


def _parts(task: Task) -> Iterator[Part]:
    """Yield what a task has come to, and what is said of it; else what was said last."""
    for each in task.artifacts:
        yield from each.parts
    if task.status.HasField("message"):
        yield from task.status.message.parts
    elif not task.artifacts and task.history and task.history[-1].role == Role.ROLE_AGENT:
        yield from task.history[-1].parts


def _read(state: State, parts: Iterable[Part]) -> A2aAnswer:
    parts = list(parts)
    data = [_data(each) for each in parts if each.HasField("data")]
    files = tuple(_file(each) for each in parts if each.HasField("raw") or each.HasField("url"))
    text = words_of(parts)
    if not text and data:
        text = carried(json.dumps(data, ensure_ascii=False))
    return A2aAnswer(state, text, data or ABSENT, files)


def _words(part: Part) -> str:
    if part.HasField("text"):
        return carried(part.text)
    if part.HasField("data"):
        return ""
    about = " ".join(filter(None, (part.filename, part.media_type)))
    where = f"at {part.url}" if part.HasField("url") else f"{len(part.raw)} bytes"
    return carried(f"[file {about}, {where}]" if about else f"[file {where}]")


def _data(part: Part) -> Any:
    return MessageToDict(part.data)


def _file(part: Part) -> A2aFile:
    data = part.raw if part.HasField("raw") else None
    return A2aFile(carried(part.filename), carried(part.media_type), data, carried(part.url))


def _part(file: A2aFile) -> Part:
    part = Part(filename=file.name, media_type=file.media_type)
    if file.data is None:
        part.url = file.url
    else:
        part.raw = file.data
    return part


def _fits(answer: A2aAnswer, most: int) -> bool:
    """Tell whether an answer can be written, is not too long, and will be let in."""
    try:
        written = _CODEC.to_xml(answer)
        return len(written) <= most and _CODEC.from_xml(written) is not None
    except InvalidPayload:
        return False
