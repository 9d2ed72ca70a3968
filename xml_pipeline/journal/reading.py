"""Reading the journal: what the lines of a conversation add up to.

Lines are facts about numbers and names; what they mean to a running organism, such as which
listener answers to a name, is up to whoever goes on with the conversation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from json import loads
from typing import Any, NamedTuple

from xml_pipeline.backends import PastConversation
from xml_pipeline.errors import XmlPipelineError
from xml_pipeline.journal.lines import NOBODY, WITH_BODY, Delayed, lines_of
from xml_pipeline.journal.past import PastDelivery as PastDelivery
from xml_pipeline.journal.past import PastFault as PastFault
from xml_pipeline.journal.past import PastMessage as PastMessage
from xml_pipeline.journal.past import PastThread as PastThread
from xml_pipeline.journal.past import Spent as Spent
from xml_pipeline.journal.past import Story as Story
from xml_pipeline.spent import Spent as Took

_TODO_FIELDS = 5


class UnreadableJournal(XmlPipelineError):
    """The lines of a conversation are not what the journal writes."""


class Line(NamedTuple):
    """One line: its letter, its fields, and what follows it; ``entry`` counts the commits."""

    entry: int
    letter: str
    fields: list[str]
    body: bytes


def read(past: PastConversation) -> Story:
    """Return what the log of a conversation adds up to; UnreadableJournal where it does not."""
    story = Story(past.id)
    for _ in tell(past, story):
        pass
    try:
        _check(story)
    except (ValueError, LookupError, TypeError) as error:
        raise UnreadableJournal(f"conversation {past.id}: {error!r}") from error
    return story


def _check(story: Story) -> None:
    """Raise LookupError or ValueError where somebody could not go on with what is told."""
    if story.id not in story.threads:
        raise LookupError("it has no beginning")
    for each in story.threads.values():
        if each.open and each.parent != NOBODY and not story.threads[each.parent].open:
            raise ValueError(f"thread {each.id} is open below one that has closed")
        if not all(len(todo) == _TODO_FIELDS for todo in each.todos):
            raise ValueError(f"thread {each.id} has a todo that is none")
    for message in story.messages.values():
        if message.thread != NOBODY and message.thread not in story.threads:
            raise LookupError(f"message {message.number} is on no thread")


def tell(past: PastConversation, story: Story) -> Iterator[Line]:
    """Tell a story line by line: each is yielded as soon as it has become part of it.

    Raises UnreadableJournal.
    """
    try:
        for number, (at, records) in enumerate(past.entries):
            for letter, fields, body in lines_of(records):
                _FACTS[letter](story, at, fields, body)
                yield Line(number, letter, fields, body)
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise UnreadableJournal(f"conversation {past.id}: {error!r}") from error


def without_details(records: bytes) -> bytes:
    """Return an entry without the details of its faults: those are for the log only."""
    written = []
    for letter, fields, body in lines_of(records):
        told = [*fields[:-1], '""'] if letter == "f" else fields
        end = b"\n" if letter in WITH_BODY else b""
        written.append("\t".join((letter, *told)).encode() + b"\n" + body + end)
    return b"".join(written)


def _begins(story: Story, at: float, fields: list[str], body: bytes) -> None:
    channel, tenant, expires = fields
    story.channel = story.principal = channel
    story.tenant, story.expires = loads(tenant), float(expires)
    story.threads[story.id] = PastThread(story.id, NOBODY, channel, "", 1, at)


def _identified(story: Story, at: float, fields: list[str], body: bytes) -> None:
    story.principal = story.root.caller = fields[0]


def _traced(story: Story, at: float, fields: list[str], body: bytes) -> None:
    story.traceparent = fields[0]


def _opened(story: Story, at: float, fields: list[str], body: bytes) -> None:
    id, parent, caller, callee, request = fields
    story.threads[id] = PastThread(id, parent, caller, callee, loads(request), at)
    story.threads[parent].children.append(id)


def _sent(story: Story, at: float, fields: list[str], body: bytes) -> None:
    number, kind, origin, sender, thread, answers, key, hops, to, repairs, _ = fields
    story.number = max(story.number, int(number))
    story.messages[int(number)] = PastMessage(
        at=at,
        number=int(number),
        kind=kind,
        origin=origin,
        sender=sender,
        thread=thread,
        in_reply_to=loads(answers),
        key=loads(key),
        hops=int(hops),
        to=None if to == NOBODY else loads(to),
        repairs=() if repairs == NOBODY else tuple(loads(repairs)),
        raw=body,
    )


def _took(story: Story, at: float, fields: list[str], body: bytes) -> None:
    number, tokens_in, tokens_out, usd, turns, calls = fields
    whole = int(tokens_in), int(tokens_out), float(usd), int(turns), int(calls)
    story.messages[int(number)].spent = Took(*whole)


def _arrived(story: Story, at: float, fields: list[str], body: bytes) -> None:
    number, thread, listener = fields
    message = story.messages[int(number)]
    message.routed, message.refused = True, False
    story.deliveries[int(number), thread] = PastDelivery(message, thread, listener, at)
    if not story.threads[thread].callee:
        story.threads[thread].callee = listener


def _handed_over(story: Story, at: float, fields: list[str], body: bytes) -> None:
    number, thread, attempt, hops = fields
    delivery, on = story.deliveries[int(number), thread], story.threads[thread]
    delivery.attempts, delivery.began, delivery.again = int(attempt), at, 0.0
    if on.status == "created":
        on.status, on.first_hops = "active", int(hops)
    on.last_hops = int(hops)


def _not_handed_over(story: Story, at: float, fields: list[str], body: bytes) -> None:
    story.deliveries[int(fields[0]), fields[1]].attempts -= 1


def _postponed(story: Story, at: float, fields: list[str], body: bytes) -> None:
    story.deliveries[int(fields[0]), fields[1]].again = float(fields[2])


def _settled(story: Story, at: float, fields: list[str], body: bytes) -> None:
    delivery = story.deliveries[int(fields[0]), fields[1]]
    delivery.settled = at
    if delivery.message.kind == "inject":
        on = story.threads[delivery.thread]
        on.request, on.answered = delivery.message.number, False


def _refused(story: Story, at: float, fields: list[str], body: bytes) -> None:
    message = story.messages[int(fields[0])]
    message.routed = True
    others = any(number == message.number for number, _ in story.deliveries)
    message.refused = not others  # Of a broadcast, one may be refused and the others not.


def _left(story: Story, at: float, fields: list[str], body: bytes) -> None:
    message = story.messages[int(fields[0])]
    message.routed = message.left = True


def _remembers(story: Story, at: float, fields: list[str], body: bytes) -> None:
    story.threads[fields[0]].state.begin(body)


def _learns(story: Story, at: float, fields: list[str], body: bytes) -> None:
    story.threads[fields[0]].state.change(body)


def _owes(story: Story, at: float, fields: list[str], body: bytes) -> None:
    story.threads[fields[0]].owed = float(fields[1]) if len(fields) > 1 else 0.0


def _delayed(story: Story, at: float, fields: list[str], body: bytes) -> None:
    thread, number, when, kind, to, key, _ = fields
    story.number = max(story.number, int(number))
    what = Delayed(
        kind, None if to == NOBODY else loads(to), None if key == NOBODY else loads(key), body
    )
    story.threads[thread].delayed[int(number)] = (float(when), what)


def _set_out(story: Story, at: float, fields: list[str], body: bytes) -> None:
    del story.threads[fields[0]].delayed[int(fields[1])]


def _answered(story: Story, at: float, fields: list[str], body: bytes) -> None:
    story.threads[fields[0]].answered = fields[1] == "1"


def _spent(story: Story, at: float, fields: list[str], body: bytes) -> None:
    tokens, usd, requests, reserved_tokens, reserved_usd = fields
    story.spent = Spent(
        int(tokens) + int(reserved_tokens), float(usd) + float(reserved_usd), int(requests)
    )


def _waits_for(story: Story, at: float, fields: list[str], body: bytes) -> None:
    story.threads[fields[0]].todos = loads(fields[1])


def _writes(story: Story, at: float, fields: list[str], body: bytes) -> None:
    story.threads[fields[0]].blackboard[loads(fields[1])] = body.decode("utf-8", "surrogatepass")


def _wipes(story: Story, at: float, fields: list[str], body: bytes) -> None:
    story.threads[fields[0]].blackboard.clear()


def _noted(story: Story, at: float, fields: list[str], body: bytes) -> None:
    notes, name = story.threads[fields[0]].notes, (loads(fields[1]), loads(fields[2]))
    notes.pop(name, None)
    if body:
        notes[name] = body.decode("utf-8", "surrogatepass")


def _failed(story: Story, at: float, fields: list[str], body: bytes) -> None:
    id, sender, to, detail = fields[0], *fields[2:]
    code: Any = fields[1]
    story.faults.append(PastFault(at, id, code, loads(sender), loads(to), loads(detail)))


def _closed(story: Story, at: float, fields: list[str], body: bytes) -> None:
    closing = [(fields[0], fields[1])]
    while closing:
        id, status = closing.pop()
        thread = story.threads[id]
        if thread.open:
            thread.closed, thread.status = at, status
            closing.extend((each, "killed") for each in thread.children)


Fact = Callable[[Story, float, list[str], bytes], None]

_FACTS: Mapping[str, Fact] = {
    "c": _begins,
    "i": _identified,
    "g": _traced,
    "t": _opened,
    "m": _sent,
    "j": _took,
    "a": _arrived,
    "s": _handed_over,
    "u": _not_handed_over,
    "y": _postponed,
    "d": _settled,
    "r": _refused,
    "l": _left,
    "z": _remembers,
    "Z": _learns,
    "o": _owes,
    "q": _owes,
    "w": _delayed,
    "v": _set_out,
    "p": _answered,
    "b": _spent,
    "n": _waits_for,
    "k": _writes,
    "e": _wipes,
    "h": _noted,
    "f": _failed,
    "x": _closed,
}
