"""A measurement of radiance fields as bench.json and as a page of Markdown."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nfield.bench.images.outputs import markdown_table, measured_on
from nfield.io.atomic import write_json, write_text


def write_tables(folder: Path, found: dict[str, Any], titles: Mapping[str, str]) -> None:
    """Write bench.json and bench.md, each whole or not at all; earlier ones are replaced."""
    write_json(folder / "bench.json", found)
    write_text(folder / "bench.md", markdown(found, titles))


def markdown(found: dict[str, Any], titles: Mapping[str, str]) -> str:
    """The measurement as a page; `titles` name the methods."""
    lines = [f"# Radiance fields against networks without a grid, {found['date']}", ""]
    lines += measured_on(found["machine"], found["command"], found["options"]["seed"])
    if not found["complete"]:
        lines += ["", "**Not finished: the runs so far.**"]
    for entry in found["scenes"]:
        lines += ["", f"## {_described(entry)}", "", *markdown_table(rows(entry, found["marks"], titles))]
        for run, why in entry["why"].items():
            lines.append(f"\n{run}: {why}.")
        shown = [f"![{titles.get(name, name)}]({file})" for name, file in entry.get("pictures", {}).items()]
        if shown:
            lines += ["", f"{' '.join(shown)}", "", "From the left: the truth, then the methods in the table's order."]
    return "\n".join([*lines, "", "## How it was measured", "", *(f"- {rule}" for rule in found["rules"])]) + "\n"


def _described(entry: dict[str, Any]) -> str:
    name = Path(entry["source"]).name
    if "width" not in entry:
        return name
    return f"{name} ({entry['width']} x {entry['height']}, {entry['train']} views, {entry['test']} held out)"


def rows(entry: dict[str, Any], marks: list[float], titles: Mapping[str, str]) -> list[list[str]]:
    """Per method: PSNR at each mark, and all else of its longest run."""
    head = ["PSNR (dB) after", *(f"{mark:g} s" for mark in marks), "SSIM", "steps"]
    table = [[*head, "rays/s", "samples/s", "s per view", "parameters", "peak MiB"]]
    for name in (name for name in titles if name in entry["methods"]):
        runs = {run["budget"]: run for run in entry["methods"][name]}
        cells = [titles[name], *(_number(runs.get(mark, {}).get("psnr"), ".2f") for mark in marks)]
        last = runs[max(runs)]
        cells += [_number(last["ssim"], ".3f"), f"{last['steps']:,}", _number(last["rays_per_second"], ",.0f")]
        cells += [_number(last["samples_per_second"], ",.0f"), _number(last["seconds_per_view"], ".2f")]
        table.append([*cells, f"{last['parameters']:,}", _number(last["peak_mib"], ",.0f")])
    return table


def _number(value: float | None, how: str) -> str:
    return "-" if value is None else format(value, how)
