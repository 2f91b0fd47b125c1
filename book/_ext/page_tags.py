"""The tags of a page, one after the other: enough to know what it names, and a tenth of the time of a tree of them."""

from html.parser import HTMLParser


class Tag(dict[str, str]):
    """The attributes of a tag, by name."""

    def __init__(self, name: str, attributes: list[tuple[str, str | None]], in_noscript: bool) -> None:
        super().__init__({attribute: value or "" for attribute, value in attributes})
        self.name = name
        self.in_noscript = in_noscript  # where only a browser without scripts looks
        self.classes = self.get("class", "").split()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Tag] = []
        self.in_noscript = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.in_noscript |= tag == "noscript"
        self.found.append(Tag(tag, attrs, self.in_noscript))

    def handle_endtag(self, tag: str) -> None:
        self.in_noscript &= tag != "noscript"


def tags_of(html: str) -> list[Tag]:
    """Return the tags of a page, in order."""
    reader = _Reader()
    reader.feed(html)
    return reader.found
