"""The measured views of a run: their figures, the files of their pictures, and the few that a page shows."""

import pathlib
from dataclasses import dataclass
from typing import Any

from PIL import Image

from nfield.io.cameras.view_pictures import picture_name
from nfield.reports.numbers import quality_text, quality_title
from nfield.reports.other_bands import with_bands
from nfield.reports.picture_sections import Pictures, compared
from nfield.reports.pictures import read_picture
from nfield.reports.record import RunRecord, Side
from nfield.reports.stated import mapping, number

PICTURED = ("views", "truth", "baseline")
"""Folders in RUN/outputs whose pictures make a view worth showing."""


@dataclass(frozen=True, kw_only=True)
class ViewFigures:
    """Figures of one picture against the truth; None where they are not on record."""

    psnr: float | None = None
    ssim: float | None = None

    @property
    def caption(self) -> str:
        """The figures as text."""
        pairs = (("psnr", self.psnr), ("ssim", self.ssim))
        return ", ".join(f"{quality_title(key)} {quality_text(key, one)}" for key, one in pairs if one is not None)


@dataclass(frozen=True, kw_only=True)
class SeenView:
    """One view with the figures of both sides."""

    name: str
    field: ViewFigures
    baseline: ViewFigures

    @property
    def stem(self) -> str:
        """Its files' name without ending: folders become part of it."""
        return picture_name(self.name)


def seen_views(record: RunRecord) -> list[SeenView]:
    """The views of metrics.json; of a run that has not finished, those that have pictures."""
    field, baseline = _by_name(record.field), _by_name(record.baseline)
    names = list(field) or _pictured(record.outputs)
    nothing = ViewFigures()
    return [SeenView(name=name, field=field.get(name, nothing), baseline=baseline.get(name, nothing)) for name in names]


def _by_name(side: Side | None) -> dict[str, ViewFigures]:
    stated: Any = None if side is None else side.metrics.get("per_view")
    found = {}
    for one in stated if isinstance(stated, list) else []:
        if isinstance(one, dict) and isinstance(one.get("name"), str) and pathlib.PurePosixPath(one["name"]).name:
            found[one["name"]] = ViewFigures(psnr=number(one.get("psnr")), ssim=number(one.get("ssim")))
    return found


def _pictured(outputs: pathlib.Path) -> list[str]:
    folders = [outputs / name for name in PICTURED if (outputs / name).is_dir()]
    return sorted({path.stem for folder in folders for path in folder.glob("*.png")})


def chosen_views(views: list[SeenView]) -> list[tuple[str, SeenView]]:
    """The best, the median and the worst by the field's PSNR, with that as title; without figures, three apart."""
    ranked = sorted((view for view in views if view.field.psnr is not None), key=lambda view: -(view.field.psnr or 0.0))
    pool, titles = ranked, ("Best view", "Median view", "Worst view")
    if not ranked:
        pool, titles = views, ("First view", "A view in between", "Last view")
    if len(pool) < 3:
        ends = (titles[0], titles[2]) if len(pool) == 2 else ("The only view",)
        return list(zip(ends, pool, strict=False))
    return list(zip(titles, (pool[0], pool[len(pool) // 2], pool[-1]), strict=True))


def view_picture(record: RunRecord, view: SeenView, folder: str, *endings: str) -> Image.Image | None:
    """The view's picture in a folder of RUN/outputs; `endings` follow its name, the first one first."""
    return read_picture(*(record.outputs / folder / f"{view.stem}{ending}" for ending in endings or (".png",)))


def read_view(record: RunRecord, view: SeenView) -> Pictures:
    """Truth, field and baseline of a view, with their differences."""
    truth, field, baseline = (view_picture(record, view, name) for name in ("truth", "views", "baseline"))
    return Pictures(
        source=f"view {view.name}",
        truth=truth,
        field=field,
        baseline=baseline,
        errors=compared(truth, field, baseline),
        captions={"truth": view.name, "field": view.field.caption, "baseline": view.baseline.caption},
        alone=record.alone,
    )


def depth_record(record: RunRecord) -> RunRecord:
    """The same run with the bands of its depths in the place of those of its pictures."""
    return with_bands(record, "depth_bands", nyquist=lambda side: side.metrics.get("nyquist"))


def held_out(record: RunRecord) -> bool:
    """Whether the measured views were kept from training; so it is taken where the run does not say."""
    return number(mapping(record.config.get("views")).get("test")) != 0
