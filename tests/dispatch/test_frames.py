"""Frames: whatever comes over a pipe is bytes of a fixed format, or ends the connection."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xml_pipeline.dispatch.frames import MOST_BYTES, BadFrame, Kind, Unframer, frame, pack, unpack

FRAMES = st.lists(st.tuples(st.sampled_from(Kind), st.binary(max_size=50)), max_size=5)


@given(FRAMES, st.lists(st.integers(0, 300), max_size=5))
def test_frames_come_out_as_they_went_in_however_they_are_cut(
    frames: list[tuple[Kind, bytes]], cuts: list[int]
) -> None:
    data = b"".join(frame(kind, body) for kind, body in frames)
    unframer = Unframer()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    found = [each for a, b in pairwise(places) for each in unframer.feed(data[a:b])]
    assert found == frames


@given(st.binary(max_size=100))
def test_any_bytes_are_frames_or_refused(data: bytes) -> None:
    try:
        found = list(Unframer().feed(data))
    except BadFrame:
        return
    assert all(isinstance(kind, Kind) for kind, _ in found)


def test_a_frame_that_would_be_too_long_is_refused_at_its_head() -> None:
    head = (MOST_BYTES + 1).to_bytes(4, "big") + bytes([Kind.JOB])
    with pytest.raises(BadFrame):
        list(Unframer().feed(head))
    with pytest.raises(BadFrame, match="too many"):
        frame(Kind.JOB, bytes(MOST_BYTES + 1))


def test_a_kind_that_nobody_knows_is_refused() -> None:
    with pytest.raises(BadFrame):
        list(Unframer().feed(b"\0\0\0\1\0x"))


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_parts_are_unpacked_as_they_were_packed(parts: list[bytes]) -> None:
    assert unpack(pack(*parts)) == parts


@given(st.binary(max_size=50))
def test_any_bytes_are_parts_or_refused(body: bytes) -> None:
    try:
        parts = unpack(body)
    except BadFrame:
        return
    assert pack(*parts) == body
