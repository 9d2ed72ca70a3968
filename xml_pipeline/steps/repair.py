"""Make payloads of XML that one of our own handlers wrote by hand, as language models do.

The rule this file guards: repair changes how something is written, never what is said. Text
around the XML is cut away, and that is recorded; inside an element no character, no element
and no attribute is lost, which is checked at the end and not only intended. What could be
repaired in two ways, and what was cut off in the middle, is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from lxml import etree

from xml_pipeline.errors import Rejected
from xml_pipeline.steps import markup
from xml_pipeline.steps.limits import DECLARATION, DEFAULT_LIMITS, XmlLimits, check_limits
from xml_pipeline.steps.xml import strict_parser

MOST_PAYLOADS = 1_000
"""Elements side by side in one text: each becomes a message of its own."""

MOST_SENTENCES = 50
"""Kinds of repair that are told one by one; what is beyond them is summed up."""

Tag = tuple[str, tuple[tuple[str, str], ...]]
"""The local name of an element, and its attributes as sorted pairs of local name and value."""

_Token = re.Match[str]
_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[\w.+-]*[ \t]*$", re.MULTILINE)
_BLANKS = {ord("\t"): " ", ord("\n"): " "}


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a text contained, and what was done to it.

    ``payloads`` are elements in exclusive C14N, each a document of its own. ``repairs`` are
    short sentences, one for each kind of repair, with the number of times in brackets; empty
    where nothing was repaired. Splitting a text into its elements is none.
    """

    payloads: tuple[bytes, ...]
    repairs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """One repaired element, and what the text it was made of said.

    ``tags`` are in the order of the document, ``content`` is all character data.
    """

    source: str
    tags: tuple[Tag, ...]
    content: str


def repair(text: bytes, limits: XmlLimits = DEFAULT_LIMITS) -> Repaired:
    """Return every element in a text, repaired where it is clear what was meant.

    ``limits`` hold for each element and, as to bytes, for the whole text.

    Raises:
        Rejected: code ``validation``: there is no element, one is cut off or exceeds a limit,
            there is a DOCTYPE or a processing instruction, or a repair would be a guess.
    """
    if len(text) > limits.bytes:
        raise _refused(f"a text has at most {limits.bytes} bytes, this one {len(text)}")
    repairs = Counter[str]()
    drafts = _Mender(limits, repairs).drafts(_decoded(text, repairs))
    if not drafts:
        raise _refused("there is no element in the text")
    return Repaired(
        payloads=tuple(canonical(draft, limits) for draft in drafts),
        repairs=_sentences(repairs),
    )


def canonical(draft: Draft, limits: XmlLimits = DEFAULT_LIMITS) -> bytes:
    """Return a draft as exclusive C14N, having checked that it says what the text said.

    Raises:
        Rejected: code ``validation``: it says something else, exceeds a limit, or is not
            well-formed even now.
    """
    source = draft.source.encode()
    check_limits(source, limits)
    try:
        element = etree.fromstring(source, strict_parser())
    except etree.XMLSyntaxError as error:
        raise _refused(f"not well-formed, and no repair is known: {error}") from error
    tags = tuple(_tag(str(each.tag), each.attrib.items()) for each in element.iter())
    content = "".join(map(str, element.itertext()))
    if (tags, content) != (draft.tags, draft.content):
        raise _refused("a repair would have lost or changed content")
    return etree.tostring(element, method="c14n", exclusive=True)


class _Mender:
    """Reads one text token by token, and drafts one element after the other."""

    def __init__(self, limits: XmlLimits, repairs: Counter[str]) -> None:
        self._limits = limits
        self._repairs = repairs
        self._elements = 0
        self._drafts: list[Draft] = []
        self._around: list[str] = []  # what is written outside of all elements
        self._open: list[str] = []  # names of open elements, the root first
        self._owed: list[str] = []  # of elements that were closed before their closing tag came
        self._source: list[str] = []
        self._tags: list[Tag] = []
        self._content: list[str] = []

    def drafts(self, text: str) -> list[Draft]:
        outside = {
            "text": self._leave_out,
            "bare": self._leave_out,
            "comment": self._skip_comment,
            "instruction": self._skip_declaration,
            "start": self._open_root,
            "end": self._close_outside,
        }
        inside = {
            "text": self._take_text,
            "bare": self._take_less_than,
            "unfinished": self._take_less_than,
            "comment": self._skip_comment,
            "cdata": self._take_cdata,
            "start": self._open_element,
            "end": self._close_element,
        }
        for token in markup.tokens(text):
            kinds = inside if self._open else outside
            kinds.get(token.lastgroup or "", _refuse)(token)
        if self._open:
            raise _refused(f"the text is cut off: <{self._open[-1]}> is not closed")
        self._count_surroundings()
        return self._drafts

    # ── Around the elements ─────────────────────────────────────────────────────────────

    def _leave_out(self, token: _Token) -> None:
        self._around.append(token[0])
        if not token[0].isspace():
            self._owed.clear()

    def _skip_comment(self, token: _Token) -> None:
        # XML lets a parser drop comments, but knows none with `--` inside.
        if "--" in f"{token[0][4:-3]}-":
            self._repairs["a comment with -- in it was dropped"] += 1

    def _skip_declaration(self, token: _Token) -> None:
        if not DECLARATION.fullmatch(token[0].encode()):
            _refuse(token)

    def _open_root(self, token: _Token) -> None:
        if markup.is_mentioned(token):
            self._leave_out(token)
        else:
            self._around.append("\n")
            self._open_element(token)

    def _close_outside(self, token: _Token) -> None:
        if markup.is_mentioned(token):
            self._leave_out(token)
        else:
            self._close_element(token)

    def _count_surroundings(self) -> None:
        rest, fences = _FENCE.subn("", "".join(self._around))
        cut = len(" ".join(rest.split()))
        if fences:
            self._repairs["a code fence was cut away"] += 1
        if cut:
            self._repairs[f"text around the XML was cut away: {cut} characters"] += 1

    # ── Inside an element ───────────────────────────────────────────────────────────────

    def _take(self, source: str, content: str) -> None:
        self._source.append(source)
        self._content.append(content)
        if not content.isspace():
            self._owed.clear()

    def _take_text(self, token: _Token) -> None:
        written = markup.escaped(token[0], self._repairs)
        if "]]>" in written:
            self._repairs["]]> in text was escaped"] += written.count("]]>")
            written = written.replace("]]>", "]]&gt;")
        self._take(written, markup.meaning(token[0]))

    def _take_less_than(self, token: _Token) -> None:
        self._take(markup.escaped(token[0], self._repairs), token[0])

    def _take_cdata(self, token: _Token) -> None:
        self._take(token[0], token[0].removeprefix("<![CDATA[").removesuffix("]]>"))

    def _open_element(self, token: _Token) -> None:
        self._elements += 1
        if self._elements > self._limits.elements or len(self._open) == self._limits.depth:
            raise _refused("the text has too many elements, or too deep ones")
        self._owed.clear()
        name, is_empty = token["opened"], token[0].endswith("/>")
        attributes = list(markup.attributes(token))
        written = "".join(self._attribute(attribute) for attribute in attributes)
        self._source.append(f"<{name}{written}{'/' if is_empty else ''}>")
        self._tags.append(_tag(name, _meant(attributes)))
        if not is_empty:
            self._open.append(name)
        self._finish_root()

    def _attribute(self, attribute: markup.Attribute) -> str:
        if not attribute.quote:
            self._repairs[f"the value of {attribute.name} was quoted"] += 1
        quote = attribute.quote or '"'
        return f" {attribute.name}={quote}{markup.escaped(attribute.value, self._repairs)}{quote}"

    def _close_element(self, token: _Token) -> None:
        """Close the nearest open element of this name, and those inside that were forgotten."""
        name = token["closed"]
        nearest = next((each for each in reversed(self._open) if _is_same(each, name)), None)
        if nearest is None:
            self._take_back(name)
            return
        while not _is_same(self._open[-1], name):
            self._repairs[f"<{self._open[-1]}> was closed before </{name}>"] += 1
            self._owed.append(self._open[-1])
            self._source.append(f"</{self._open.pop()}>")
        if nearest != name:
            self._repairs[f"<{nearest}> was closed by </{name}>"] += 1
        self._source.append(f"</{self._open.pop()}>")
        self._finish_root()

    def _take_back(self, name: str) -> None:
        """Leave out a closing tag that directly follows the one it should have preceded."""
        for place, owed in enumerate(self._owed):
            if _is_same(owed, name):
                del self._owed[place]
                return
        raise _refused(f"</{name}> closes nothing")

    def _finish_root(self) -> None:
        if self._open:
            return
        if len(self._drafts) == MOST_PAYLOADS:
            raise _refused(f"a text has at most {MOST_PAYLOADS} elements side by side")
        self._drafts.append(Draft("".join(self._source), tuple(self._tags), "".join(self._content)))
        self._source, self._tags, self._content = [], [], []


def _sentences(repairs: Counter[str]) -> tuple[str, ...]:
    told = list(repairs.items())
    sentences = [
        f"{done} ({times} times)" if times > 1 else done for done, times in told[:MOST_SENTENCES]
    ]
    if untold := sum(times for _, times in told[MOST_SENTENCES:]):
        sentences.append(f"and {untold} more repairs")
    return tuple(sentences)


def _decoded(text: bytes, repairs: Counter[str]) -> str:
    """Return the characters of a text, those that XML can hold, with line ends as XML has them."""
    written = text.decode("utf-8", "replace").removeprefix("\ufeff")
    replaced = written.count("\ufffd") - text.count("\ufffd".encode())
    if replaced:
        repairs["bytes that are not UTF-8 became U+FFFD"] += replaced
    written, dropped = markup.FORBIDDEN.subn("", written)
    if dropped:
        repairs["a control character was dropped"] += dropped
    return written.replace("\r\n", "\n").replace("\r", "\n")


def _meant(attributes: Iterable[markup.Attribute]) -> Iterable[tuple[str, str]]:
    """Yield what attributes say, as a parser reads them; namespaces are none."""
    for name, value, _ in attributes:
        if name != "xmlns" and not name.startswith("xmlns:"):
            yield name, markup.meaning(value.translate(_BLANKS))


def _tag(name: str, attributes: Iterable[tuple[str | bytes, str | bytes]]) -> Tag:
    return _local(name), tuple(sorted((_local(str(key)), str(value)) for key, value in attributes))


def _local(name: str) -> str:
    """Return a name without its namespace, be it given by a prefix or in braces."""
    return name.rpartition("}")[2].rpartition(":")[2]


def _is_same(opened: str, closed: str) -> bool:
    return opened.casefold() == closed.casefold()


def _refuse(token: _Token) -> NoReturn:
    start = token.start()
    raise _refused(f"no repair is known for {token.string[start : start + 40]!r}")


def _refused(detail: str) -> Rejected:
    return Rejected("validation", detail)
