"""Line charts as SVG that follows the page's colours and needs no script.

All lengths are in the chart's own units; the page scales the whole drawing.
"""

import math
from dataclasses import dataclass

from nfield.reports.markup import Markup, element, join

WIDTH, HEIGHT = 480.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 14.0, 12.0, 50.0


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A map from values to a length on the drawing; a logarithmic one takes positive values only."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool

    def __call__(self, value: float) -> float:
        """Place of `value`; values outside the range land on its ends."""
        value = min(self.high, max(self.low, value))
        if self.logarithmic:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values inside the range."""
        if not self.logarithmic or self.high / self.low < 3:
            return linear_ticks(self.low, self.high)
        decades = math.log10(self.high / self.low)
        exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        stride = max(1, math.ceil(decades / 6))
        factors = (1, 2, 5) if decades <= 2 else (1, 3) if decades <= 3 else (1,)
        candidates = [factor * 10.0**exponent for exponent in exponents if exponent % stride == 0 for factor in factors]
        return [tick for tick in candidates if self.low * 0.999 <= tick <= self.high * 1.001]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One line of a chart. `style` is a class of the style sheet: truth, field, baseline, run-0 ..."""

    label: str
    style: str
    points: list[tuple[float, float]]


def scale(values: list[float], start: float, end: float, *, logarithmic: bool) -> Scale:
    """A scale that holds all the values, with a margin where they are all one."""
    kept = [value for value in values if not logarithmic or value > 0] or [1.0]
    low, high = min(kept), max(kept)
    if logarithmic and high / low < 1.001:
        low, high = low / 2, high * 2
    elif not logarithmic and high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - 1, high + 1
    elif not logarithmic:
        low, high = low - 0.03 * (high - low), high + 0.03 * (high - low)
    return Scale(low=low, high=high, start=start, end=end, logarithmic=logarithmic)


def linear_ticks(low: float, high: float) -> list[float]:
    """About five multiples of 1, 2 or 5 times a power of ten."""
    raw = (high - low) / 5
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= raw)
    return [index * step for index in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def tick_text(value: float) -> str:
    """A tick's label; powers of ten far from one are written as such."""
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        exponent = math.floor(math.log10(abs(value)) + 1e-9)
        factor = f"{value / 10.0**exponent:.3g}".replace("-", "−")
        power = f"10{str(exponent).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
        return power if factor == "1" else f"{factor}·{power}"
    return f"{value:.6g}".replace("-", "−")


def label(content: str, x: float, y: float, *, anchor: str = "middle", class_: str | None = None) -> Markup:
    """A piece of text on the drawing."""
    return element("text", content, x=x, y=y, text_anchor=anchor, class_=class_)


def segment(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def upright(content: str, x: float, y: float) -> Markup:
    """The title of a vertical axis, read from below."""
    return element(
        "text",
        content,
        class_="axis-title",
        text_anchor="middle",
        transform=f"translate({x:g} {y:g}) rotate(-90)",
    )


def drawing(description: str, *children: str, height: float = HEIGHT) -> Markup:
    """An SVG picture with the sentence that stands for it where it cannot be seen."""
    return element(
        "svg",
        *children,
        viewBox=f"0 0 {WIDTH:g} {height:g}",
        role="img",
        aria_label=description,
        class_="chart",
    )


def horizontal_axis(across: Scale, title: str, bottom: float, *, grid_top: float | None = None) -> Markup:
    """Ticks, labels and title below `bottom`; grid lines up to `grid_top`."""
    parts = []
    for tick in across.ticks():
        x = across(tick)
        parts.append(segment(x, bottom if grid_top is None else grid_top, x, bottom + 4, "grid"))
        parts.append(label(tick_text(tick), x, bottom + 18))
    parts.append(label(title, (across.start + across.end) / 2, bottom + 38, class_="axis-title"))
    return join(parts)


def line_chart(
    curves: list[Curve],
    *,
    description: str,
    across_title: str,
    up_title: str,
    logarithmic_up: bool = False,
    marked: tuple[float, str] | None = None,
) -> Markup:
    """Curves over a logarithmic horizontal axis, with their legend; `marked` gets a named vertical line."""
    curves = [_positive(curve, up=logarithmic_up) for curve in curves]
    xs = [x for curve in curves for x, _ in curve.points] + ([marked[0]] if marked else [])
    ys = [y for curve in curves for _, y in curve.points]
    bottom = HEIGHT - BOTTOM
    across = scale(xs, LEFT, WIDTH - RIGHT, logarithmic=True)
    up = scale(ys, bottom - 6, TOP + 6, logarithmic=logarithmic_up)
    parts = [horizontal_axis(across, across_title, bottom, grid_top=TOP)]
    for tick in up.ticks():
        y = up(tick)
        parts += [
            segment(LEFT - 4, y, WIDTH - RIGHT, y, "grid"),
            label(tick_text(tick), LEFT - 8, y + 4, anchor="end"),
        ]
    parts.append(upright(up_title, 14, (TOP + bottom) / 2))
    if marked:
        x = across(marked[0])
        parts += [
            segment(x, TOP, x, bottom, "marked"),
            label(marked[1], x - 6, TOP + 12, anchor="end", class_="note"),
        ]
    for curve in curves:
        places = [f"{across(x):.1f},{up(y):.1f}" for x, y in curve.points]
        if len(places) > 1:
            parts.append(element("polyline", points=" ".join(places), class_=f"line {curve.style}"))
        elif places:
            x, y = curve.points[0]
            parts.append(element("circle", cx=across(x), cy=up(y), r=4, class_=f"dot {curve.style}"))
    return join([legend(curves), drawing(description, *parts)])


def _positive(curve: Curve, *, up: bool) -> Curve:
    """The curve without the points that a logarithmic axis cannot show."""
    points = [(x, y) for x, y in curve.points if x > 0 and (y > 0 or not up)]
    return Curve(label=curve.label, style=curve.style, points=points)


def legend(curves: list[Curve]) -> Markup:
    """The curves' names beside short pieces of their lines."""
    entries = []
    for curve in curves:
        sample = element("svg", segment(0, 5, 26, 5, f"line {curve.style}"), viewBox="0 0 26 10", aria_hidden="true")
        entries.append(element("li", sample, curve.label))
    return element("ul", *entries, class_="legend")
