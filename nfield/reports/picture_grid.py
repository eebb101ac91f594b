"""Pictures in rows and columns with their names."""

from collections.abc import Sequence

from PIL import Image

from nfield.reports.markup import Markup, element, scrolling
from nfield.reports.numbers import MISSING
from nfield.reports.pictures import image


def picture_grid(
    rows: Sequence[tuple[str, str, Sequence[Image.Image | None]]], names: Sequence[str], caption: str
) -> Markup:
    """Rows with a title, a note and pictures each, one for each of the columns' `names`; None is a gap."""
    head = element("tr", element("td"), *(element("th", name, scope="col") for name in names))
    body = []
    for title, note, pictures in rows:
        notes = [element("div", note, class_="quiet")] if note else []
        cells = [_cell(one, f"{title}, {name}") for name, one in zip(names, pictures, strict=True)]
        body.append(element("tr", element("th", title, *notes, scope="row"), *cells))
    table = element("table", element("thead", head), element("tbody", *body), class_="views")
    return scrolling(caption, table)


def _cell(picture: Image.Image | None, alternative: str) -> Markup:
    if picture is None:
        return element("td", MISSING)
    return element("td", image(picture, alternative))
