"""A measurement of surfaces as a page of Markdown."""

from typing import Any

from nfield.bench.meshes.methods import METHODS, POISSON
from nfield.bench.page import cell, markdown_table, page_of


def markdown(found: dict[str, Any], title: str = "Surfaces against screened Poisson") -> str:
    """The measurement as a page."""
    body = [line for sentence in found["absent"] for line in (f"- {sentence}.", "")]
    body += ["## Means over the shapes", "", *_means(found)]
    body += ["", "## Every scan", "", *_scans(found)]
    body += ["", "## Pictures", "", "Above the surfaces, below their distances from the truth on one scale.", ""]
    body += [
        f"![{r['case']}, {r['shape']}: surfaces and errors of all methods]({r['picture']})" for r in found["results"]
    ]
    return page_of(title, found, body, _rules(found), "the scans so far")


MEANS = {
    "ratio_of_means": ("Chamfer, ratio of means", ".2f"),
    "mean_ratio": ("mean of ratios", ".2f"),
    "normal_consistency": ("normal consistency", "+.4f"),
    "seconds": ("seconds", ".1f"),
}
"""Columns of the table of means: title and format of each figure."""


def _means(found: dict[str, Any]) -> list[str]:
    rows = [["case", "method / peer", "shapes", *(title for title, _ in MEANS.values())]]
    for case, pairs in found["means"].items():
        for mean in pairs:
            titles = f"{METHODS[mean['method']].title} / {METHODS[mean['against']].title}"
            figures = (cell(mean[key], how) for key, (_, how) in MEANS.items())
            rows.append([case, titles, str(mean["shapes"]), *figures])
    return markdown_table(rows, texts=2)


def _scans(found: dict[str, Any]) -> list[str]:
    head = ["Chamfer", "/ Poisson", "normals", "wrong normals", "depth", "seconds", "peak MiB (start)", "watertight"]
    rows = [["case", "shape", "method", *head]]
    for result in found["results"]:
        for name in found["methods"]:
            cells = _cells(result[name], result[POISSON])
            rows.append([result["case"], result["shape"], METHODS[name].title, *cells])
    return markdown_table(rows, texts=3)


def _cells(figures: dict[str, Any] | None, poisson: dict[str, Any] | None) -> list[str]:
    """Figures of one method on one scan; dashes where it made no surface."""
    if figures is None:
        return ["-"] * 8
    peak, start = figures["peak_mib"], figures["start_mib"]
    return [
        f"{figures['chamfer']:.6f}",
        "-" if poisson is None else f"{figures['chamfer'] / poisson['chamfer']:.2f}",
        f"{figures['normal_consistency']:.4f}",
        f"{figures['wrong_normals']:,} of {figures['normals_judged']:,}",
        str(figures.get("depth", "-")),
        f"{figures['seconds']:.1f}",
        "-" if peak is None or start is None else f"{peak:,.0f} ({start:,.0f})",
        "yes" if figures["watertight"] else "no",
    ]


def _rules(found: dict[str, Any]) -> list[str]:
    depths = ", ".join(map(str, sorted(set(found["options"]["depths"]))))
    lines = [
        "Scans without normals, uniform by area; noise is Gaussian in all three axes, 0.0025 or 0.005 of the "
        "diagonal as the case says; outliers are spread evenly in a box a tenth larger than the shape's.",
    ]
    for name, method in found["methods"].items():
        picked = f", the best of depths {depths}, picked afterwards against the truth" if METHODS[name].peer else ""
        lines.append(f"{method['title']}: {method['rules']}{picked}.")
    lines += [
        "Chamfer is half the sum of the mean distances both ways, point to triangle, relative to the diagonal of the "
        "truth's bounding box; `/ Poisson` is that over Poisson's. Normal consistency is the mean |cosine| both ways; "
        "among the means it is the method's less the peer's.",
        "Ratio of means: the mean Chamfer of the method over that of the peer, in which shapes with large errors "
        "weigh most. Mean of ratios: every shape weighs the same. Both over the shapes where both made a surface.",
        "Wrong normals: of the points, as the method oriented them before the surface, those that point against the "
        "closest face of the truth. Outliers are not counted, and nfield leaves some out.",
        "Each method runs on each scan in a process of its own. Seconds go from the points to the mesh, without "
        "starting the interpreter and loading libraries; Poisson's are normals, orientation and one solve.",
        "Peak memory is the most that this process held, interpreter and libraries included; in brackets what it "
        "held before the work. A peer's depths run from low to high in one process, so its peak is that up to the "
        "depth named.",
    ]
    for result in found["results"]:
        for name, why in result["why"].items():
            lines.append(f"{result['case']}, {result['shape']}: {METHODS[name].title} {why}.")
    return lines
