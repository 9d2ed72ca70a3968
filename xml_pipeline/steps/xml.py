"""How every document is parsed."""

from __future__ import annotations

from lxml import etree


def strict_parser() -> etree.XMLParser:
    """Return a parser that expands nothing, fetches nothing and repairs nothing.

    Comments are dropped, so that ``.text`` of an element is its whole text: a comment inside
    a value would otherwise hide what follows it.
    """
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        strip_cdata=True,
        encoding="utf-8",
    )
