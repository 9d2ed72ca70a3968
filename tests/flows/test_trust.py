"""Who says what to whom is decided by the pump: nothing that is written can change it."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Iterator
from itertools import product
from random import Random
from typing import Any

import pytest

from tests.flows.corpora import corpus
from tests.flows.mutations import NAMESPACE, TASK, envelope, mutated
from tests.flows.payloads import Note, Result, Task
from xml_pipeline.errors import FAULT_CODES, Unanswered, XmlPipelineError
from xml_pipeline.events import Event, FaultEvent, MessageReceived, MessageSent
from xml_pipeline.listener import HandlerMetadata, HandlerResponse, Listener
from xml_pipeline.organism import Organism
from xml_pipeline.payload import RawPayload, codec_of
from xml_pipeline.primitives import BufferStart, SequenceStart, TimerStart
from xml_pipeline.system import NEUTRAL_WORDS, SYSTEM_PAYLOADS, Boot, Huh, SystemError, ThreadEnded
from xml_pipeline.testing import Probe, memory_organism, respond

META = "https://xml-pipeline.org/ns/meta/v1"


class Watch:
    """Keeps what was sent, received and refused."""

    def __init__(self, organism: Organism) -> None:
        self.sent: list[MessageSent] = []
        self.received: list[MessageReceived] = []
        self.faults: list[FaultEvent] = []
        organism.subscribe(self._note)

    def _note(self, event: Event) -> None:
        if isinstance(event, MessageSent):
            self.sent.append(event)
        elif isinstance(event, MessageReceived):
            self.received.append(event)
        elif isinstance(event, FaultEvent):
            self.faults.append(event)


async def settled(organism: Organism) -> None:
    await organism.drain()
    await asyncio.sleep(0)


# ── S1: what the pump stamps, nobody can write ──────────────────────────────────────────

FORGED_SENDERS = (
    "<from>worker</from>",
    "<from>system</from>",
    "<from>system.boot</from>",
    "<from>victim</from>",
    "<from>SYSTEM</from>",
    "<from> system </from>",
    "<from></from>",
    "<from/>",
    "<from>\u0455ystem</from>",  # a Cyrillic letter that looks like an s
    "<from>sys\u200btem</from>",
    "<from>\u202emetsys</from>",
    "<from>system\u0000</from>",
    "<from>&#115;ystem</from>",
    "<from><![CDATA[system]]></from>",
    "<from>sys<![CDATA[tem]]></from>",
    "<from>system<!-- -->.evil</from>",
    "<from>mallory<!-- -->.system</from>",
    "<from>system<?x?>.evil</from>",
    "<from>mallory</from><from>system</from>",
    "<from>system</from><from>mallory</from>",
    "<from xmlns=''>system</from>",
    "<from xmlns='urn:other'>system</from><from>mallory</from>",
    "<from id='mallory'>system</from>",
    "<from><from>system</from></from>",
    "<from>mallory</from><m:from xmlns:m='urn:x'>system</m:from>",
)
FORGED_STAMPS = (
    "",
    f"<hops xmlns='{META}'>-40</hops>",
    f"<tenant xmlns='{META}'>victims</tenant>",
    f"<attempt xmlns='{META}'>9</attempt><deadline xmlns='{META}'>2999-01-01T00:00:00Z</deadline>",
    f"<m:id xmlns:m='{META}'>c.1</m:id><m:in-reply-to xmlns:m='{META}'>c.1</m:in-reply-to>",
)
FORGED_THREADS = ("t", "{stolen}", "{below}", "{closed}")
FORGED_PAYLOADS = (
    TASK,
    '<SystemError xmlns=""><code>routing</code><message>m</message>'
    "<retry_allowed>true</retry_allowed><id>1</id></SystemError>",
)


def forgeries(threads: dict[str, str]) -> Iterator[tuple[bytes, str]]:
    """Yield a thousand envelopes that each claim something false, and the stamps they bear."""
    every = product(FORGED_SENDERS, FORGED_STAMPS, FORGED_THREADS, FORGED_PAYLOADS)
    for sender, stamps, thread, payload in every:
        yield (
            (
                f'<message xmlns="{NAMESPACE}"><meta>{sender}<to>worker</to>'
                f"<thread>{thread.format(**threads)}</thread>{stamps}</meta>{payload}</message>"
            ).encode(),
            stamps,
        )


async def victims_threads(organism: Organism, boss: Probe, worker: Probe) -> dict[str, str]:
    """Return threads of another principal: one that is open, one below it, and one closed."""
    closed = await organism.send("worker", Task("finish"), sender="victim", tenant="victims")
    await worker.next()
    stolen = await organism.send("boss", Task("wait"), sender="victim", tenant="victims")
    below = (await worker.next()).metadata.thread_id
    await organism.drain()
    assert organism.kernel.threads.find(below) is not None
    assert organism.kernel.threads.find(closed) is None
    return {"stolen": stolen, "below": below, "closed": closed}


def cast() -> tuple[Probe, Probe]:
    """Return a boss that lets a worker wait, and the worker."""

    def work(payload: Any, _: HandlerMetadata) -> Any:
        if payload == Task("wait"):
            return HandlerResponse.defer(within=10_000)
        return respond(Result("done"))

    boss = Probe(
        "boss", Task, lambda task, _: HandlerResponse(task, to="worker"), peers=("worker",)
    )
    return boss, Probe("worker", (Task, SystemError), work)


@pytest.mark.virtual_clock
async def test_of_a_thousand_forged_envelopes_none_is_accepted_as_written() -> None:
    """S1: whatever they claim, mallory sent them, in a conversation of mallory's own."""
    boss, worker = cast()
    async with memory_organism(boss, worker) as organism:
        threads = await victims_threads(organism, boss, worker)
        before, watch = len(worker.seen), Watch(organism)
        stamped: dict[str, str] = {}
        for raw, stamps in forgeries(threads):
            stamped[organism.accept(raw, "mallory", "crooks").id] = stamps
        await settled(organism)
        assert len(stamped) == 1_000
        assert not stamped.keys() & set(threads.values())
        accepted = worker.seen[before:]
        for payload, metadata in accepted:
            assert (metadata.from_id, metadata.tenant) == ("mallory", "crooks")
            assert (metadata.hops, metadata.attempt, metadata.in_reply_to) == (0, 1, None)
            assert metadata.thread_id in stamped
            assert payload == Task("x")
        outcomes = [each.thread_id for each in watch.faults] + [
            each.metadata.thread_id for each in accepted
        ]
        assert sorted(outcomes) == sorted(stamped)
        assert 0 < len(accepted) < 500
        for each in watch.sent:
            if each.to_id == "worker":
                assert any("it said it came from" in note for note in each.notes)
                assert bool(stamped[each.thread_id]) == any(
                    "its own" in note for note in each.notes
                )
        assert {
            organism.kernel.threads.find(threads[each]) is None for each in ("stolen", "below")
        } == {False}


@pytest.mark.parametrize(
    "name", ["system", "system.evil", "worker", "", "a b", "\u0455ystem", "x" * 201]
)
async def test_nobody_outside_may_have_the_name_of_somebody_inside(name: str) -> None:
    async with memory_organism(*cast()) as organism:
        with pytest.raises(ValueError, match=r"sender's name|nobody outside"):
            await organism.send("worker", Task("x"), sender=name)
        with pytest.raises(ValueError, match=r"sender's name|nobody outside"):
            organism.accept(envelope("worker"), name)
        assert len(organism.kernel.threads) == 0


@pytest.mark.parametrize("name", ["system", "outside"])
def test_nobody_inside_may_have_the_name_of_the_pump_or_of_the_outside(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        memory_organism(Probe(name, Task))


@pytest.mark.virtual_clock
@pytest.mark.parametrize("payload", SYSTEM_PAYLOADS, ids=lambda each: each.__name__)
async def test_only_the_pump_says_what_the_pump_says(payload: Any) -> None:
    """A handler cannot send a system payload, as an object or as text, to say or to answer."""
    example = {
        Boot: Boot("o", "2025-01-01T00:00:00Z", 1),
        SystemError: SystemError("routing", "m", True, "1"),
        ThreadEnded: ThreadEnded("worker", "t"),
        Huh: Huh("e", b"o"),
    }[payload]
    text = codec_of(payload).to_xml(example)
    told = Probe("told", (Task, *SYSTEM_PAYLOADS))
    raw = Probe("raw", RawPayload)
    says: list[Any] = [
        HandlerResponse(each, to=to) for each in (example, text) for to in ("told", "raw", None)
    ]
    liar = Probe("liar", Task, lambda *_: says, peers=("*",))
    async with memory_organism(liar, told, raw) as organism:
        with pytest.raises(Unanswered):
            await organism.ask("liar", Task("x"))
        await settled(organism)
        with pytest.raises(XmlPipelineError):
            await organism.ask("told", example)
    assert (told.payloads, raw.payloads) == ([], [])


@pytest.mark.virtual_clock
async def test_an_envelope_that_a_handler_writes_is_only_text() -> None:
    forged = envelope("worker", sender="system")
    boss, worker = cast()
    liar = Probe("liar", Task, lambda *_: forged, peers=("*",))
    async with memory_organism(boss, worker, liar) as organism:
        with pytest.raises(Unanswered) as caught:
            await organism.ask("liar", Task("x"))
    assert caught.value.code in ("validation", "routing")
    assert worker.payloads == []


# ── S2: to know a thread is not to be allowed in it ─────────────────────────────────────


@pytest.mark.virtual_clock
async def test_ten_thousand_stolen_guessed_and_replayed_threads_open_nothing() -> None:
    """S2: each begins a conversation of the sender's own, and none can be told from another."""
    random, (boss, worker) = Random(2), cast()
    async with memory_organism(boss, worker) as organism:
        threads = await victims_threads(organism, boss, worker)
        before = len(worker.seen)
        answers: set[tuple[Any, ...]] = set()
        for number in range(10_000):
            kind = ("guess", *threads)[number % 4]
            guess = str(uuid.UUID(int=random.getrandbits(128), version=4))
            sender, tenant = (("mallory", "victims"), ("victim", "crooks"))[number // 4 % 2]
            claimed = threads.get(kind, guess)
            thread = organism.accept(envelope("worker", thread=claimed), sender, tenant)
            assert thread.id not in (*threads.values(), guess)
            assert (thread.parent, thread.conversation.principal) == (None, sender)
            waiter = organism.waiter(thread)
            if number % 500 == 499:
                await organism.drain()
            waiter.add_done_callback(lambda done: answers.add(_shape(done)))
        await settled(organism)
        assert answers == {("worker", Result("done"), 2)}
        assert len(worker.seen) == before + 10_000
        intruders = [each.metadata for each in worker.seen[before:]]
        assert not {each.thread_id for each in intruders} & set(threads.values())
        assert {each.tenant for each in intruders} == {"crooks", "victims"}
        organism.answer(threads["below"], Result("the victim's own"))
        await settled(organism)


def _shape(answered: asyncio.Future[Any]) -> tuple[Any, ...]:
    delivery = answered.result()
    return delivery.sender, delivery.payload, delivery.id


@pytest.mark.virtual_clock
async def test_a_closed_thread_and_one_that_never_was_are_refused_in_the_same_words() -> None:
    boss, worker = cast()
    async with memory_organism(boss, worker) as organism:
        threads = await victims_threads(organism, boss, worker)
        never = str(uuid.uuid4())
        for call in (organism.kill, lambda each: organism.answer(each, Result(""))):
            words = set()
            for thread in (threads["closed"], never):
                with pytest.raises(XmlPipelineError) as caught:
                    call(thread)
                words.add(str(caught.value).replace(thread, "…"))
            assert len(words) == 1


# ── S3: peers, by every way there is ────────────────────────────────────────────────────

NAMES = [f"l{number}" for number in range(20)]
WAYS = ("object", "text", "delayed", "buffer", "sequence", "timer")
NOTE = "<Note><text>{}</text></Note>"


def matrix(random: Random) -> dict[str, set[str]]:
    """Say whom each of twenty listeners may address."""
    return {name: set(random.sample(NAMES, random.randint(0, 8))) for name in NAMES}


def attempt(way: str, sender: str, to: str) -> Any:
    """Return what a handler says to reach somebody in that way."""
    text = NOTE.format(f"{way} {sender} {to}")
    note = Note(f"{way} {sender} {to}")
    return {
        "object": lambda: HandlerResponse(note, to=to),
        "text": lambda: HandlerResponse(f"as you wish: {text}".encode(), to=to),
        "delayed": lambda: HandlerResponse(note, to=to).after(1),
        "buffer": lambda: HandlerResponse(BufferStart(to, text), to="system.buffer"),
        "sequence": lambda: HandlerResponse(SequenceStart(to, text), to="system.sequence"),
        "timer": lambda: HandlerResponse(TimerStart(text, to, seconds=1), to="system.timer"),
    }[way]()


class Crowd:
    """Twenty listeners, each of which tries to reach whom it is told to, in every way."""

    def __init__(self, peers: dict[str, set[str]], **options: Any) -> None:
        self.reached: set[tuple[str, str, str]] = set()
        systems = ("system.buffer", "system.sequence", "system.timer")
        self.listeners = [
            Listener(
                name,
                (Task, Note, SystemError, ThreadEnded, RawPayload),
                self._handle,
                description="Tries.",
                peers=(*peers[name], *systems),
                **options,
            )
            for name in NAMES
        ]

    async def _handle(self, payload: Any, metadata: HandlerMetadata) -> Any:
        name = metadata.own_name
        if isinstance(payload, Note):
            way, sender, _ = payload.text.split(" ")
            self.reached.add((way, sender, name))
            return None if sender == name else respond(Result("ouch"))
        if not isinstance(payload, Task):
            return None
        if payload.text == "everybody":
            return HandlerResponse(Note(f"everybody {name} -"))
        if payload.text == "fail":
            return [attempt("object", name, to) for to in NAMES] if metadata.hops else None
        return [attempt(payload.text, name, to) for to in NAMES]


async def ask_all(organism: Organism, text: str) -> None:
    for name in NAMES:
        await organism.send(name, Task(text))
    await organism.drain()
    await asyncio.sleep(10)
    await organism.drain()


@pytest.mark.virtual_clock
@pytest.mark.parametrize("way", WAYS)
async def test_each_of_twenty_reaches_exactly_whom_it_lists(way: str) -> None:
    """S3: all 400 pairs; oneself can always be reached, but not by a buffer or a sequence."""
    peers = matrix(Random(3))
    crowd = Crowd(peers)
    async with memory_organism(*crowd.listeners) as organism:
        await ask_all(organism, way)
    oneself = way in ("object", "text", "delayed", "timer")
    allowed = {
        (way, sender, to)
        for sender in NAMES
        for to in NAMES
        if to in peers[sender] or (oneself and to == sender)
    }
    assert crowd.reached == allowed


@pytest.mark.virtual_clock
async def test_a_broadcast_reaches_exactly_those_listed_that_listen_to_it() -> None:
    peers = matrix(Random(4))
    crowd = Crowd(peers, broadcast=True)
    async with memory_organism(*crowd.listeners) as organism:
        await ask_all(organism, "everybody")
    assert crowd.reached == {("everybody", sender, to) for sender in NAMES for to in peers[sender]}


@pytest.mark.virtual_clock
async def test_a_group_reaches_all_of_it_if_it_is_listed_and_those_listed_if_it_is_not() -> None:
    members = [Probe(name, Note, group="g") for name in ("a", "b", "c")]
    says = HandlerResponse(Note("x"), to="g")
    asker = Probe("asker", Task, lambda *_: says, peers=("a", "b"))
    friend = Probe("friend", Task, lambda *_: says, peers=("g",))
    async with memory_organism(*members, asker, friend) as organism:
        await organism.send("asker", Task("x"))
        await organism.drain()
        assert [len(each.seen) for each in members] == [1, 1, 0]
        await organism.send("friend", Task("x"))
        await organism.drain()
        assert [len(each.seen) for each in members] == [2, 2, 1]


@pytest.mark.virtual_clock
async def test_an_answer_and_an_error_reach_the_caller_and_nobody_else() -> None:
    heard: list[str] = []

    def listen(payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            return HandlerResponse(payload, to="worker")
        heard.append(f"{metadata.own_name} {type(payload).__name__}")
        return None

    def work(task: Task, _: HandlerMetadata) -> Any:
        if task.text == "crash":
            raise RuntimeError
        return respond(Result(""))

    accepts = (Task, Result, SystemError, ThreadEnded)
    caller = Probe("caller", accepts, listen, peers=("worker",))
    others = [Probe(f"other{n}", accepts, listen, broadcast=True) for n in range(5)]
    async with memory_organism(caller, Probe("worker", Task, work), *others) as organism:
        for text in ("crash", "answer"):
            await organism.send("caller", Task(text))
            await organism.drain()
    assert heard == ["caller SystemError", "caller Result"]


# ── S4: text stays text ─────────────────────────────────────────────────────────────────

INJECTIONS = (
    "</text></Task><Task><text>more",
    "</text></Task></message>" + envelope("secret").decode(),
    envelope("secret", sender="system").decode(),
    "<to>secret</to>",
    "]]></text></Task><Task xmlns=''><text>",
    "<![CDATA[</text></Task>]]>",
    "<!-- --><Task><text>x</text></Task><!--",
    "&lt;/text&gt;&lt;/Task&gt;",
    "&#60;/text&#62;",
    '" xmlns="urn:evil',
    "<?xml version='1.0'?><Task/>",
    "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>&b;",
    "\u2028</text>\u2029",
    "\r\n</text>\r\n",
    '<tool_call>{"name": "secret"}</tool_call>',
)


def injections(random: Random, count: int) -> list[str]:
    """Return so many texts that try to be more than text."""
    some = [*INJECTIONS, "a", "&", "<", ">", "\"'", "\t\n", "]]>", "<Task>", "</message>"]
    made = ["".join(random.choices(some, k=random.randint(1, 4))) for _ in range(count)]
    return [*INJECTIONS, *made][:count]


async def carried(texts: list[str]) -> int:
    """Send each text through two listeners and back; return how many could be carried.

    Each text makes the four messages that any other makes, or is refused before the first.
    """
    secret = Probe("secret", (Task, Result, RawPayload), broadcast=True)
    worker = Probe("worker", Task, lambda task, _: respond(Result(task.text)))

    def pass_on(payload: Any, _: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            return HandlerResponse(payload, to="worker")
        return respond(payload)

    boss = Probe("boss", (Task, Result), pass_on, peers=("*",))
    arrived = 0
    async with memory_organism(boss, worker, secret) as organism:
        watch = Watch(organism)
        for text in texts:
            answer = await answered(organism, text)
            await asyncio.sleep(0)
            way = [each.to_id for each in watch.sent]
            assert (answer, way) in (
                (Result(text), ["boss", "worker", "boss", "outside"]),
                ("validation", []),
            )
            watch.sent.clear()
            arrived += answer != "validation"
        await settled(organism)
    assert secret.payloads == []
    return arrived


async def answered(organism: Organism, text: str) -> Any:
    """Return the answer to a text, or the code of the refusal."""
    try:
        return await organism.ask("boss", Task(text))
    except XmlPipelineError as error:
        return error.code


async def test_a_thousand_markup_injections_arrive_as_the_text_they_are() -> None:
    assert await carried(injections(Random(4), 1_000)) == 1_000


async def test_naughty_strings_arrive_as_they_are_or_are_refused() -> None:
    strings: list[str] = json.loads((corpus("blns") / "blns.json").read_text("utf-8"))
    assert len(strings) > 500
    assert await carried(strings) > 0.95 * len(strings)


async def test_payloads_that_a_handler_writes_side_by_side_are_each_checked_alone() -> None:
    text = b"<Note><text>1</text></Note><Note><no/></Note><Note><text>2</text></Note>"
    friend, secret = Probe("friend", Note), Probe("secret", Note)

    def write(payload: Any, metadata: HandlerMetadata) -> Any:
        if isinstance(payload, SystemError):
            return None
        return [HandlerResponse(text, to=to) for to in ("friend", "secret")]

    writer = Probe("writer", (Task, SystemError), write, peers=("friend",))
    async with memory_organism(writer, friend, secret) as organism:
        watch = Watch(organism)
        await organism.send("writer", Task("x"))
        await settled(organism)
    assert (friend.payloads, secret.payloads) == ([Note("1"), Note("2")], [])
    assert [each.code for each in watch.faults] == ["validation"] + ["routing"] * 3


# ── S24: what is told of an error ───────────────────────────────────────────────────────

TELLTALE = re.compile(
    r"/|\\|\.py|Traceback|line \d|lxml|libxml|XMLSchema|XSD|schema|Error\b|Exception|Rejected"
    r"|Invalid|worker|secret|Task|Note|handler raised|0x[0-9a-f]+|password",
    re.IGNORECASE,
)


def crash(*_: object) -> None:
    raise RuntimeError("/home/secret/password.py")


def mishaps() -> dict[str, Any]:
    """Return what a handler may say that goes wrong, by what goes wrong."""
    bad = "<Note><secret>x</secret></Note>"
    return {
        "absent": HandlerResponse(Note("x"), to="absent"),
        "forbidden": HandlerResponse(Note("x"), to="secret"),
        "unfit": HandlerResponse(Result("x"), to="worker"),
        "unreadable": HandlerResponse(b"<Note><text>cut off", to="worker"),
        "invalid": HandlerResponse(bad.encode(), to="worker"),
        "unwritable": HandlerResponse(Note("\0"), to="worker"),
        "no payload": HandlerResponse(object(), to="worker"),
        "crash": HandlerResponse(Note("crash"), to="worker"),
        "slow": HandlerResponse(Note("slow"), to="worker"),
        "ill": HandlerResponse(Note("ill"), to="worker"),
    }


async def work(note: Note, metadata: HandlerMetadata) -> Any:
    if note.text == "crash":
        crash()
    if note.text == "slow":
        await asyncio.Event().wait()
    return respond(Note("\0"))


@pytest.mark.virtual_clock
async def test_what_a_peer_is_told_of_an_error_names_nothing_but_its_code_and_id() -> None:
    told: list[SystemError | Huh] = []
    ways = mishaps()

    def react(payload: Any, _: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            return ways[payload.text]
        told.append(payload)
        return respond(Result(""))

    asker = Probe("asker", (Task, SystemError), react, peers=("worker", "absent"))
    worker = Listener("worker", Note, work, description="Works.", timeout=1.0)
    async with memory_organism(asker, worker, Probe("secret", Note)) as organism:
        watch = Watch(organism)
        for way in ways:
            await organism.ask("asker", Task(way))
        await settled(organism)
    assert len(told) == len(ways)
    for each in told:
        assert isinstance(each, SystemError)
        assert each.code in FAULT_CODES
        assert each.message in NEUTRAL_WORDS.values()
        assert re.fullmatch("[0-9a-f]{16}", each.id)
        assert not TELLTALE.search(each.message)
    assert [each.id for each in watch.faults] == [
        each.id for each in told if isinstance(each, SystemError)
    ]


@pytest.mark.virtual_clock
async def test_what_the_outside_is_told_of_an_error_names_nothing_but_its_code_and_id() -> None:
    worker = Listener("worker", (Task, Note), work, description="Works.", timeout=1.0)
    random, seeds = Random(24), (envelope("worker"), envelope("secret", "<Note/>"), envelope(None))
    async with memory_organism(worker) as organism:
        waiters = [
            organism.waiter(organism.accept(mutated(random, random.choice(seeds)), "outside"))
            for _ in range(1_000)
        ]
        for text in ("crash", "slow", "ill"):
            note = f'<Note xmlns=""><text>{text}</text></Note>'
            waiters.append(organism.waiter(organism.accept(envelope("worker", note), "outside")))
        await asyncio.wait(waiters)
    errors = [error for each in waiters if (error := each.exception())]
    assert len(errors) > 900
    assert {error.code for error in errors if isinstance(error, Unanswered)} >= {
        "validation",
        "routing",
        "handler",
        "timeout",
    }
    for error in errors:
        assert isinstance(error, Unanswered)
        assert not TELLTALE.search(str(error)), str(error)
        assert error.__cause__ is None


@pytest.mark.virtual_clock
async def test_who_wrote_what_cannot_be_read_gets_back_only_the_beginning_of_it() -> None:
    told: list[Huh] = []
    text = b"<Note><text>cut off in the middle " * 300

    def react(payload: Any, _: HandlerMetadata) -> Any:
        if isinstance(payload, Task):
            return text
        told.append(payload)
        return respond(Result(""))

    async with memory_organism(Probe("asker", (Task, Huh), react)) as organism:
        await organism.ask("asker", Task("x"))
    (huh,) = told
    assert huh.error in NEUTRAL_WORDS.values()
    assert text.startswith(huh.original_attempt)
    assert 0 < len(huh.original_attempt) <= 4096
