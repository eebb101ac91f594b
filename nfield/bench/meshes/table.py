"""A measurement of surfaces as bench.json and as a page of Markdown."""

from pathlib import Path
from typing import Any

from nfield.bench.images.outputs import measured_on
from nfield.bench.meshes.methods import METHODS, POISSON
from nfield.io.atomic import write_json, write_text


def write_tables(folder: Path, found: dict[str, Any]) -> None:
    """Write bench.json and bench.md, each whole or not at all; earlier ones are replaced."""
    write_json(folder / "bench.json", found)
    write_text(folder / "bench.md", markdown(found))


def markdown(found: dict[str, Any], title: str = "Surfaces against screened Poisson") -> str:
    """The measurement as a page."""
    lines = [f"# {title}", "", *_head(found), "", "## Means over the shapes", "", *_means(found)]
    lines += ["", "## Every scan", "", *_scans(found)]
    lines += ["", "## Pictures", "", "Above the surfaces, below their distances from the truth on one scale.", ""]
    lines += [
        f"![{r['case']}, {r['shape']}: surfaces and errors of all methods]({r['picture']})" for r in found["results"]
    ]
    return "\n".join([*lines, "", "## How it was measured", "", *_rules(found)]) + "\n"


def _head(found: dict[str, Any]) -> list[str]:
    lines = [f"- {sentence}." for sentence in found["absent"]]
    lines += measured_on(found["machine"], found["command"], found["seed"])
    if not found["complete"]:
        lines += ["", "**Not finished: the scans so far.**"]
    return lines


def _means(found: dict[str, Any]) -> list[str]:
    lines = [
        "| case | method / peer | shapes | Chamfer, ratio of means | mean of ratios | normal consistency | seconds |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for case, pairs in found["means"].items():
        for mean in pairs:
            titles = f"{METHODS[mean['method']].title} / {METHODS[mean['against']].title}"
            cells = ["-"] * 4
            if mean["shapes"]:
                cells = [f"{mean['ratio_of_means']:.2f}", f"{mean['mean_ratio']:.2f}"]
                cells += [f"{mean['normal_consistency']:+.4f}", f"{mean['seconds']:.1f}"]
            lines.append(f"| {case} | {titles} | {mean['shapes']} | {' | '.join(cells)} |")
    return lines


def _scans(found: dict[str, Any]) -> list[str]:
    lines = [
        "| case | shape | method | Chamfer | / Poisson | normals | wrong normals | depth | seconds | peak MiB (start) "
        "| watertight |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for result in found["results"]:
        for name in found["methods"]:
            cells = _cells(result[name], result[POISSON])
            lines.append(f"| {result['case']} | {result['shape']} | {METHODS[name].title} | {' | '.join(cells)} |")
    return lines


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
        "- Scans without normals, uniform by area; noise is Gaussian in all three axes, 0.0025 or 0.005 of the "
        "diagonal as the case says; outliers are spread evenly in a box a tenth larger than the shape's.",
    ]
    for name, method in found["methods"].items():
        picked = f", the best of depths {depths}, picked afterwards against the truth" if METHODS[name].peer else ""
        lines.append(f"- {method['title']}: {method['rules']}{picked}.")
    lines += [
        "- Chamfer is half the sum of the mean distances both ways, point to triangle, relative to the diagonal of the "
        "truth's bounding box; `/ Poisson` is that over Poisson's. Normal consistency is the mean |cosine| both ways; "
        "among the means it is the method's less the peer's.",
        "- Ratio of means: the mean Chamfer of the method over that of the peer, in which shapes with large errors "
        "weigh most. Mean of ratios: every shape weighs the same. Both over the shapes where both made a surface.",
        "- Wrong normals: of the points, as the method oriented them before the surface, those that point against the "
        "closest face of the truth. Outliers are not counted, and nfield leaves some out.",
        "- Each method runs on each scan in a process of its own. Seconds go from the points to the mesh, without "
        "starting the interpreter and loading libraries; Poisson's are normals, orientation and one solve.",
        "- Peak memory is the most that this process held, interpreter and libraries included; in brackets what it "
        "held before the work. A peer's depths run from low to high in one process, so its peak is that up to the "
        "depth named.",
    ]
    for result in found["results"]:
        for name, why in result["why"].items():
            lines.append(f"- {result['case']}, {result['shape']}: {METHODS[name].title} {why}.")
    return lines
