"""One page of the laboratory's experiments: claim, verdict, picture and source of each."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nfield.core.checks import UserError
from nfield.io.atomic import write_text
from nfield.io.json_files import read_json_object
from nfield.lab.cures.table import cures_section
from nfield.reports.markup import Markup, absent, element, page, section, table
from nfield.reports.numbers import seconds_text
from nfield.reports.pictures import figure, read_picture

HOLDS, FAILS = "holds", "does not hold"


def write_lab_page(folders: Sequence[Path], out: Path) -> Path:
    """Write one self-contained HTML file of the experiments in the folders.

    Raises UserError where there is none, or one of them has not been finished.
    """
    if not folders:
        raise UserError("No experiment was named. Name one or more folders of experiments.")
    read = [(folder, _metrics(folder)) for folder in folders]
    count = sum(metrics.get("holds") is True for _, metrics in read)
    title = "The frequency principle, experiment by experiment" if len(read) > 1 else str(read[0][1].get("title"))
    lead = f"{count} of {len(read)} claims hold in these runs." if len(read) > 1 else ""
    parts: list[Markup] = [element("header", element("h1", title), element("p", lead, class_="lead"))]
    if len(read) > 1:
        rows = [[str(m.get("experiment")), str(m.get("title")), _word(m), str(m.get("verdict"))] for _, m in read]
        parts.append(section("In short", table(["Name", "Experiment", "The claim", "What was seen"], rows)))
    cures = cures_section([metrics for _, metrics in read])
    if cures is not None:
        parts.append(cures)
    for folder, metrics in read:
        # The title of a page on one experiment stands above it already.
        parts.append(_experiment(str(metrics.get("title")) if len(read) > 1 else "What was seen", folder, metrics))
    write_text(out, page(title, *parts))
    return out


def _experiment(heading: str, folder: Path, metrics: Mapping[str, Any]) -> Markup:
    notes = [element("li", str(note)) for note in metrics.get("notes") or []]
    facts = [
        f"size {metrics.get('size')}",
        f"seed {metrics.get('seed')}",
        seconds_text(float(metrics.get("seconds") or 0)),
        str(metrics.get("device")),
    ]
    return section(
        heading,
        element("p", element("strong", "Claim. "), str(metrics.get("claim"))),
        element("p", element("strong", f"It {_word(metrics)}. "), str(metrics.get("verdict"))),
        _picture(folder, str(metrics.get("title"))),
        *([element("ul", *notes)] if notes else []),
        element("p", f"{metrics.get('source')}. Run: {', '.join(facts)}.", class_="quiet"),
    )


def _picture(folder: Path, title: str) -> Markup:
    plot = read_picture(folder / "plot.png")
    if plot is None:
        return absent("The plot is not in the folder.")
    return figure(plot, f"{title}: plot", side=max(plot.size))


def _word(metrics: Mapping[str, Any]) -> str:
    return HOLDS if metrics.get("holds") is True else FAILS


def _metrics(folder: Path) -> dict[str, Any]:
    found = read_json_object(folder / "metrics.json", "experiment")
    if "claim" not in found:
        raise UserError(f"'{folder}' holds no experiment: its metrics.json has no claim.")
    return found
