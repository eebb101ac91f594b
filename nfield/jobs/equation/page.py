"""The report of a run that solved an equation."""

from nfield.reports.contents import Contents, run_contents
from nfield.reports.figure_sections import tiles
from nfield.reports.markup import Markup, absent, element, section
from nfield.reports.numbers import MISSING
from nfield.reports.pictures import figure, read_picture
from nfield.reports.record import RunRecord
from nfield.reports.summary import about_bands, about_quality

TILES = ("relative_l2", "max_error", "residual")
"""Figures of solutions that get a tile of their own."""

SOLUTION_DEFINITIONS = (
    (
        "SNR",
        "−20 log₁₀ of the relative L2 error ‖u − û‖₂ / ‖u‖₂, taken on points between those of the grid that was "
        "watched in training: 20 dB is an error of 10 %, 60 dB of 0.1 %.",
    ),
    ("Residual", "Root mean square of the equation's residual, as a share of that of a network that is zero."),
    (
        "Relative error of a band",
        "√(Σ|û − u|² / Σ|u|²) over the complex Fourier coefficients of the wave vectors in the band: 0 is found, 1 is "
        "as wrong as a network that gives nothing there. The grid leaves out end points and is windowed (Hann).",
    ),
    ("Cycles/side", "How often a wave repeats along a whole side of the domain, or over the whole time."),
    (
        "Order of learning",
        "A residual with 2m derivatives multiplies an error of wave number k by |k|²ᵐ: fine errors weigh more in the "
        "loss, and the order from low to high frequencies can be the reverse of what data fits show.",
    ),
    (
        "Plain MLP",
        "The baseline: a tanh network on raw coordinates with the same conditions, points, budget and a tuned rate.",
    ),
)


def solve_contents(record: RunRecord) -> Contents:
    """The solution beside the truth, bands, curves and settings."""
    return run_contents(
        record,
        [about_bands(record), about_quality(record), _about_equation(record)],
        figures=tiles(record, [key for key in TILES if record.field.number(key) is not None]),
        results=[section("Solution", _solution(record))],
        meanings=SOLUTION_DEFINITIONS,
    )


def _about_equation(record: RunRecord) -> str:
    equation = record.config.get("equation") or MISSING
    exactly = ", ".join(str(name) for name in record.config.get("met_exactly") or []) or "none"
    by_loss = ", ".join(str(name) for name in record.config.get("met_by_loss") or []) or "none"
    return f"Equation: {equation}. Conditions met exactly: {exactly}; by loss terms: {by_loss}."


def _solution(record: RunRecord) -> Markup:
    picture = read_picture(record.outputs / "solution.png")
    if picture is None:
        return absent("outputs/solution.png is not there; it is written when a run finishes.")
    return figure(
        picture,
        f"Solution of {record.source}, beside truth and plain MLP, with errors",
        element("strong", "Solution"),
        " The values behind it are in outputs/solution.npz.",
    )
