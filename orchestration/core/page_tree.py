"""A built page as a tree of its elements."""

from pathlib import Path

from lxml import etree


def page_tree(path: Path) -> etree._Element:
    """The root of a page; an empty file is a page without anything."""
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True)  # a page's data is one text, of any length
    return etree.fromstring(path.read_bytes().strip() or b"<html></html>", parser)
