"""The drawing of a colour scale with its title, values and notes."""

from collections.abc import Callable, Sequence

from nfield.reports.charts import WIDTH, drawing, label
from nfield.reports.colours import at
from nfield.reports.markup import Markup, element

STEPS = 64
"""Cells of which a colour scale is drawn."""


def scale_bar(
    title: str,
    described: str,
    colours: str,
    ticks: Sequence[tuple[float, str]],
    notes: Sequence[Markup] = (),
) -> Markup:
    """A map of matplotlib's from 0 to 1, with the texts of `ticks` at their places; `notes` are list entries below."""
    left, right, top, high = 20.0, WIDTH - 20.0, 8.0, 16.0
    width = (right - left) / STEPS
    cells = [
        element(
            "rect",
            x=left + index * width,
            y=top,
            width=width + 0.3,
            height=high,
            fill=at((index + 0.5) / STEPS, colours),
        )
        for index in range(STEPS)
    ]
    for place, shown in ticks:
        x = left + place * (right - left)
        cells.append(element("line", x1=x, y1=top + high, x2=x, y2=top + high + 4, class_="tick"))
        anchor = "start" if place == 0 else "end" if place == 1 else "middle"
        cells.append(label(shown, x, top + high + 18, anchor=anchor))
    parts = [element("p", title, class_="bar-title"), drawing(described, *cells, height=46)]
    if notes:
        parts.append(element("ul", *notes, class_="legend"))
    return element("div", *parts, class_="bar")


def even_ticks(values: Sequence[float], top: float, text: Callable[[float], str]) -> list[tuple[float, str]]:
    """Ticks of a linear scale that ends at `top`, where its end has the label '≥'.

    A round value just before the end would run into that label, and is left out.
    """
    return [(value / top, text(value)) for value in values if value < 0.7 * top] + [(1.0, f"≥ {text(top)}")]
