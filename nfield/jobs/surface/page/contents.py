"""The report of a run that reconstructed a surface from points."""

from nfield.jobs.surface.page.pictures import shaded_views, surface_errors, write_previews
from nfield.jobs.surface.page.profiles import counted_record, profile_section
from nfield.jobs.surface.page.sections import errors_section, views_section
from nfield.jobs.surface.page.surfaces import read_surfaces
from nfield.jobs.surface.page.tables import LENGTHS, SCORES, SURFACE_DEFINITIONS, cloud_section, figures_section
from nfield.jobs.surface.page.viewer import VIEWER_POLICY, viewer_section
from nfield.jobs.surface.page.words import surface_words
from nfield.reports.contents import Contents
from nfield.reports.figure_sections import (
    band_section,
    definitions,
    heat_section,
    quality_section,
    settings_section,
    spectrum_section,
    tiles,
)
from nfield.reports.markup import Markup, element, section
from nfield.reports.record import RunRecord
from nfield.reports.snapshots import snapshots_section

TILES = (LENGTHS[0], *SCORES)
"""Figures of surfaces that get a tile of their own, where a run has them."""


def mesh_contents(record: RunRecord) -> Contents:
    """Surfaces from all sides, their errors, figures, bands and curves.

    The first view of each surface is also written to RUN/outputs as preview.png, truth.png, baseline.png and
    poisson.png.
    """
    surfaces, counted = read_surfaces(record), counted_record(record)
    views = shaded_views(surfaces)
    write_previews(record, views)
    return Contents(
        words=surface_words(record),
        sections=[
            tiles(record, TILES, counted, " of profiles" if counted is not record else ""),
            section("The surface from all sides", views_section(record, surfaces, views)),
            section("In three dimensions", viewer_section(surfaces)),
            section("Where the errors are", errors_section(surfaces, surface_errors(surfaces))),
            section("Figures of the surfaces", figures_section(record)),
            section("From coarse to fine", snapshots_section(record)),
            section("Error of each frequency band over training", heat_section(record)),
            section("Bands at the end", band_section(record)),
            section("Frequencies of the surface itself", profile_section(record)),
            _curves(record),
            section("The cloud", cloud_section(record)),
            section("Settings", settings_section(record)),
            definitions(SURFACE_DEFINITIONS),
        ],
        parts=("surface",),
        policy=VIEWER_POLICY,
    )


def _curves(record: RunRecord) -> Markup:
    """Quality over time; beside it the spectra where the run has any, which not every way to fit a surface gives."""
    quality = section("Quality over time", quality_section(record))
    if "spectrum" not in record.field.metrics:
        return element("div", quality, class_="single")
    return element("div", quality, section("Power spectra", spectrum_section(record)), class_="pair")
