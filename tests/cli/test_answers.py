"""Programs get the answer as XML, people as they would have written it."""

from __future__ import annotations

import pytest

from xml_pipeline.cli.answers import payload_of

ENVELOPE = (
    '<message xmlns="https://xml-pipeline.org/ns/envelope/v1"><meta><from>a</from>'
    '<thread>t</thread></meta><{0} xmlns="">{1}</{0}></message>'
)


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("<text>Hello</text>", "Hello"),
        ("<text>\n┌─┐\n└─┘\n</text>", "┌─┐\n└─┘"),
        ("<text></text>", ""),
        ("<a>1</a><b>2</b>", "<Said>\n  <a>1</a>\n  <b>2</b>\n</Said>"),
        ("<a><b>1</b></a>", "<Said>\n  <a>\n    <b>1</b>\n  </a>\n</Said>"),
        ("", "<Said/>"),
    ],
)
def test_people_get_a_lone_text_as_it_is_and_anything_else_indented(
    content: str, shown: str
) -> None:
    assert payload_of(ENVELOPE.format("Said", content).encode(), indented=True) == shown


def test_programs_get_the_payload_as_one_piece_of_xml() -> None:
    envelope = ENVELOPE.format("Said", "<text>Hello</text>").encode()
    assert payload_of(envelope) == "<Said><text>Hello</text></Said>"
