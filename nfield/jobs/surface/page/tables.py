"""Figures of a mesh run as tables: of its surfaces, and of what was understood about the cloud."""

from typing import Any

from nfield.reports.figure_sections import DEFINITIONS
from nfield.reports.figure_table import Figures, count, duration, figures_table, quality, yes_or_no
from nfield.reports.markup import Markup, absent, element, join, table
from nfield.reports.numbers import MISSING, count_text, length_text, percent_text
from nfield.reports.record import RunRecord
from nfield.reports.stated import mapping, number, reason

LENGTHS = ("chamfer", "accuracy", "completeness", "hausdorff")
SCORES = ("fscore", "normal_consistency")


FIGURES: Figures = {
    "vertices": ("Vertices", count),
    "faces": ("Faces", count),
    "watertight": ("Watertight", yes_or_no),
    "chamfer": ("Chamfer distance", quality("chamfer")),
    "accuracy": ("Accuracy", quality("accuracy")),
    "completeness": ("Completeness", quality("completeness")),
    "hausdorff": ("Hausdorff distance", quality("hausdorff")),
    "fscore": ("F-score", quality("fscore")),
    "normal_consistency": ("Normal consistency", quality("normal_consistency")),
    "depth": ("Depth of the octree", count),
    "seconds": ("Training or solving", duration),
    "seconds_total": ("Time in all", duration),
}
"""Rows of the table of surfaces: name and text of each figure."""

CLOUD: dict[str, str] = {
    "points": "Points",
    "dropped": "Points dropped",
    "used": "Points used",
    "spacing": "Spacing of the points",
    "noise": "Noise (standard deviation)",
    "outliers": "Outliers",
    "density_variation": "Variation of the density",
    "closed": "Surface",
    "normals": "Normals",
}
"""Names of what is known of the cloud; others are shown under their own."""


SHARED = ("Below the threshold", "Order statistic")
"""Definitions that hold for surfaces as they do for pictures."""

SURFACE_DEFINITIONS = (
    ("Accuracy", "Mean distance from the reconstructed surface to the truth: what is there is how far off."),
    ("Completeness", "Mean distance from the truth to the reconstructed surface: what is missing is how far away."),
    (
        "Chamfer distance",
        "½ (accuracy + completeness), not squared; distances from points on one surface to triangles of the other.",
    ),
    ("Hausdorff distance", "The largest distance in either direction."),
    (
        "F-score",
        "The harmonic mean of the shares of both surfaces that lie within a stated distance of the other; 1 is best.",
    ),
    ("Normal consistency", "Mean |cosine| of the angle between the normals of nearest places; 1 is best."),
    ("Watertight", "Every edge of the mesh belongs to exactly two faces, so that there is an inside."),
    (
        "Relative error of a band",
        "√(Σ|prediction − target|² / Σ|target|²) over the Fourier coefficients of the wave vectors in the band: 0 is "
        "learned, 1 is as wrong as a network that gives nothing there.",
    ),
    (
        "Profile",
        "A closed curve in which a plane cuts the reference surface. The field's error is the way, within that plane "
        "and across the curve, to its nearest zero, as a displacement of the curve. The relative error of a band is "
        "√(Σ L |displacement|² / Σ L |curve|²) over the Fourier coefficients of the coordinates along the curve, L "
        "being its length, summed over all curves: 0 is learned, 1 is as wrong as curves without detail of the band. "
        "Where no zero is within 6 % of the diagonal, the displacement leads to the middle of the curve.",
    ),
    ("Cycles/diagonal", "How often a pattern repeats along the diagonal of the bounding box."),
    *(entry for entry in DEFINITIONS if entry[0] in SHARED),
    ("Plain MLP", "The baseline: a multilayer perceptron on raw coordinates, trained on the same points."),
    (
        "Screened Poisson",
        "The usual reconstruction from oriented points, by Open3D: an indicator function whose gradient follows the "
        "normals, solved on an octree of the stated depth.",
    ),
)  # fmt: skip


def figures_section(record: RunRecord) -> Markup:
    """Figures of field, plain MLP and Poisson beside each other."""
    columns = [("Field", record.field.metrics)]
    if record.baseline is not None:
        columns.append(("Plain MLP", record.baseline.metrics))
    poisson = mapping(record.field.metrics.get("poisson"))
    if set(poisson) - {"why"}:
        columns.append(("Screened Poisson", poisson))
    columns = [(title, {**own, "seconds": own.get("seconds_fit", own.get("seconds"))}) for title, own in columns]
    return figures_table(
        columns,
        FIGURES,
        caption="Lengths are fractions of the true surface's bounding-box diagonal",
        missing="This run has no figures of its surfaces on record; they are written when a run finishes.",
    )


def cloud_section(record: RunRecord) -> Markup:
    """What was found out about the points before the fit."""
    cloud = mapping(record.field.metrics.get("cloud", record.config.get("cloud")))
    if not cloud:
        return absent("What was understood about the cloud is not on record.")
    known = [key for key in CLOUD if key in cloud]
    others = [key for key in cloud if key not in CLOUD and key != "why" and not key.endswith("_why")]
    rows = [[CLOUD.get(key, key.replace("_", " ")), _cloud_text(cloud, key)] for key in (*known, *others)]
    notes = cloud.get("notes")
    listed = [one for one in notes if isinstance(one, str)] if isinstance(notes, list) else []
    rows = [row for row in rows if row[0] != "notes"]
    parts = [table(["Of the cloud", ""], rows, caption="Estimated from the points alone; lengths in input units")]
    if listed:
        parts.append(element("ul", *(element("li", one) for one in listed)))
    return join(parts)


def _cloud_text(cloud: dict[str, Any], key: str) -> str:
    value = cloud[key]
    if value is None:
        why = reason(cloud, key)
        return f"{MISSING} ({why.rstrip('.')})" if why else MISSING
    if key == "closed" and isinstance(value, bool):
        return "closed" if value else "open: it has a boundary"
    if isinstance(value, bool):
        return yes_or_no(value)
    if isinstance(value, str):
        return value
    found = number(value)
    if found is None:
        return str(value)
    if isinstance(value, int):
        return count_text(found)
    if key == "outliers" or key.endswith("_share"):
        return percent_text(found)
    return percent_text(found) if key == "density_variation" else length_text(found)
