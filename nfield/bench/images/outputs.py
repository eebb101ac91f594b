"""A measurement as a table, a plot, a Markdown page and JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nfield.bench.images.suite import OWN
from nfield.core.checks import UserError
from nfield.io.atomic import replacing, write_json, write_text, writing_error
from nfield.reports.colours import BASELINE, COLOURS, FIELD
from nfield.reports.plots import panels

BUSY = (
    "The machine was busy with other work when this began, so that its figures are too low and uneven: measure again "
    "when it is quiet."
)
STYLES = {OWN: (FIELD, "-"), "siren": (COLOURS[1], "-."), "gaussian": (COLOURS[2], ":"), "mlp": (BASELINE, "--")}
"""Colour and line of each method."""


def new_folder(out: str | Path | None, suite: str = "image") -> Path:
    """The folder for the results: `out`, or the first of runs/bench-SUITE[-N] that is new or empty."""
    folder = Path(f"runs/bench-{suite}") if out is None else Path(out)
    if out is None:
        number = 2
        while folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            folder, number = Path(f"runs/bench-{suite}-{number}"), number + 1
    if folder.exists() and not folder.is_dir():
        raise UserError(f"'{folder}' is a file, but a folder for the results is needed. Choose another --out.")
    try:
        if folder.exists() and any(folder.iterdir()):
            raise UserError(f"'{folder}' exists and is not empty. Choose a new or an empty folder for --out.")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise writing_error(folder, error) from error
    return folder


def write_outputs(folder: Path, found: dict[str, Any]) -> None:
    """Write bench.json, bench.png and bench.md."""
    write_json(folder / "bench.json", found)
    write_plot(folder / "bench.png", found)
    write_text(folder / "bench.md", markdown(found))


def columns(found: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Titles of the columns with PSNRs, and of those with times."""
    return [f"{mark:g} s" for mark in found["marks"]], [f"{target:g} dB" for target in found["targets"]]


def rows(entry: dict[str, Any]) -> list[list[str]]:
    """Per method: title, PSNR at each mark, time to each target, parameters, steps."""
    return [
        [
            method["title"],
            *("-" if value is None else f"{value:.2f}" for value in method["psnr_at"]),
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
    return [
        [titles[name], *("-" if value is None else f"{value:.2f}" for value in values)]
        for name, values in found["mean_psnr_at"].items()
    ]


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
    lines = [
        f"# Image fitting against peers, {found['date']}",
        "",
        *measured_on(found["machine"], found["command"], found["options"]["seed"]),
        "",
    ]
    for entry in found["images"]:
        head = ["PSNR (dB) after / time to", *marks, *targets, "parameters", "steps"]
        lines += [f"## {described(entry)}", "", *markdown_table([head, *rows(entry)]), ""]
    if found["mean_psnr_at"]:
        head = ["PSNR (dB) after", *marks]
        lines += [f"## Mean of {len(found['images'])} images", "", *markdown_table([head, *mean_rows(found)]), ""]
    lines += ["![PSNR over time](bench.png)", "", "## How it was measured", ""]
    lines += [f"- {rule}" for rule in found["rules"]]
    lines += [f"- {method['title']}: {method['settings']}." for method in found["images"][0]["methods"]]
    for entry in found["images"]:
        runs = next(method for method in entry["methods"] if method["name"] == OWN)["runs"]
        told = "; ".join(f"{run['budget']:g} s took {run['seconds']:.2f} s, {run['steps']:,} steps" for run in runs)
        lines.append(f"- Budgets of nfield on {entry['source']}: {told}.")
    return "\n".join(lines) + "\n"


def measured_on(machine: dict[str, Any], command: str, seed: int) -> list[str]:
    """The machine and the command, as lines of a page, with a warning where other work was going on."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    load = "" if machine["load_before"] is None else f"; load average before the run {machine['load_before']:.2f}"
    lines = [
        f"- Hardware: {machine['processor']}, {machine['cores']} cores; device {machine['device']}{load}",
        f"- System: {machine['system']}",
        f"- Versions: {versions}",
        f"- Command: `{command}`, seed {seed}",
    ]
    return [*lines, "", f"**{BUSY}**"] if machine["busy"] else lines


def markdown_table(table: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells, the head first, as lines of a page; all columns but the first are numbers."""
    lines = ["| " + " | ".join(row) + " |" for row in table]
    return [lines[0], "| --- |" + " ---: |" * (len(table[0]) - 1), *lines[1:]]


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
