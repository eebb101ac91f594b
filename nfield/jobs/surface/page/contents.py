"""The report of a run that reconstructed a surface from points."""

from nfield.jobs.surface.page.pictures import shaded_views, surface_errors
from nfield.jobs.surface.page.profiles import counted_record, profile_section
from nfield.jobs.surface.page.sections import errors_section, views_section
from nfield.jobs.surface.page.surfaces import read_surfaces
from nfield.jobs.surface.page.tables import LENGTHS, SCORES, SURFACE_DEFINITIONS, cloud_section, figures_section
from nfield.jobs.surface.page.viewer import VIEWER_POLICY, viewer_section
from nfield.jobs.surface.page.words import surface_words
from nfield.reports.contents import Contents, run_contents
from nfield.reports.figure_sections import tiles
from nfield.reports.markup import Markup, section
from nfield.reports.record import RunRecord

TILES = (LENGTHS[0], *SCORES)
"""Figures of surfaces that get a tile of their own, where a run has them."""


def mesh_contents(record: RunRecord) -> Contents:
    """Surfaces from all sides, their errors, figures, bands and curves."""
    surfaces, counted = read_surfaces(record), counted_record(record)
    views = shaded_views(surfaces)
    return run_contents(
        record,
        surface_words(record),
        figures=tiles(record, TILES, counted, " of profiles" if counted is not record else ""),
        results=[
            section("The surface from all sides", views_section(record, surfaces, views)),
            section("In three dimensions", viewer_section(surfaces)),
            section("Where the errors are", errors_section(surfaces, surface_errors(surfaces))),
            section("Figures of the surfaces", figures_section(record)),
        ],
        frequencies=[section("Frequencies of the surface itself", profile_section(record))],
        # Not every way to fit a surface gives spectra.
        beside=None if "spectrum" in record.field.metrics else Markup(""),
        further=[section("The cloud", cloud_section(record))],
        meanings=SURFACE_DEFINITIONS,
        parts=("surface",),
        policy=VIEWER_POLICY,
    )
