"""Refuse XML that is dangerous to parse, before a tree or a canonical form is made of it.

The rule this file guards: what passes can be parsed and canonicalised in bounded time and
memory, means the same to every reader, and has a canonical form. So everything that XML offers
beyond elements, attributes, namespaces and text is refused: document types, processing
instructions, encodings other than UTF-8, namespaces that are not absolute URIs. Comments are
legal; they are dropped later.

Well-formedness is the parser's business. The full scan refuses what it sees of it, the short
cut for small documents sees nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from xml_pipeline.errors import Rejected


@dataclass(frozen=True, slots=True)
class XmlLimits:
    """What one document may hold.

    ``bytes`` counts the whole document. ``depth`` counts the root as 1. ``attributes`` and
    ``namespace_declarations`` hold for each element, ``namespaces_in_scope`` for an element
    and its ancestors together (at least as many): canonicalisation looks through all of them
    for every prefix.
    ``name_bytes`` holds for each local name, prefix and namespace URI, in UTF-8.
    """

    bytes: int = 1 << 20
    depth: int = 64
    attributes: int = 64
    namespace_declarations: int = 32
    namespaces_in_scope: int = 128
    elements: int = 50_000
    name_bytes: int = 512


DEFAULT_LIMITS = XmlLimits()

DECLARATION = re.compile(
    rb"""<\?xml [ \t\r\n]++ version [ \t\r\n]*+ = [ \t\r\n]*+ ["']1\.0["']
    (?: [ \t\r\n]++ encoding [ \t\r\n]*+ = [ \t\r\n]*+ ["'](?i:utf-8)["'] )?
    (?: [ \t\r\n]++ standalone [ \t\r\n]*+ = [ \t\r\n]*+ ["'](?:yes|no)["'] )?
    [ \t\r\n]*+ \?>""",
    re.VERBOSE,
)
"""The XML declarations that are accepted: they declare nothing but UTF-8."""

_HEAD = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:%s)?[ \t\r\n]*+<(?!\?xml[ \t\r\n])" % DECLARATION.pattern, re.VERBOSE
)

# A namespace that is known to be absolute, and the absence of one. Every declaration contains
# `xmlns` literally, for no entity can spell a name; so where all of them are one of these three,
# none is relative.
_KNOWN_DECLARATIONS = (
    b'xmlns=""',
    b'xmlns="https://xml-pipeline.org/ns/envelope/v1"',
    b'xmlns="https://xml-pipeline.org/ns/sig/v1"',
)

# RFC 3986, narrowed to what libxml2 takes as absolute: canonicalisation fails on all else. And
# without `&`, which it writes into a declaration as it is, so that the result is not XML.
_PCHAR = r"(?:[A-Za-z0-9._~!$'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_ABSOLUTE_URI = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.-]*+:(?:(?://[A-Za-z0-9._~-]++(?::[0-9]{{1,5}})?)(?=[/?#]|\Z)"
    rf"|(?!/)(?={_PCHAR}))(?:{_PCHAR}|/)*+(?:\?(?:{_PCHAR}|[/?])*+)?(?:\#(?:{_PCHAR}|[/?])*+)?"
)

# libxml2 hands a start tag over when it has read all of it, by which time 100,000 attributes
# have cost 60 MB: a tag with more of them than any may have is found here first. Comments and
# CDATA sections are stepped over. Nothing is read twice: each attempt at a tag ends before the
# next `<`, and an unclosed section takes all that is left.
_CROWDED_TAG = (
    rb"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)"
    rb"|(<[^\s<>/=!?]++(?:\s++[^\s<>='\"]++\s*+=\s*+(?:\"[^\"<]*+\"|'[^'<]*+')){%d})"
)

_CHUNK = 4096
"""Bytes between two chances to stop: the parser goes on to the end of what it was fed."""


def check_limits(raw: bytes, limits: XmlLimits = DEFAULT_LIMITS) -> None:
    """Refuse a document that no parser should see.

    Most small envelopes are proved innocent by counting, in about 3 µs; the others are
    scanned, in about 20 µs and 3 µs more per kilobyte, and no further than to the first fault.

    Raises:
        Rejected: code ``validation``; the detail names the limit.
    """
    if len(raw) > limits.bytes:
        raise _refused(f"a document has at most {limits.bytes} bytes, this one {len(raw)}")
    if not _is_innocent(raw, limits):
        _scan(raw, limits)


def _is_innocent(raw: bytes, limits: XmlLimits) -> bool:
    """Say whether counting alone proves that a full scan would find no limit exceeded.

    Sound for any bytes, well-formed or not. In UTF-8 the bytes below 128 stand for themselves
    only, and the encoding is UTF-8: a declaration of another needs ``<?``, UTF-16 and UTF-32
    need a byte order mark or NUL, EBCDIC does not begin with ``<``. Document types, comments
    and CDATA need ``<!``. Each element takes one ``<`` without ``/``, which bounds elements
    and depth; each attribute and each namespace declaration takes one ``=``; each name and
    each namespace lies inside a tag, so between two ``<``.
    """
    if not raw.startswith(b"<") or b"<!" in raw or b"<?" in raw or b"\0" in raw:
        return False
    opened = raw.count(b"<") - raw.count(b"</")
    return (
        opened <= min(limits.depth, limits.elements)
        and raw.count(b"=") <= min(limits.attributes, limits.namespace_declarations)
        and raw.count(b"xmlns") == sum(map(raw.count, _KNOWN_DECLARATIONS))
        and max(map(len, raw.split(b"<"))) <= limits.name_bytes
    )


def _scan(raw: bytes, limits: XmlLimits) -> None:
    """Read a document from end to end, without a tree, and stop at the first fault."""
    if b"\0" in raw or not _HEAD.match(raw):
        raise _refused("a document is XML 1.0 in UTF-8 and declares nothing else")
    _refuse_crowded_tags(raw, limits)
    parser = etree.XMLParser(
        target=_Scan(limits),  # type: ignore[arg-type]  # the stubs know no namespaces here
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
    )
    try:
        for start in range(0, len(raw), _CHUNK):
            parser.feed(raw[start : start + _CHUNK])
        parser.close()
    except etree.XMLSyntaxError as error:
        raise _refused(f"not well-formed: {error}") from error


def _refuse_crowded_tags(raw: bytes, limits: XmlLimits) -> None:
    """Refuse a start tag with more attributes and declarations than both limits allow."""
    most = limits.attributes + limits.namespace_declarations
    if raw.count(b"=") <= most:
        return
    crowded = re.compile(_CROWDED_TAG % (most + 1), re.DOTALL)
    if any(found[1] for found in crowded.finditer(raw)):
        raise _refused(f"an element has at most {limits.attributes} attributes")


class _Scan:
    """A parser target that counts, keeps nothing and raises at the first fault.

    It has no method for text and comments, so the parser skips them.
    """

    __slots__ = ("_elements", "_limits", "_names", "_scopes")

    def __init__(self, limits: XmlLimits) -> None:
        self._limits = limits
        self._elements = 0
        self._scopes = [0]  # namespaces in scope, outside the root and in each open element
        self._names: set[str] = set()  # found short enough; most names come again and again

    def start(
        self, tag: str, attributes: Mapping[str, str], namespaces: Mapping[str | None, str]
    ) -> None:
        """Count one element with its attributes and the namespaces it declares."""
        limits = self._limits
        self._elements += 1
        if self._elements > limits.elements:
            raise _refused(f"a document has at most {limits.elements} elements")
        if len(self._scopes) > limits.depth:
            raise _refused(f"elements are at most {limits.depth} deep")
        self._scopes.append(self._scopes[-1] + len(namespaces))
        if namespaces:
            self._check_namespaces(namespaces)
        self._check_name(tag)
        if attributes:
            self._check_attributes(attributes)

    def end(self, tag: str) -> None:
        """Leave an element."""
        self._scopes.pop()

    def doctype(self, name: str, public_id: str | None, system_id: str | None) -> None:
        """Refuse the document: entities are declared here, and nothing good is."""
        raise _refused("a document has no DOCTYPE")

    def pi(self, target: str, data: str | None) -> None:
        """Refuse the document: an instruction inside a value cuts it short for some readers."""
        raise _refused("a document has no processing instructions")

    def close(self) -> None:
        """Return nothing: what counts is that nothing was raised."""

    def _check_attributes(self, attributes: Mapping[str, str]) -> None:
        if len(attributes) > self._limits.attributes:
            raise _refused(f"an element has at most {self._limits.attributes} attributes")
        for name in attributes:
            self._check_name(name)

    def _check_namespaces(self, declared: Mapping[str | None, str]) -> None:
        limits = self._limits
        if len(declared) > limits.namespace_declarations:
            raise _refused(
                f"an element declares at most {limits.namespace_declarations} namespaces"
            )
        if self._scopes[-1] > limits.namespaces_in_scope:
            raise _refused(f"at most {limits.namespaces_in_scope} namespaces are in scope")
        for prefix, uri in declared.items():
            self._check_name(prefix or "")
            self._check_name(uri or "")
            if uri and not _ABSOLUTE_URI.fullmatch(uri):
                raise _refused("a namespace is an absolute URI")

    def _check_name(self, name: str) -> None:
        """Check a name, given as ``{namespace}local`` where it is in one."""
        if name in self._names:
            return
        if len(name.rpartition("}")[2].encode()) > self._limits.name_bytes:
            raise _refused(f"a name has at most {self._limits.name_bytes} bytes")
        self._names.add(name)


def _refused(detail: str) -> Rejected:
    return Rejected("validation", detail)
