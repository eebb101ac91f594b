"""Reads a page as a browser would, and checks on the way what holds for every page."""

import base64
import html.parser
import io
import re
from pathlib import Path

from PIL import Image

from nfield.reports.markup import VOID

ADDRESSES = ("src", "href", "srcset", "action", "poster", "data", "xlink:href")


class Reader(html.parser.HTMLParser):
    """Words, addresses, headings and the policy of a page.

    Elements close in order, none has a handler of events, and every picture has words that stand for it.
    """

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.addresses: list[str | None] = []
        self.headings: list[str] = []
        self.identifiers: list[str | None] = []
        self.scripts = 0
        self.policy: str | None = None
        self.packed: str | None = None
        self.video: dict[str, str | None] | None = None
        self.feed(page.read_text(encoding="utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        assert not any(key.startswith("on") for key in found)
        assert tag != "img" or found.get("alt")
        self.addresses += [value for key, value in found.items() if key in ADDRESSES]
        self.scripts += tag == "script"
        if "id" in found:
            self.identifiers.append(found["id"])
        self.packed = found.get("data-page", self.packed)
        if tag == "video":
            self.video = found
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.words.append(data)
        if self.open and self.open[-1] == "h3":
            self.headings.append(data)

    @staticmethod
    def picture(address: str | None) -> Image.Image:
        """The picture that an address holds itself."""
        assert address is not None
        kind, _, content = address.partition(";base64,")
        assert kind.startswith("data:image/")
        return Image.open(io.BytesIO(base64.b64decode(content)))

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))
