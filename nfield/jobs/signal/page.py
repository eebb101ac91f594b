"""The report of a signal in stages."""

from typing import Any

from nfield.reports.contents import Contents, run_contents
from nfield.reports.figure_sections import tiles
from nfield.reports.markup import Markup, absent, element, join, section, table
from nfield.reports.numbers import MISSING, count_text
from nfield.reports.pictures import figure, read_picture
from nfield.reports.record import RunRecord
from nfield.reports.stated import mapping, number

COLUMNS = (("Error", "error"), ("ε", "scale"), ("Frequency", "frequency"), ("κ", "kappa"))


def signal_contents(record: RunRecord) -> Contents:
    """The stages, bands, curves and settings."""
    return run_contents(record, figures=tiles(record, ("relative_l2",)), results=[section("Stages", _stages(record))])


def _stages(record: RunRecord) -> Markup:
    stated = record.field.metrics.get("stages")
    stages = [mapping(one) for one in stated] if isinstance(stated, list) else []
    picture = read_picture(record.outputs / "stages.png")
    shown = absent("outputs/stages.png is not there; it is written for functions and grids, when a run finishes.")
    if picture is not None:
        shown = figure(picture, f"Stages of {record.source}", element("strong", "Residual"), " after each stage")
    if not stages:
        return shown
    reason = record.field.metrics.get("reason")
    rows = [
        [count_text(number(one.get("stage"))), _kept(one), *(_figure(one, key) for _, key in COLUMNS)] for one in stages
    ]
    told = table(["Stage", "Kept", *(title for title, _ in COLUMNS)], rows, caption="What each stage did")
    return join([shown, told, element("p", reason if isinstance(reason, str) else "", class_="quiet")])


def _kept(stage: dict[str, Any]) -> str:
    return "yes" if stage.get("kept") is True else "no"


def _figure(stage: dict[str, Any], key: str) -> str:
    value = number(stage.get(key))
    return MISSING if value is None else f"{value:.3g}"
