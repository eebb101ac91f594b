"""HTML and SVG as strings that are escaped unless they were made here."""

import html
import importlib.resources
from collections.abc import Iterable, Sequence

from nfield.reports.colours import style_sheet

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""Content security policy of every page: the browser itself refuses each request to the outside."""

VOID = frozenset({"img", "input", "meta", "br"})


class Markup(str):
    """A string that is markup already; every other string is text and gets escaped."""

    __slots__ = ()


def text(value: str) -> Markup:
    """`value` as markup: unchanged if it is markup, escaped otherwise."""
    return value if isinstance(value, Markup) else Markup(html.escape(value, quote=True))


def join(parts: Iterable[str]) -> Markup:
    """The parts one after the other, each escaped unless it is markup."""
    return Markup("".join(text(part) for part in parts))


def element(name: str, /, *children: str, **attributes: str | float | None) -> Markup:
    """One element. `class_` stands for `class`, other `_` for `-`; an attribute that is None is left out."""
    written = []
    for key, value in attributes.items():
        if value is None:
            continue
        shown = value if isinstance(value, str) else f"{value:.6g}"
        written.append(f' {key.rstrip("_").replace("_", "-")}="{html.escape(shown, quote=True)}"')
    opening = f"<{name}{''.join(written)}>"
    return Markup(opening) if name in VOID else Markup(f"{opening}{join(children)}</{name}>")


def section(title: str, *children: str) -> Markup:
    """A section of the page with its heading."""
    return element("section", element("h2", title), *children)


def absent(reason: str) -> Markup:
    """A sentence in the place of something that is not there."""
    return element("p", reason, class_="absent")


def table(header: list[str], rows: list[list[str]], *, caption: str | None = None) -> Markup:
    """A table inside a box that scrolls by itself; the first cell of each row is its heading."""
    head = element("thead", element("tr", *(element("th", cell, scope="col") for cell in header)))
    body = element(
        "tbody",
        *(
            element("tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:]))
            for row in rows
        ),
    )
    parts = [element("caption", caption)] if caption else []
    return scrolling(caption or "Table", element("table", *parts, head, body))


def scrolling(name: str, content: Markup) -> Markup:
    """A box that scrolls by itself where its content is wider than the page."""
    # It must be reachable by keyboard.
    return element("div", content, class_="scroll", tabindex="0", role="region", aria_label=name)


def page(title: str, *body: str, parts: Sequence[str] = (), policy: str = POLICY) -> str:
    """A whole document that needs nothing from outside: style and script are inside.

    `parts` names further style sheets and scripts of this folder, without their endings, that the body needs.
    """
    style, script = (_joined([f"{name}.{kind}" for name in ("page", *parts)]) for kind in ("css", "js"))
    head = join(
        [
            element("meta", charset="utf-8"),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="color-scheme", content="light dark"),
            element("title", title),
            Markup(f"<style>\n{style_sheet()}{style}</style>"),
        ]
    )
    whole = (
        f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>\n'
        f"{element('main', *body)}\n<script>\n{script}</script>\n</body>\n</html>\n"
    )
    # File names that are no valid text arrive as lone surrogates, which no file can hold.
    return whole.encode("utf-8", "replace").decode("utf-8")


def _joined(names: Sequence[str]) -> str:
    files = importlib.resources.files("nfield.reports")
    return "".join(files.joinpath(name).read_text(encoding="utf-8") for name in names)
