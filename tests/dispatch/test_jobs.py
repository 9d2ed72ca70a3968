"""Jobs and their replies as bytes: read back as written, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xml_pipeline.dispatch.frames import BadFrame, pack
from xml_pipeline.dispatch.jobs import (
    Answer,
    Failure,
    Job,
    Said,
    decode_job,
    decode_reply,
    decode_words,
    encode_job,
    encode_reply,
    encode_words,
)
from xml_pipeline.errors import FAULT_CODES

TEXT = st.text(max_size=10)
MAYBE = st.none() | TEXT
TEXTS = st.lists(TEXT, max_size=3)
NUMBER = st.integers()
SECONDS = st.none() | st.floats(0, 9)
JOBS = st.builds(
    Job, TEXT, TEXT, TEXTS, TEXTS, TEXT, TEXT, TEXT, NUMBER, NUMBER | TEXT, NUMBER, NUMBER,
    TEXT, TEXT, TEXT, TEXT, SECONDS, st.binary(max_size=10), st.binary(max_size=10),
)  # fmt: skip
SAID = st.builds(
    Said, MAYBE, MAYBE, MAYBE, st.floats(0, 9) | st.integers(0, 9),
    st.sampled_from(["send", "respond", "acknowledge", "defer"]), st.binary(max_size=10),
)  # fmt: skip
ANSWERS = st.builds(Answer, st.lists(SAID, max_size=3).map(tuple), st.binary(max_size=10))
AFTER = st.none() | st.floats(0, 1e9)
FAILURES = st.builds(Failure, TEXT, TEXT, st.sampled_from(FAULT_CODES), TEXT, AFTER, TEXT)


@given(JOBS)
def test_a_job_is_read_back_as_it_was_written(job: Job) -> None:
    assert decode_job(encode_job(job)) == job


@given(ANSWERS | FAILURES)
def test_a_reply_is_read_back_as_it_was_written(reply: Answer | Failure) -> None:
    assert decode_reply(encode_reply(reply)) == reply


PARTS = st.lists(st.binary(max_size=20), max_size=4)


@given(st.binary(max_size=50) | PARTS.map(lambda parts: pack(*parts)))
def test_any_other_bytes_are_refused(body: bytes) -> None:
    for decode in (decode_job, decode_reply, decode_words):
        with pytest.raises(BadFrame):
            decode(body)


@pytest.mark.parametrize(
    "body",
    [
        pack(encode_words("failure", "a", "b", "no code", "d", None, "")),
        pack(encode_words("failure", "a", "b", "handler", 5, None, "")),
        pack(encode_words("failure", "a", "b", "handler", "d", None, None)),
        pack(encode_words("failure", "a", "b", "handler", "d", None)),
        pack(encode_words("answer", [None, None, None, 0.0, "shout"]), b"", b""),
        pack(encode_words("answer", [None, 5, None, 0.0, "send"]), b"", b""),
        pack(encode_words("answer", [None, None, None, 0.0]), b"", b""),
        pack(encode_words("answer", "text"), b"", b""),
        pack(encode_words("answer"), b"", b"one too many"),
        pack(encode_words("question"), b""),
    ],
)
def test_a_reply_that_is_nearly_right_is_refused(body: bytes) -> None:
    with pytest.raises(BadFrame):
        decode_reply(body)


@given(JOBS, st.integers(0, 15))
def test_a_job_with_an_item_of_another_type_is_refused(job: Job, place: int) -> None:
    head: list[object] = list(job[:-2])
    head[place] = {}
    with pytest.raises(BadFrame):
        decode_job(pack(encode_words(*head), job.state, job.payload))
