"""A measurement as a table, a plot, a Markdown page and JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nfield.bench.images.suite import OWN
from nfield.bench.page import BUSY, cell, markdown_table, page_of, write_measurement
from nfield.bench.page import new_folder as new_folder
from nfield.io.atomic import replacing
from nfield.reports.colours import BASELINE, COLOURS, FIELD
from nfield.reports.plots import panels

STYLES = {OWN: (FIELD, "-"), "siren": (COLOURS[1], "-."), "gaussian": (COLOURS[2], ":"), "mlp": (BASELINE, "--")}
"""Colour and line of each method."""


def write_outputs(folder: Path, found: dict[str, Any]) -> None:
    """Write bench.json, bench.png and bench.md."""
    write_plot(folder / "bench.png", found)
    write_measurement(folder, found, markdown(found))


def columns(found: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Titles of the columns with PSNRs, and of those with times."""
    return [f"{mark:g} s" for mark in found["marks"]], [f"{target:g} dB" for target in found["targets"]]


def rows(entry: dict[str, Any]) -> list[list[str]]:
    """Per method: title, PSNR at each mark, time to each target, parameters, steps."""
    return [
        [
            method["title"],
            *(cell(value, ".2f") for value in method["psnr_at"]),
            *("-" if value is None else f"{value:.1f} s" for value in method["seconds_to"]),
            f"{method['parameters']:,}",
            f"{method['steps']:,}",
        ]
        for method in entry["methods"]
    ]


def described(entry: dict[str, Any]) -> str:
    """An image in words."""
    channels = "1 channel" if entry["channels"] == 1 else f"{entry['channels']} channels"
    return f"{entry['source']} ({entry['width']} x {entry['height']}, {channels})"


def mean_rows(found: dict[str, Any]) -> list[list[str]]:
    """Per method: title and mean PSNR at each mark."""
    titles = {method["name"]: method["title"] for method in found["images"][0]["methods"]}
    return [[titles[name], *(cell(value, ".2f") for value in values)] for name, values in found["mean_psnr_at"].items()]


def text_table(found: dict[str, Any]) -> str:
    """The measurement for the terminal."""
    marks, targets = columns(found)
    parts = []
    for entry in found["images"]:
        head = ["", *marks, *targets, "parameters", "steps"]
        parts.append(f"{described(entry)}: PSNR (dB) after, time to\n{_aligned([head, *rows(entry)])}")
    if found["mean_psnr_at"]:
        parts.append(
            f"mean PSNR (dB) of {len(found['images'])} images after\n{_aligned([['', *marks], *mean_rows(found)])}"
        )
    if found["machine"]["busy"]:
        parts.append(f"{BUSY}\n")
    return "\n".join(parts)


def _aligned(table: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "".join(
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        + "\n"
        for row in table
    )


def markdown(found: dict[str, Any]) -> str:
    """The measurement as a dated page."""
    marks, targets = columns(found)
    body: list[str] = []
    for entry in found["images"]:
        head = ["PSNR (dB) after / time to", *marks, *targets, "parameters", "steps"]
        body += [f"## {described(entry)}", "", *markdown_table([head, *rows(entry)]), ""]
    if found["mean_psnr_at"]:
        head = ["PSNR (dB) after", *marks]
        body += [f"## Mean of {len(found['images'])} images", "", *markdown_table([head, *mean_rows(found)]), ""]
    rules = [*found["rules"], *(f"{one['title']}: {one['settings']}." for one in found["images"][0]["methods"])]
    for entry in found["images"]:
        runs = next(method for method in entry["methods"] if method["name"] == OWN)["runs"]
        budgets = (f"{run['budget']:g} s took {run['seconds']:.2f} s, {run['steps']:,} steps" for run in runs)
        rules.append(f"Budgets of nfield on {entry['source']}: {'; '.join(budgets)}.")
    title = f"Image fitting against peers, {found['date']}"
    return page_of(title, found, [*body, "![PSNR over time](bench.png)"], rules)


def write_plot(path: Path, found: dict[str, Any]) -> None:
    """PSNR over time of all methods, one panel per image, as a PNG."""
    figure, axes = panels(len(found["images"]), 1, width=7.5, height=4.2)
    for panel, entry in zip(axes, found["images"], strict=True):
        for method in entry["methods"]:
            colour, line = STYLES[method["name"]]
            points = [p for p in method["history"] if p["seconds"] > 0 and p["psnr"] is not None]
            own = method["name"] == OWN
            label = f"{method['title']}, longest run" if own else method["title"]
            panel.plot([p["seconds"] for p in points], [p["psnr"] for p in points], line, color=colour, label=label)
            if own:
                runs = [run for run in method["runs"] if run["psnr"] is not None]
                seconds, reached = [run["seconds"] for run in runs], [run["psnr"] for run in runs]
                panel.plot(seconds, reached, "o", color=colour, label=f"{method['title']}, one run per budget")
        panel.set(xscale="log", xlabel="seconds", ylabel="PSNR (dB) of the whole image")
        panel.set_title(described(entry), parse_math=False)
        panel.xaxis.set_major_formatter("{x:g}")
        panel.grid(alpha=0.3, which="both")
        panel.legend()
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=130)
