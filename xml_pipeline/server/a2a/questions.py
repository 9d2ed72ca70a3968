"""What a client is asked while a task is under way, and what its next message means.

The rule this file guards: a word that is not exactly an answer is none. Nobody's leave is read out
of a sentence.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from a2a.types.a2a_pb2 import Message, Part, TaskState
from a2a.utils.errors import InvalidParamsError, UnsupportedOperationError
from jsonschema import Draft202012Validator

from xml_pipeline.approvals import Approval
from xml_pipeline.errors import InvalidPayload, UnknownThread
from xml_pipeline.mcp.payloads import Elicit, Elicited, ListRoots, Roots, Sample, Sampled
from xml_pipeline.payload import ABSENT, codec_of
from xml_pipeline.server.a2a.answers import data_part, text_part
from xml_pipeline.server.a2a.requests import data_of, words_of
from xml_pipeline.server.approvals import decide_here
from xml_pipeline.server.desk import Desk
from xml_pipeline.server.problems import Problem
from xml_pipeline.server.unreadable import Unreadable
from xml_pipeline.thread import Thread
from xml_pipeline.tools.question import AskPeople, PeopleAnswered

LEAVE = 'Answer `allow` or `deny`, or with data: {"decision": "deny", "reason": …}.'
THERE = "Answer `accept` once that is done, else `decline`."
ACTIONS: tuple[Literal["accept", "decline", "cancel"], ...] = ("accept", "decline", "cancel")


@dataclass(frozen=True, slots=True)
class Question:
    """Something that is asked, and the thread on which the answer is owed."""

    thread: str
    about: Elicit | AskPeople | Approval

    @property
    def state(self) -> TaskState:
        """Return the state that a task is in meanwhile.

        Leave for a call, and what a person has to see to elsewhere, are authorisations (7.6).
        """
        if isinstance(self.about, Approval) or _leads_elsewhere(self.about):
            return TaskState.TASK_STATE_AUTH_REQUIRED
        return TaskState.TASK_STATE_INPUT_REQUIRED

    def parts(self) -> list[Part]:
        """Return it as a client is told it: in words, and as data for programs."""
        about = self.about
        if isinstance(about, Approval):
            asked = f"{about.agent} wants to call {about.tool}: {about.payload}\n{LEAVE}"
            members = {"agent": about.agent, "tool": about.tool, "payload": about.payload}
            return [text_part(asked), data_part(members)]
        if isinstance(about, Elicit) and about.url:
            asked = f"{about.message}\n{about.url}\n{THERE}"
            return [text_part(asked), data_part({"url": about.url})]
        if isinstance(about, Elicit):
            return [text_part(about.message), data_part({"schema": about.schema})]
        words = (f"{each.question} ({_choices(each.options)})" for each in about.questions)
        return [text_part("\n".join(words)), data_part(codec_of(AskPeople).to_json(about))]

    def answer(self, desk: Desk, message: Message) -> None:
        """Give the answer that a message is; an A2AError where it is none."""
        if isinstance(self.about, Approval):
            self._decide(desk, message)
            return
        elicits = isinstance(self.about, Elicit)
        reply = _filled(self.about, message) if elicits else _chosen(self.about, message)
        try:
            desk.organism.answer(self.thread, reply, by=desk.sender)
        except UnknownThread:
            raise UnsupportedOperationError("Nothing is asked any more.") from None

    def _decide(self, desk: Desk, message: Message) -> None:
        data = _data(message)
        said = data if data is not None else {"decision": words_of(message).strip().lower()}
        try:
            decide_here(desk, self.thread, said)
        except Unreadable:
            raise InvalidParamsError(LEAVE) from None
        except Problem:
            raise UnsupportedOperationError("Nothing is asked any more.") from None


def asked(desk: Desk, root: Thread) -> Question | None:
    """Return what is asked in a conversation at present, None where nothing is.

    A client has no model and no folders over A2A: whoever asks for those is told so.
    """
    owing = [each for each in root.subtree() if each.owed is not None]
    for thread in owing:
        approval = desk.organism.approvals.on(thread)
        if approval is not None:
            return Question(thread.id, approval)
        payload = thread.slots[-1].payload if thread.slots else None
        if isinstance(payload, Elicit | AskPeople):
            return Question(thread.id, payload)
        if isinstance(payload, Sample | ListRoots):
            _refer(desk, root, thread, payload)
    return None


def _refer(desk: Desk, root: Thread, thread: Thread, payload: Sample | ListRoots) -> None:
    """Give the answer of a client that cannot be asked: nothing, or none to the whole call."""
    if payload.required:
        words = f"no client can be asked for {type(payload).__name__} over A2A"
        desk.organism.kernel.settlement.give_up(root, "handler", words)
        return
    nothing = Sampled() if isinstance(payload, Sample) else Roots()
    with suppress(UnknownThread):
        desk.organism.answer(thread.id, nothing, by=desk.sender)


def _leads_elsewhere(about: object) -> bool:
    return isinstance(about, Elicit) and bool(about.url)


def _done_elsewhere(data: dict[str, Any] | None, words: str) -> Elicited:
    said = data if data is not None else {"action": words.strip().lower()}
    for action in ACTIONS:
        if said == {"action": action}:
            return Elicited(action)
    raise InvalidParamsError(THERE)


def _filled(about: Any, message: Message) -> Elicited:
    """Return a form as it was filled in; the words are the only field, if there is only one."""
    data = _data(message)
    if about.url:
        return _done_elsewhere(data, words_of(message))
    if data is not None and data.keys() == {"action"} and data["action"] in ACTIONS[1:]:
        return Elicited(data["action"])
    fields = list(about.schema.get("properties", {}))
    words = words_of(message)
    if data is None and len(fields) == 1 and words:
        data = {fields[0]: words}
    if data is None or not Draft202012Validator(about.schema).is_valid(data):
        raise InvalidParamsError("Send data that fits the schema of the question.")
    return Elicited("accept", data if fields else ABSENT)


def _chosen(about: Any, message: Message) -> PeopleAnswered:
    """Return answers to questions: one part of text for each."""
    data = _data(message)
    said = [each.text for each in message.parts if each.HasField("text")]
    try:
        reply: PeopleAnswered = codec_of(PeopleAnswered).from_json(data or {"answers": said})
    except InvalidPayload as error:
        raise InvalidParamsError(f"That is no answer: {error}.") from None
    if len(reply.answers) != len(about.questions):
        raise InvalidParamsError(f"Send {len(about.questions)} parts of text: one for each.")
    return reply


def _choices(options: Any) -> str:
    return ", ".join(each.label for each in options)


def _data(message: Message) -> dict[str, Any] | None:
    """Return the data of a message, None where it is none, or is no object."""
    data = [data_of(each) for each in message.parts if each.HasField("data")]
    return data[0] if len(data) == 1 and isinstance(data[0], dict) else None
