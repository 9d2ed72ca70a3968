"""Who signed an envelope is who sent it; time and nonces are held to; nothing else is believed.

What an attacker does to a signed envelope is in ``tests/security/test_signatures.py``.
"""

from __future__ import annotations

import pytest

from tests.identity.parts import ALICE, BOB, NOW, Clock, Reader, envelope, signer
from xml_pipeline.errors import Rejected, SignatureRefused
from xml_pipeline.identity.form import AHEAD, LONGEST, SKEW
from xml_pipeline.identity.nonces import Nonces
from xml_pipeline.message import Wire
from xml_pipeline.thread import Conversation, Thread


def refusal(reader: Reader, raw: bytes) -> str:
    with pytest.raises(SignatureRefused) as caught:
        reader(raw)
    return caught.value.detail


def test_who_signed_takes_the_place_of_who_brought_it() -> None:
    read = Reader()(signer()(envelope()), channel="http:operator")
    assert (read.wire.sender, read.wire.origin) == ("alice", "signed")
    assert read.wire.conversation.principal == "alice"
    assert read.wire.conversation.channel == "http:operator"
    assert read.notes == ("signed by alice, brought by http:operator",)


def test_who_brings_what_they_signed_themselves_is_worth_no_note() -> None:
    read = Reader()(signer()(envelope()), channel="alice")
    assert (read.wire.sender, read.wire.origin, read.notes) == ("alice", "signed", ())


def test_what_is_not_signed_is_from_whoever_brought_it_where_that_is_allowed() -> None:
    read = Reader(required=False)(envelope("alice"), channel="http:operator")
    assert (read.wire.sender, read.wire.origin) == ("http:operator", "outside")
    assert "there is none" in refusal(Reader(), envelope("alice"))


def test_the_signature_leaves_the_tree_that_goes_on() -> None:
    reader = Reader()
    read = reader(signer()(envelope()))
    message = read.payload.getparent()
    assert message is not None
    assert not [each for each in message[0] if each.tag.endswith("}sig")]


def test_a_name_of_somebody_inside_is_nobodys_outside() -> None:
    reader = Reader(keys={"worker": ALICE})
    assert "nobody outside" in refusal(reader, signer()(envelope("worker")))


def test_a_key_speaks_for_its_own_name_only() -> None:
    assert "not made by 'bob'" in refusal(Reader(), signer(ALICE)(envelope("bob")))
    assert "no key of 'carol'" in refusal(Reader(), signer(ALICE)(envelope("carol")))
    assert Reader()(signer(BOB)(envelope("bob"))).wire.sender == "bob"


# ── Conversations ───────────────────────────────────────────────────────────────────────


def second_message(reader: Reader, principal: str, raw: bytes) -> Wire:
    conversation = Conversation(1, "c", "http:operator", "")
    conversation.principal = principal
    thread = Thread("c", conversation, None, principal, "", 1)
    wire = Wire(raw, "outside", "inject", "http:operator", conversation, thread, 2)
    return reader.read(wire).wire


def test_a_conversation_belongs_to_whoever_signed_what_opened_it() -> None:
    reader = Reader(required=False)
    assert second_message(reader, "alice", signer()(envelope())).sender == "alice"
    for raw in (signer(BOB)(envelope("bob")), envelope()):
        with pytest.raises(Rejected, match="in a conversation of another"):
            second_message(reader, "alice", raw)


# ── Time ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("seconds", "age", "why"),
    [
        (300.0, 300.0 + SKEW, ""),
        (300.0, 300.0 + SKEW + 0.001, "expired"),
        (300.0, 86_400.0, "expired"),
        (300.0, -AHEAD, ""),
        (300.0, -AHEAD - 0.001, "a time to come"),
        (300.0, -86_400.0, "a time to come"),
        (LONGEST, 0.0, ""),
        (LONGEST + 0.001, 0.0, "holds for more than"),
        (1e9, 0.0, "holds for more than"),
        (0.001, 0.0, ""),
        (0.0, 0.0, "or not at all"),
        (-5.0, 0.0, "or not at all"),
    ],
)
def test_a_signature_holds_from_its_making_to_its_end_and_an_hour_at_most(
    seconds: float, age: float, why: str
) -> None:
    raw, reader = signer(seconds=seconds)(envelope()), Reader(Clock(NOW + age))
    if why:
        assert why in refusal(reader, raw)
    else:
        assert reader(raw).wire.sender == "alice"


def test_what_was_signed_before_a_start_is_refused_after_it() -> None:
    """It may have been heard before, and what was heard then is forgotten."""
    clock = Clock()
    sign, before = signer(clock=clock), Reader(clock)
    heard, unheard = sign(envelope()), sign(envelope())
    assert before(heard).wire.sender == "alice"
    clock.now += 0.001
    after = Reader(clock, since=clock.now)
    assert "not remembered" in refusal(after, heard)
    assert "not remembered" in refusal(after, unheard)


def test_a_signer_whose_clock_is_fast_gains_nothing_by_a_restart() -> None:
    """All that was believed before a start bears a time that is not believed after it."""
    fast, clock = Clock(NOW + AHEAD), Clock()
    raw = signer(clock=fast)(envelope())
    assert Reader(clock)(raw).wire.sender == "alice"
    assert "not remembered" in refusal(Reader(clock, since=NOW), raw)


def test_two_seconds_after_a_start_what_is_signed_then_is_believed() -> None:
    clock = Clock()
    reader, sign = Reader(clock, since=NOW), signer(clock=clock)
    clock.now = NOW + AHEAD
    assert "sign it again" in refusal(reader, sign(envelope()))
    clock.now = NOW + AHEAD + 0.001
    assert reader(sign(envelope())).wire.sender == "alice"


# ── Nonces ──────────────────────────────────────────────────────────────────────────────


def test_the_same_envelope_is_heard_once() -> None:
    reader, raw = Reader(), signer()(envelope())
    assert reader(raw).wire.sender == "alice"
    for _ in range(3):
        assert "was seen before" in refusal(reader, raw)


def test_a_nonce_is_remembered_until_its_envelope_has_expired_and_no_longer() -> None:
    clock = Clock()
    reader, sign = Reader(clock, most=1), signer(clock=clock)
    first = sign(envelope())
    assert reader(first).wire.sender
    assert "has used 1 nonces" in refusal(reader, sign(envelope()))
    clock.now += 300 + SKEW
    assert "was seen before" in refusal(reader, first)
    clock.now += 0.001
    assert "expired" in refusal(reader, first)
    assert reader(sign(envelope())).wire.sender


def test_one_sender_cannot_fill_the_memory_of_another() -> None:
    reader = Reader(most=1)
    assert reader(signer(ALICE)(envelope("alice"))).wire.sender
    assert "nonces" in refusal(reader, signer(ALICE)(envelope("alice")))
    assert reader(signer(BOB)(envelope("bob"))).wire.sender


def test_a_stranger_leaves_nothing_in_the_memory() -> None:
    reader = Reader(most=1)
    for raw in (signer(BOB)(envelope("alice")), signer(BOB)(envelope("carol"))):
        refusal(reader, raw)
    assert reader(signer(ALICE)(envelope("alice"))).wire.sender


def test_memory_is_bounded_over_a_day_of_messages() -> None:
    nonces = Nonces(most=500, since=0.0)
    for second in range(86_400):
        nonces.note("alice", f"{second:032x}", NOW + second + 360, NOW + second)
    remembered = nonces._senders["alice"]
    assert len(remembered.nonces) == len(remembered.ends) == 361


@pytest.mark.parametrize("jump", [3_600.0, -3_600.0])
def test_a_clock_that_jumps_an_hour_reopens_nothing(jump: float) -> None:
    """R16: twenty jumps there and back, with all that was ever heard tried again after each."""
    clock = Clock()
    reader, heard = Reader(clock, most=10_000), list[bytes]()
    for _ in range(20):
        clock.now += 30
        for _ in range(5):
            raw = signer(clock=clock)(envelope())
            heard.append(raw)
            reader(raw)
        for step in (jump, -jump):
            clock.now += step
            for raw in heard:
                with pytest.raises(SignatureRefused):
                    reader(raw)


def test_after_a_jump_ahead_and_back_honest_messages_are_heard() -> None:
    clock = Clock()
    reader, sign = Reader(clock), signer(clock=clock)
    for jump in (3_600.0, -3_600.0, 3_600.0, -3_600.0):
        assert reader(sign(envelope())).wire.sender == "alice"
        clock.now += jump + 1
