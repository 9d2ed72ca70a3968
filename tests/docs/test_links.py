"""No link of the guide leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import Page, pages
from tests.house.source import ROOT

_LINK = re.compile(r"\[[^\]]*\]\((?P<to>[^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (?P<title>.+)$", re.MULTILINE)


def dead_links(page: Page) -> list[str]:
    """Return the links of a page to files or headings that are not there."""
    prose = _FENCED.sub("", page.text)
    return [each["to"] for each in _LINK.finditer(prose) if not leads_somewhere(page, each["to"])]


def leads_somewhere(page: Page, to: str) -> bool:
    if re.match(r"[a-z]+:", to):
        return True  # Whether somebody else's server is there is not ours to test.
    path, _, anchor = to.partition("#")
    file = (ROOT / page.name).parent / path if path else ROOT / page.name
    return file.exists() and (not anchor or anchor in anchors(file))


def anchors(file: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    titles = _HEADING.findall(_FENCED.sub("", file.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Page) -> None:
    assert dead_links(page) == []


def test_every_page_is_reached_from_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    names = {Path(page.name).name for page in pages() if page.name.startswith("docs/")}
    assert names - set(_LINK.findall(index)) == {"index.md"}


def test_a_dead_link_is_found() -> None:
    page = Page("README.md", "[a](nowhere.md) [b](#gone) [c](LICENSE) [d](https://example.org)")
    assert dead_links(page) == ["nowhere.md", "#gone"]
