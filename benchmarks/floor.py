"""The floor: what one message costs that is only parsed, checked, read and answered.

No pump, no thread, no task; nothing that receives XML, believes its schemas and answers in XML
can be faster. It is written by hand, so that our own generated readers and writers are part of
what is measured against it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lxml import etree

from xml_pipeline import xmlify
from xml_pipeline.errors import Rejected
from xml_pipeline.payload import codec_of
from xml_pipeline.steps.envelope import envelope_schema
from xml_pipeline.steps.seal import seal
from xml_pipeline.steps.xml import strict_parser

THREAD = "0b6d6a3e-92d0-4a6f-8c0e-5a1f0e8f7d21"


@xmlify
@dataclass(frozen=True, slots=True)
class Ball:
    """What is played to and fro."""

    player: str
    stroke: str
    remark: str
    rally: int
    speed: float
    fair: bool


BALL = Ball(
    "Suzanne Lenglen",
    "backhand down the line",
    "A sentence of a hundred and forty characters, which is about what a language model says "
    "when it has been told to keep its answer very short.",
    1926,
    141.25,
    True,
)


def envelope() -> bytes:
    """Return the envelope that is measured: 470 bytes, six fields."""
    return seal(codec_of(Ball), BALL, "ping", "pong", THREAD)


def floor() -> Callable[[bytes], bytes]:
    """Return the function from an envelope to its answer, with everything it needs prepared."""
    parser = strict_parser()
    envelope_fits: Callable[[Any], bool] = envelope_schema().validate
    payload_fits: Callable[[Any], bool] = codec_of(Ball).schema.validate

    def answer(raw: bytes) -> bytes:
        root: Any = etree.fromstring(raw, parser)
        if not envelope_fits(root):
            raise Rejected("validation", "not an envelope")
        meta, payload = root
        if not payload_fits(payload):
            raise Rejected("validation", "not a ball")
        player, stroke, remark, rally, speed, fair = payload
        ball = Ball(
            player.text or "",
            stroke.text or "",
            remark.text or "",
            int(rally.text),
            float(speed.text),
            fair.text == "true",
        )
        return (
            '<message xmlns="https://xml-pipeline.org/ns/envelope/v1"><meta>'
            f"<from>{meta[1].text}</from><to>{meta[0].text}</to><thread>{meta[2].text}</thread>"
            f'</meta><Ball xmlns=""><player>{ball.player}</player><stroke>{ball.stroke}</stroke>'
            f"<remark>{ball.remark}</remark><rally>{ball.rally}</rally><speed>{ball.speed}</speed>"
            f"<fair>{'true' if ball.fair else 'false'}</fair></Ball></message>"
        ).encode()

    return answer
