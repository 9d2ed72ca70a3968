"""What the limits refuse, what they let pass, and how little they do to find out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from tests.steps.documents import documents
from xml_pipeline.errors import Rejected
from xml_pipeline.steps.limits import DEFAULT_LIMITS, XmlLimits, check_limits

SMALL = XmlLimits(
    bytes=1000,
    depth=3,
    attributes=3,
    namespace_declarations=2,
    namespaces_in_scope=3,
    elements=5,
    name_bytes=48,
)
ENVELOPE = b"""<message xmlns="https://xml-pipeline.org/ns/envelope/v1">
 <meta><from>a</from><to>b</to><thread>3f2b8a3e-6c3a-4d59-9d6a-0a1b2c3d4e5f</thread></meta>
 <Greeting xmlns=""><Name>Ann &amp; Bob</Name></Greeting>
</message>"""
SCANNED = b"<!---->"
"""A document that begins with a comment is never let pass by counting alone."""


def verdict(raw: bytes, limits: XmlLimits = DEFAULT_LIMITS) -> str:
    """Return why a document is refused, or nothing where it passes."""
    try:
        check_limits(raw, limits)
    except Rejected as refused:
        return refused.detail
    return ""


def refusal(raw: bytes, limits: XmlLimits = DEFAULT_LIMITS) -> str:
    """Return the detail of the refusal; it is always a ``validation``."""
    with pytest.raises(Rejected) as caught:
        check_limits(raw, limits)
    assert caught.value.code == "validation"
    return caught.value.detail


def strictly_parsed(raw: bytes) -> etree._Element:
    return etree.fromstring(raw, etree.XMLParser(resolve_entities=False, no_network=True))


def canonical(raw: bytes) -> bytes:
    return etree.tostring(strictly_parsed(raw), method="c14n", exclusive=True)


def nested(depth: int) -> bytes:
    return b"<a>" * depth + b"</a>" * depth


def with_attributes(written: str, count: int) -> bytes:
    """Write an element whose attributes differ by their number, for which ``#`` stands."""
    attributes = " ".join(written.replace("#", str(number)) for number in range(count))
    return f"<a {attributes}/>".encode()


# ── Documents that pass ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "raw",
    [
        ENVELOPE,
        b"\xef\xbb\xbf" + ENVELOPE,
        b'<?xml version="1.0" encoding="UTF-8"?>\n' + ENVELOPE,
        b"<?xml version='1.0' encoding='utf-8' standalone='yes' ?>" + ENVELOPE,
        b" \r\n\t" + ENVELOPE,
        b"<!-- a comment -->" + ENVELOPE + b"<!-- another -->",
        b"<a><![CDATA[<!DOCTYPE x><?x?>&x;]]></a>",
        b"<a xmlns='urn:x' xmlns:p='https://example.org:8080/a%20b?c=d#e' p:b='1'/>",
        b"<a xmlns:p='urn:x'><b xmlns='' xml:space='preserve'/></a>",
        "<é ü='ß'>€ 😀</é>".encode(),
    ],
)
def test_an_ordinary_document_passes(raw: bytes) -> None:
    check_limits(raw)
    assert strictly_parsed(raw) is not None


@given(documents)
def test_what_passes_can_be_canonicalised(document: str) -> None:
    raw = document.encode()
    check_limits(raw)
    assert strictly_parsed(canonical(raw)) is not None


@given(
    st.from_regex(r"[a-z]{1,4}:(//)?[a-zA-Z0-9.:/?#%@\[\]&;=_~-]{0,12}", fullmatch=True)
    | st.from_regex(r"(https?|urn):[/a-z%:?#]{0,8}", fullmatch=True)
)
@example("http://[::1]/")
@example("http://a:port/")
@example("urn:%zz")
@example("a:")
@example("urn:a&b")
@example("urn:'a'")
def test_a_namespace_that_passes_can_be_canonicalised(uri: str) -> None:
    raw = f"<a xmlns={quoteattr(uri)}/>".encode()
    reason = verdict(raw)
    if reason:
        assert "absolute URI" in reason
    else:
        assert strictly_parsed(canonical(raw)).tag == f"{{{uri}}}a"


# ── Each row of the table of limits ─────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "raw",
    [
        b"<!DOCTYPE a><a/>",
        b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x 'EVIL'>]><a>a&x;b</a>",
        b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
        b"<!DOCTYPE a [<!ENTITY % x SYSTEM 'http://127.0.0.1/x.dtd'> %x;]><a/>",
        b"<!DOCTYPE a PUBLIC '-//W3C//DTD XHTML 1.0 Strict//EN' 'xhtml1.dtd'><a/>",
        b"<!-- not here --><!DOCTYPE a><a/>",
        b"<!DOCTYPE a [%s]><a>&x9;</a>"
        % b"".join(b"<!ENTITY x%d '%s'>" % (n, b"&x%d;" % (n - 1) * 10) for n in range(1, 10)),
        b"<!DOCTYPE a [<!ENTITY x '%s'>]><a>%s</a>" % (b"x" * 50_000, b"&x;" * 50_000),
    ],
)
def test_any_document_type_is_refused_before_its_entities_count(raw: bytes) -> None:
    assert "DOCTYPE" in refusal(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"<a><from>admin<?x?>.evil</from></a>",
        b"<?x y?><a/>",
        b"<a/><?x?>",
        b"<?xml-stylesheet href='file:///etc/passwd'?><a/>",
        b"<?xml version='1.0'?><?x?><a/>",
    ],
)
def test_processing_instructions_are_refused(raw: bytes) -> None:
    assert "processing instructions" in refusal(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "<a>é</a>".encode("utf-16"),
        "<a>é</a>".encode("utf-16-le"),
        "<?xml version='1.0'?><a/>".encode("utf-16-be"),
        "<a/>".encode("utf-32-le"),
        "<?xml version='1.0'?><a/>".encode("cp037"),
        b"<?xml version='1.0' encoding='UTF-7'?><a>+ADw-b/+AD4-</a>",
        b"<?xml version='1.0' encoding='utf-16'?><a/>",
        b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>",
        b"<?xml version='1.1'?><a/>",
        b"<?xml encoding='utf-8'?><a/>",
        b" <?xml version='1.0' encoding='UTF-7'?><a/>",
        b"+ADw-a/+AD4-",
        b"<a>\0</a>",
        b"<a/>\0",
    ],
)
def test_every_encoding_but_utf_8_is_refused(raw: bytes) -> None:
    assert "UTF-8" in refusal(raw)


@pytest.mark.parametrize(
    "uri", ["relative", "../up", "/rooted", "//host", "#part", "&#x72;el", " "]
)
@pytest.mark.parametrize(
    "form", ["<a xmlns='%s'/>", "<a xmlns:p='%s'/>", '<b><a\nxmlns = "%s"/></b>']
)
def test_a_relative_namespace_is_refused(form: str, uri: str) -> None:
    assert "absolute URI" in refusal((form % uri).encode())


@pytest.mark.parametrize(
    ("accepted", "refused", "reason"),
    [
        (nested(64), nested(65), "64 deep"),
        (with_attributes("a#=''", 64), with_attributes("a#=''", 65), "64 attributes"),
        (
            with_attributes("xmlns:n#='urn:#'", 32),
            with_attributes("xmlns:n#='urn:#'", 33),
            "declares at most 32 namespaces",
        ),
        (
            b"<a>" + b"<b/>" * 49_999 + b"</a>",
            b"<a>" + b"<b/>" * 50_000 + b"</a>",
            "50000 elements",
        ),
        (b"<%s/>" % (b"n" * 512), b"<%s/>" % (b"n" * 513), "512 bytes"),
        ("<%s/>" % ("é" * 256), "<%s/>" % ("é" * 257), "512 bytes"),
        (b"<a %s=''/>" % (b"n" * 512), b"<a %s=''/>" % (b"n" * 513), "512 bytes"),
        (
            b"<a xmlns:%s='urn:x'/>" % (b"n" * 512),
            b"<a xmlns:%s='urn:x'/>" % (b"n" * 513),
            "512 bytes",
        ),
        (
            b"<a xmlns='urn:%s'/>" % (b"n" * 508),
            b"<a xmlns='urn:%s'/>" % (b"n" * 509),
            "512 bytes",
        ),
        (
            b"<a>" + b"x" * ((1 << 20) - 7) + b"</a>",
            b"<a>" + b"x" * ((1 << 20) - 6) + b"</a>",
            "1048576 bytes",
        ),
    ],
)
def test_a_limit_is_the_last_number_that_passes(
    accepted: bytes | str, refused: bytes | str, reason: str
) -> None:
    accepted, refused = (
        raw if isinstance(raw, bytes) else raw.encode() for raw in (accepted, refused)
    )
    check_limits(accepted)
    assert reason in refusal(refused)


def test_namespaces_are_counted_along_the_way_to_an_element() -> None:
    level = with_attributes("xmlns:n#='urn:#'", 32).replace(b"/>", b">")
    check_limits(level * 4 + b"</a>" * 4)
    check_limits(b"<r>" + (level + b"</a>") * 100 + b"</r>")
    assert "in scope" in refusal(level * 4 + b"<b xmlns='urn:x'/>" + b"</a>" * 4)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"   ",
        b"no markup at all",
        b"<!---->",
        SCANNED + b"<a>",
        SCANNED + b"<a><b></a></b>",
        SCANNED + b"<a/><b/>",
        SCANNED + b"<a x=1/>",
        SCANNED + b"<a x='1' x='2'/>",
        SCANNED + b"<a>&nbsp;</a>",
        SCANNED + b"<a>\xff</a>",
        SCANNED + b"<a>\xed\xa0\x80</a>",
        SCANNED + b"<a>\x01</a>",
        b"<a><!-- a -- b --></a>",
        b"<a><![CDATA[",
        b"<a><!--",
    ],
)
def test_what_a_scan_finds_malformed_is_refused(raw: bytes) -> None:
    assert refusal(raw)


def test_includes_and_schema_locations_are_data_and_not_followed() -> None:
    raw = (
        b"<a xmlns:xi='http://www.w3.org/2001/XInclude'"
        b" xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'"
        b" xsi:schemaLocation='urn:x file:///etc/passwd'>"
        b"<xi:include href='file:///etc/passwd' parse='text'/></a>"
    )
    check_limits(raw)
    assert len(strictly_parsed(raw)[0]) == 0


# ── Counting instead of scanning ────────────────────────────────────────────────────────

FRAGMENTS = rb"""
<a> </a> <a/> <a /> > ]]> <!-- --> <![CDATA[ <?x?> &#60; ===
b='1' c='1' d='1' e='1' f='1' p:f='1' xmlns:p='urn:x' xmlns:q='urn:x' xmlns='rel' xmlns=""
xmlns="https://xml-pipeline.org/ns/envelope/v1" xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
""".split()


@given(
    st.sampled_from([b"<r ", b"<r>"]),
    st.lists(st.sampled_from(FRAGMENTS), max_size=14),
    st.sampled_from([b" ", b""]),
)
@example(b"<a><a><a>", [b"</a></a></a>"], b"")
@example(b"<a><a><a><a>", [b"</a></a></a></a>"], b"")
@example(b"<a>", [b"<a/>"] * 5, b"")
@example(b"<a ", [b"b='1'", b"c='1'", b"d='1'", b"e='1'"], b" ")
@example(b"<a><", [b"x" * 50], b"")
def test_what_counting_lets_pass_a_scan_would_let_pass(
    start: bytes, fragments: list[bytes], blank: bytes
) -> None:
    raw = start + blank.join(fragments)
    if not verdict(raw, SMALL):
        assert verdict(SCANNED + raw, SMALL).partition(":")[0] in ("", "not well-formed")


# ── How much is done before a document is refused ───────────────────────────────────────


@contextmanager
def counted_calls() -> Iterator[list[str]]:
    """Collect the name of every function of limits.py that is entered."""
    calls: list[str] = []

    def count(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_filename == check_limits.__code__.co_filename:
            calls.append(frame.f_code.co_name)

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(before)


@pytest.mark.parametrize(
    ("raw", "elements_seen"),
    [
        (b"<a>" * 300_000, 65),
        (b"<a>" + b"<b/>" * 250_000, 50_001),
        (b"<a " + b" ".join(b"a%x=''" % n for n in range(100_000)) + b"/>", 0),
        (b"<a " + b" ".join(b"xmlns:a%x='urn:'" % n for n in range(50_000)) + b"/>", 0),
        (with_attributes("a#=''", 65) + b"<b/>" * 200_000, 1),
        (b"<!DOCTYPE a [" + b"<!ENTITY x 'y'>" * 60_000 + b"]><a>&x;</a>", 0),
        (b"<a><?x?>" + b"<b/>" * 200_000, 1),
        (b"<a xmlns='rel'>" + b"<b/>" * 200_000, 1),
        (b"<" + b"n" * 513 + b">" + b"<b/>" * 200_000, 1),
        (b"\0" + b"<b/>" * 200_000, 0),
        (b"<a>" * (1 << 20), 0),
    ],
    ids=[
        "depth",
        "elements",
        "attributes of one element",
        "namespaces of one element",
        "attributes",
        "doctype",
        "instruction",
        "relative namespace",
        "name",
        "nul",
        "size",
    ],
)
def test_a_scan_stops_at_the_first_fault(raw: bytes, elements_seen: int) -> None:
    with counted_calls() as calls:
        refusal(raw)
    assert calls.count("start") == elements_seen


def test_an_ordinary_envelope_is_not_scanned_at_all() -> None:
    with counted_calls() as calls:
        check_limits(ENVELOPE)
    assert "_scan" not in calls
    assert "start" not in calls


def test_a_crowded_tag_is_told_from_one_that_is_only_quoted() -> None:
    crowded = with_attributes("a#='>'", 97)
    check_limits(b"<r><![CDATA[" + crowded + b"]]></r>")
    check_limits(b"<r><!-- " + crowded + b" --></r>")
    assert "64 attributes" in refusal(b"<r><![CDATA[]]>" + crowded + b"</r>")
