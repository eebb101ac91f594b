"""A measurement of radiance fields as a page of Markdown."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nfield.bench.page import cell, markdown_table, page_of


def markdown(found: dict[str, Any], titles: Mapping[str, str]) -> str:
    """The measurement as a page; `titles` name the methods."""
    body: list[str] = []
    for entry in found["scenes"]:
        body += [f"## {_described(entry)}", "", *markdown_table(rows(entry, found["marks"], titles)), ""]
        for run, why in entry["why"].items():
            body += [f"{run}: {why}.", ""]
        shown = [f"![{titles.get(name, name)}]({file})" for name, file in entry.get("pictures", {}).items()]
        if shown:
            body += [" ".join(shown), "", "From the left: the truth, then the methods in the table's order.", ""]
    title = f"Radiance fields against networks without a grid, {found['date']}"
    return page_of(title, found, body[:-1], found["rules"], "the runs so far")


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
        cells = [titles[name], *(cell(runs.get(mark, {}).get("psnr"), ".2f") for mark in marks)]
        last = runs[max(runs)]
        cells += [cell(last["ssim"], ".3f"), f"{last['steps']:,}", cell(last["rays_per_second"], ",.0f")]
        cells += [cell(last["samples_per_second"], ",.0f"), cell(last["seconds_per_view"], ".2f")]
        table.append([*cells, f"{last['parameters']:,}", cell(last["peak_mib"], ",.0f")])
    return table
