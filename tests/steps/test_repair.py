"""What is made of XML that a handler wrote by hand, and what is left alone or refused."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from lxml import etree

from tests.steps.documents import documents
from xml_pipeline.errors import Rejected
from xml_pipeline.steps.limits import XmlLimits
from xml_pipeline.steps.repair import MOST_PAYLOADS, Draft, Repaired, canonical, repair


def repaired(text: str) -> tuple[list[str], list[str]]:
    """Return the payloads and the repairs of a text."""
    result = repair(text.encode())
    return [payload.decode() for payload in result.payloads], list(result.repairs)


def refusal(text: str | bytes, limits: XmlLimits | None = None) -> str:
    """Return the detail of the refusal; it is always a ``validation``."""
    raw = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(Rejected) as caught:
        repair(raw, limits or XmlLimits())
    assert caught.value.code == "validation"
    return caught.value.detail


def c14n(document: str) -> bytes:
    parser = etree.XMLParser(remove_comments=True, resolve_entities=False)
    element = etree.fromstring(document.encode(), parser)
    return etree.tostring(element, method="c14n", exclusive=True)


# ── Nothing to repair ───────────────────────────────────────────────────────────────────


@given(documents)
@example("<a x='1\n2\t3'>\t</a>")
@example("<a\n x = '>' ><b\t/></a >")
@example("<a><![CDATA[<b> & ]]]]></a>")
@example("<a><!----><!-- <b> & --></a>")
@example("<a>]] >\r</a>")
@example("<À-· 𐀀='1'/>")
@example("<a>&#00000000065;&#x000041;</a>")
@example("<a xml:lang='en'>`<b>`</b></a>")
@example("<a:b xmlns:a='urn:x'><b xmlns='urn:y' a:c=''/></a:b>")
def test_a_well_formed_document_is_only_canonicalised(document: str) -> None:
    assert repair(document.encode()) == Repaired((c14n(document),), ())


@given(st.lists(documents, min_size=1, max_size=4))
def test_elements_side_by_side_become_one_payload_each(elements: list[str]) -> None:
    text = "\n<!-- and -->".join(elements)
    assert repair(text.encode()) == Repaired(tuple(map(c14n, elements)), ())


def test_a_payload_declares_only_the_namespaces_it_uses() -> None:
    text = '<?xml version="1.0"?><p:a xmlns:p="urn:p" xmlns:q="urn:q"/><b xmlns:p="urn:p"/>'
    assert repaired(text) == (['<p:a xmlns:p="urn:p"></p:a>', "<b></b>"], [])


@pytest.mark.parametrize(
    "declaration", ["<?xml version='1.0'?>", '<?xml version="1.0" encoding="UTF-8"?>\r\n']
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_declaration_of_utf_8_is_left_out_in_silence(mark: str, declaration: str) -> None:
    assert repaired(f"{mark}{declaration}<a/>{declaration}<b/>") == (["<a></a>", "<b></b>"], [])


def test_an_envelope_is_a_payload_like_any_other() -> None:
    text = '<message xmlns="https://xml-pipeline.org/ns/envelope/v1"><meta></meta></message>'
    assert repaired(text) == ([text], [])


# ── Each repair ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "payload", "repairs"),
    [
        ("<a>Tom & Jerry</a>", "<a>Tom &amp; Jerry</a>", ["a bare & was escaped"]),
        ("<a>&&lt;&x;</a>", "<a>&amp;&lt;&amp;x;</a>", ["a bare & was escaped (2 times)"]),
        ("<a>&copy=1</a>", "<a>&amp;copy=1</a>", ["a bare & was escaped"]),
        ("<a>&#0;&#xD800;&#x110000;</a>", "<a>&amp;#0;&amp;#xD800;&amp;#x110000;</a>", None),
        ("<a>1 < 2</a>", "<a>1 &lt; 2</a>", ["a bare < was escaped"]),
        ("<a>x<y && z>w</a>", "<a>x&lt;y &amp;&amp; z&gt;w</a>", None),
        ("<a x='1 < 2 & 3'/>", '<a x="1 &lt; 2 &amp; 3"></a>', None),
        ("<a>[[x]]></a>", "<a>[[x]]&gt;</a>", ["]]> in text was escaped"]),
        ("<a>&nbsp;</a>", "<a>\u00a0</a>", ["&nbsp; became a character"]),
        ("<a b='&Tab;&eacute;'/>", '<a b="&#x9;é"></a>', None),
        ("<a>&LT;b&GT; &AMP;</a>", "<a>&lt;b&gt; &amp;</a>", None),
        ("<a b=1/>", '<a b="1"></a>', ["the value of b was quoted"]),
        (
            "<a b=http://x/?y=1&z=2>t</a>",
            '<a b="http://x/?y=1&amp;z=2">t</a>',
            ["the value of b was quoted", "a bare & was escaped"],
        ),
        ("<Answer>1</answer>", "<Answer>1</Answer>", ["<Answer> was closed by </answer>"]),
        (
            "<a><A>1</a></A>",
            "<a><A>1</A></a>",
            ["<A> was closed by </a>", "<a> was closed by </A>"],
        ),
        ("<a><b>1</a>", "<a><b>1</b></a>", ["<b> was closed before </a>"]),
        ("<a><b>1</a></b>", "<a><b>1</b></a>", ["<b> was closed before </a>"]),
        (
            "<r><a><b><c>1</A>\n</b></C>2</r>",
            "<r><a><b><c>1</c></b></a>\n2</r>",
            [
                "<c> was closed before </A>",
                "<b> was closed before </A>",
                "<a> was closed by </A>",
            ],
        ),
        ("<a>\0b\x1f\ufffe</a>", "<a>b</a>", ["a control character was dropped (3 times)"]),
        ("<a>1<!-- 2 -- 3 --->4</a>", "<a>14</a>", ["a comment with -- in it was dropped"]),
    ],
)
def test_what_is_clearly_meant_is_repaired(
    text: str, payload: str, repairs: list[str] | None
) -> None:
    payloads, done = repaired(text)
    assert payloads == [payload]
    assert done == repairs if repairs is not None else done


def test_bad_utf_8_becomes_replacement_characters() -> None:
    result = repair(b"<a>\xff and \xed\xa0\x80, not \xef\xbf\xbd</a>")
    assert result.payloads == ("<a>\ufffd and \ufffd\ufffd\ufffd, not \ufffd</a>".encode(),)
    assert result.repairs == ("bytes that are not UTF-8 became U+FFFD (4 times)",)


@pytest.mark.parametrize(
    ("text", "repairs"),
    [
        ("```xml\n<a>1</a>\n```", ["a code fence was cut away"]),
        ("~~~\n<a>1</a>\n~~~\n", ["a code fence was cut away"]),
        ("```<a>1</a>```", ["a code fence was cut away"]),
        (
            "```xml <a>1</a> ok\n```",
            ["a code fence was cut away", "text around the XML was cut away: 2 characters"],
        ),
        ("Sure: <a>1</a>", ["text around the XML was cut away: 5 characters"]),
        ("2 < 3 & so\n\n <a>1</a>", ["text around the XML was cut away: 10 characters"]),
        (
            "Here you\nare:\n```xml\n<a>1</a>\n```\nAnything else?",
            ["a code fence was cut away", "text around the XML was cut away: 28 characters"],
        ),
        (
            "I use `<a>` and `</a>`: <a>1</a>",
            ["text around the XML was cut away: 23 characters"],
        ),
    ],
)
def test_what_stands_around_the_xml_is_cut_away_and_counted(text: str, repairs: list[str]) -> None:
    assert repaired(text) == (["<a>1</a>"], repairs)


@pytest.mark.parametrize(
    ("text", "payload"),
    [
        ("Try `<a/>`", "<a></a>"),
        ("```<a>`1`</a>```", "<a>`1`</a>"),
        ("`<a>``1``</a>`", "<a>``1``</a>"),
        ("`<a>` 1</a>`: `</a>`<a/>", None),
    ],
)
def test_only_a_tag_alone_between_single_backticks_is_a_mere_mention(
    text: str, payload: str | None
) -> None:
    if payload is None:
        assert "closes nothing" in refusal(text)
    else:
        assert repaired(text)[0] == [payload]


def test_text_between_elements_is_cut_away_too() -> None:
    payloads, repairs = repaired("First <a>1</a> then\n<b>2</b> done.")
    assert payloads == ["<a>1</a>", "<b>2</b>"]
    assert repairs == ["text around the XML was cut away: 16 characters"]


def test_a_fence_inside_an_element_is_text_of_it() -> None:
    text = "<a>\n```xml\n<b>`x`</b>\n```\n</a>"
    assert repaired(text) == ([text], [])


def test_very_many_kinds_of_repair_are_summed_up() -> None:
    text = "".join(f"<a{n}></A{n}>" for n in range(60))
    repairs = repaired(f"<r>{text}</r>")[1]
    assert len(repairs) == 51
    assert repairs[-1] == "and 10 more repairs"


# ── What is refused ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text", ["", "  \n", "Nothing to say.", "2 < 3", "```xml\n```", "<!-- a -->"]
)
def test_a_text_without_an_element_is_refused(text: str) -> None:
    assert "no element" in refusal(text)


@pytest.mark.parametrize(
    "text", ["<a>10", "<a><b>1</b>", "<a><b>1</a><c>", "<a>1</a><b>2", "List<int> <a>1</a>"]
)
def test_a_text_that_is_cut_off_is_refused(text: str) -> None:
    assert "cut off" in refusal(text)


@given(documents, st.data())
def test_no_beginning_of_a_document_is_taken_for_the_whole(
    document: str, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(document) - 1))
    assert refusal(document[:cut])


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE a><a/>",
        "<a/><!doctype html>",
        "<a>1<!doctype a></a>",
        "<a><?x?></a>",
        "<?x y?><a/>",
        "<a/><?x",
        "<?xml version='1.0' encoding='UTF-16'?><a/>",
        "<a><?xml version='1.0'?></a>",
        "<a><!-- 1</a>",
        "<a><![CDATA[ 1</a>",
        "<![CDATA[<a/>]]>",
        "<a>1</a",
        "<a/><b",
        "x <y <a/>",
        "<a><b>1</b</a>",
        "<a>1</></a>",
        "<a><b x='1></b></a>",
        "<a><b x='<c>'/></a>",
        '<a><b x="<c>"/></a>',
        "<a/><!ELEMENT a ANY>",
        "<a><b x='1'y='2'/></a>",
        "<a><b x=`1`/></a>",
    ],
)
def test_markup_that_could_be_meant_in_two_ways_is_refused(text: str) -> None:
    assert "no repair is known for" in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "<a>1</b></a>",
        "1</a>",
        "<a>1</a></a>",
        "<p><i>one<b>two</i>three</b></p>",
        "<i>one<b>two</i>three</b>",
        "<a><b>1</a><c/></b>",
        "<a><b>1</a></b></b>",
    ],
)
def test_a_closing_tag_without_a_place_is_refused(text: str) -> None:
    assert "closes nothing" in refusal(text)


@pytest.mark.parametrize(
    "text", ["<e:a/>", "<a x='1' x='2'/>", "<a x='1' x=1/>", "<a xmlns:p=''/>"]
)
def test_what_is_not_well_formed_even_then_is_refused(text: str) -> None:
    assert "not well-formed" in refusal(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<a>" * 65 + "</a>" * 65, "too deep"),
        ("<a>" + "<b/>" * 50_000 + "</a>", "too many elements"),
        ("<a/>" * (MOST_PAYLOADS + 1), "side by side"),
        ("<a " + " ".join(f"a{n}=''" for n in range(65)) + "/>", "64 attributes"),
        ("<a xmlns='relative'/>", "absolute URI"),
        ("<a/>" + "x" * (1 << 20), "1048576 bytes"),
        ("<a>" + "&" * (1 << 19) + "</a>", "1048576 bytes"),
    ],
)
def test_the_limits_hold_for_repaired_text_too(text: str, reason: str) -> None:
    assert reason in refusal(text)


def test_other_limits_can_be_given() -> None:
    assert repair(b"<a><b/></a>", XmlLimits(depth=2)).repairs == ()
    assert "too deep" in refusal("<a><b/></a>", XmlLimits(depth=1))


@pytest.mark.parametrize(
    "draft",
    [
        Draft("<a>1</a>", (("a", ()),), "12"),
        Draft("<a/>", (("a", ()), ("b", ())), ""),
        Draft("<a><b/></a>", (("a", ()),), ""),
        Draft("<a/>", (("a", (("x", "1"),)),), ""),
        Draft("<a x='2'/>", (("a", (("x", "1"),)),), ""),
    ],
)
def test_a_draft_that_says_something_else_is_refused(draft: Draft) -> None:
    with pytest.raises(Rejected, match="lost or changed"):
        canonical(draft)


# ── Any text ────────────────────────────────────────────────────────────────────────────

SNIPPETS = """
<a> </a> <B </b> <c/> </ < > & &nbsp; &#x1; ]]> <!-- --> <![CDATA[ <?x?> <!DOCTYPE <e:f> x=1>
` ``` = ' " / x 1 é <a\tb=' xmlns=
"""
snippets = st.sampled_from([*SNIPPETS.split(), " ", "\0", "\r\n"]) | st.text(max_size=3)
jumbles = st.lists(snippets, max_size=12).map("".join)


def outcome(text: bytes) -> Repaired:
    """Return what was repaired, nothing where the text is refused."""
    try:
        return repair(text)
    except Rejected:
        return Repaired((), ())


@given(
    st.binary(max_size=80)
    | jumbles.map(str.encode)
    | jumbles.map(lambda text: f"<r>{text}</r>".encode())
)
def test_any_bytes_become_strict_xml_or_are_refused(text: bytes) -> None:
    for payload in outcome(text).payloads:
        assert repair(payload) == Repaired((payload,), ())


@given(documents, snippets, st.data())
def test_a_damaged_document_becomes_strict_xml_or_is_refused(
    document: str, snippet: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(document)))
    end = data.draw(st.integers(start, min(start + 4, len(document))))
    damaged = f"{document[:start]}{snippet}{document[end:]}"
    for payload in outcome(damaged.encode()).payloads:
        assert repair(payload) == Repaired((payload,), ())


@given(st.text("&<>[]'\"`=/-. 1€😀\t\n"))
def test_no_character_of_a_text_is_lost(text: str) -> None:
    assume("</>" not in text)
    payload = repair(f"<a>{text}</a>".encode()).payloads[0]
    assert "".join(map(str, etree.fromstring(payload).itertext())) == text
