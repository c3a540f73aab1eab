"""Pages and drawings, taken apart."""

import xml.etree.ElementTree as ET
from html.parser import HTMLParser


class Parsed(HTMLParser):
    """The start tags with their attributes, and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of_class(self, name: str) -> list[dict[str, str | None]]:
        return [attrs for _, attrs in self.tags if name in (attrs.get("class") or "").split()]


def texts(svg: bytes) -> list[str]:
    """Give the texts of an SVG."""
    return [each.text or "" for each in ET.fromstring(svg).iter() if each.tag[-4:] == "text"]
