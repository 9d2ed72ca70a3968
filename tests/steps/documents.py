"""Well-formed documents of all shapes, for property tests."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

PREFIXES = {"": "", "p": "https://example.org/p", "q": "urn:example:q"}
"""Declared on every element that uses them; the empty one is no namespace."""

local_names = st.text("abcXYZ", min_size=1, max_size=4) | st.sampled_from(
    ["message", "élan", "a-b.1"]
)
qualified_names = st.builds(
    lambda prefix, name: f"{prefix}:{name}" if prefix else name,
    st.sampled_from(sorted(PREFIXES)),
    local_names,
)
xml_text = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")
    | st.sampled_from("\t\n &<>'\"]`/=")
)


@st.composite
def start_tags(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a start tag without its end, and the closing tag that goes with it."""
    name = draw(qualified_names)
    attributes = draw(st.dictionaries(qualified_names, xml_text, max_size=3))
    declared = "".join(f' xmlns:{p}="{uri}"' for p, uri in PREFIXES.items() if p)
    written = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{name}{declared}{written}", f"</{name}>"


def cdata(text: str) -> str:
    return f"<![CDATA[{text.replace(']]>', '')}]]>"


def comment(text: str) -> str:
    return f"<!--{text.replace('-', '')}-->"


leaves = (
    xml_text.map(escape)
    | xml_text.map(cdata)
    | xml_text.map(comment)
    | st.sampled_from(["&amp;", "&#65;", "&#x1F600;", "&quot;", "\r\n"])
)


@st.composite
def elements(draw: st.DrawFn, children: st.SearchStrategy[str]) -> str:
    """Draw an element around children; an empty one in either of its two forms."""
    start, end = draw(start_tags())
    content = "".join(draw(st.lists(children, max_size=4)))
    return f"{start}/>" if not content and draw(st.booleans()) else f"{start}>{content}{end}"


documents: st.SearchStrategy[str] = elements(st.recursive(leaves, elements, max_leaves=8))
"""Documents that are well-formed, namespaces included, without DOCTYPE and instructions."""
