"""A stream of XML is taken apart into documents, whatever its chunks and its mistakes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xml_pipeline.cli.documents import Document, DocumentTooLong, Splitter

ROOT = '<message xmlns="urn:x">'
SMALL = f"{ROOT}<meta/><a>1</a></message>"


def split(text: str | bytes, chunk: int = 7) -> list[bytes]:
    return [document.raw for document in documents(text, chunk)]


def documents(text: str | bytes, chunk: int = 7) -> list[Document]:
    raw = text.encode() if isinstance(text, str) else text
    return list(
        split_in_chunks(Splitter(), [raw[at : at + chunk] for at in range(0, len(raw), chunk)])
    )


def split_in_chunks(splitter: Splitter, chunks: Iterable[bytes]) -> Iterator[Document]:
    for chunk in chunks:
        yield from splitter.feed(chunk)
    yield from splitter.close()


@pytest.mark.parametrize("separator", ["", "\n", "\n\n  \n", "\r\n", "\ufeff", "<!-- and -->"])
def test_documents_end_where_their_roots_end(separator: str) -> None:
    found = split(separator.join((SMALL, SMALL, SMALL)))
    assert [each.removeprefix(b"<!-- and -->") for each in found] == [SMALL.encode()] * 3


@pytest.mark.parametrize(
    "document",
    [
        "<a/>",
        "<a b='>'/>",
        '<a b="/>">x</a>',
        "<?xml version='1.0'?>\n<!-- <a> -->\n<a>x</a>",
        "<!DOCTYPE a [<!ENTITY b 'c'> <!ELEMENT a ANY>]><a>&b;</a>",
        "<a>\n<a>\n<a/></a></a>",
        f"{ROOT}<![CDATA[\n{ROOT}]]><!--\n{ROOT}--><?p\n{ROOT}?></message>",
        f'{ROOT}\n<message xmlns="">\n</message>\n</message>',
        "<ä:é>ü</ä:é>",
        "<a>1 > 0</a>",
    ],
)
def test_one_document_stays_whole_among_others(document: str) -> None:
    assert split("\n".join((SMALL, document, SMALL))) == [
        SMALL.encode(),
        document.encode(),
        SMALL.encode(),
    ]


@pytest.mark.parametrize(
    "broken",
    [
        f"{ROOT}<meta><a>1</a></message>",
        f"{ROOT}",
        f"{ROOT}<a>1 < 2</a>",
        f"{ROOT}<a </message>",
        "just text",
        "</message>",
        "< a",
        "<",
    ],
)
def test_a_broken_document_does_not_take_the_next_ones_with_it(broken: str) -> None:
    assert split("\n".join((SMALL, broken, SMALL, SMALL))) == [
        SMALL.encode(),
        broken.encode(),
        SMALL.encode(),
        SMALL.encode(),
    ]


def test_too_many_closing_tags_take_none_of_the_next_documents_with_them() -> None:
    broken = f'{ROOT}<a b="1>2</a></message>'
    assert split("\n".join((broken, SMALL, SMALL)))[-2:] == [SMALL.encode()] * 2


def test_an_xml_declaration_begins_a_document_whatever_is_open() -> None:
    declared = "<?xml version='1.0'?><b/>"
    assert split(f"<a>\n{declared}\n{declared}") == [b"<a>", declared.encode(), declared.encode()]


@pytest.mark.parametrize("rest", ["", "\n", "<!-- the end -->", "\n<!-- a --> <!-- b -->\n"])
def test_nothing_but_comments_at_the_end_is_no_document(rest: str) -> None:
    assert split(SMALL + rest) == [SMALL.encode()]


@pytest.mark.parametrize("rest", ["<?xml version='1.0'?>", "<!-- open", "<a><b>", "<a", "x"])
def test_whatever_else_is_left_at_the_end_is_a_document(rest: str) -> None:
    assert split(SMALL + rest) == [SMALL.encode(), rest.encode()]


def test_a_document_knows_on_which_line_it_begins() -> None:
    text = f"\n{SMALL}\n\n{ROOT}\n<a/>\n</message>{SMALL}\n  junk\n{SMALL}"
    assert [each.line for each in documents(text)] == [2, 4, 6, 7, 8]


def test_a_document_is_given_back_before_anything_follows_it() -> None:
    splitter = Splitter()
    assert [*splitter.feed(SMALL.encode())] == [Document(SMALL.encode(), 1)]
    assert [*splitter.feed(b"\n" + SMALL.encode())] == [Document(SMALL.encode(), 2)]


def test_a_document_without_an_end_is_not_held_for_ever() -> None:
    splitter = Splitter(most_bytes=1_000)
    with pytest.raises(DocumentTooLong, match="1000 bytes"):
        list(split_in_chunks(splitter, [b"\n <a>" + b"x" * 100] * 100))
    assert splitter.line == 2


CONTENT = st.text("<>/a\"'= &-]![?\n", max_size=30)


@given(parts=st.lists(CONTENT, max_size=8), chunk=st.integers(1, 40))
def test_the_chunks_make_no_difference_and_nothing_is_lost(parts: list[str], chunk: int) -> None:
    text = SMALL.join(parts)
    found = split(text, chunk)
    assert found == split(text, 10_000)
    assert without_blanks(found) == without_blanks([text.encode()]) or "<!--" in text


def without_blanks(parts: Iterable[bytes]) -> bytes:
    return b"".join(b"".join(parts).split())
