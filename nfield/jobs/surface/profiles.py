"""Profiles of a surface run: from which surface they are cut, and their figures for history.jsonl and metrics.json."""

import dataclasses
from typing import Any

import numpy as np
import torch

from nfield.core.checks import UserError
from nfield.core.mesh import Mesh
from nfield.jobs.bands import THRESHOLD, band_entries
from nfield.jobs.surface.levels import UNIT
from nfield.jobs.surface.profile_probe import NO_PROFILES, SEARCH, ProfileProbe, cut_profiles, settled
from nfield.meshing.components import keep_components
from nfield.meshing.extraction import extract_surface
from nfield.points.prepare import Prepared
from nfield.spectral.order import order_spearman

REFERENCE_CELLS = 96
"""Along the longest edge of the mesh in which planes cut the splines; its curves are then moved onto their zeros."""
REFERENCE_EDGE = 0.56
"""Half the edge of the box that is meshed, in extents."""


def profiles_of(
    prepared: Prepared, splines: torch.nn.Module, truth: Mesh | None, device: torch.device
) -> ProfileProbe | None:
    """Profiles of the true mesh, or of the splines where `truth` is None; None where no closed curve could be cut."""
    diagonal = prepared.diagonal
    if truth is not None:
        vertices = (truth.vertices - prepared.centre) / prepared.scale
        found = cut_profiles(dataclasses.replace(truth, vertices=vertices))
        return ProfileProbe(found, diagonal) if found else None
    half = np.full(3, REFERENCE_EDGE)
    try:
        mesh = extract_surface(lambda x: splines(x)[..., 0], -half, half, REFERENCE_CELLS, device=device)
    except UserError:
        return None
    points = prepared.sample.points.cpu().numpy().astype(np.float64)
    cell = 2 * REFERENCE_EDGE / REFERENCE_CELLS
    found = settled(cut_profiles(keep_components(mesh, points)), splines, cell, diagonal, device)
    return ProfileProbe(found, diagonal) if found else None


def profile_figures(lines: list[dict[str, Any]], probe: ProfileProbe | None, scale: float) -> dict[str, Any]:
    """Keys of metrics.json from the lines of one history; null, with why, where there is nothing to tell.

    `scale` is input units per unit of the profiles.
    """
    names = ("profile_bands", "profile_order_spearman", "profiles")
    # Lines of runs that began before profiles were measured have none.
    told = [line for line in lines if line.get("profile_bands") is not None]
    if probe is None or not told:
        why = NO_PROFILES if probe is None else "no evaluation measured them"
        return {**dict.fromkeys(names), "why": dict.fromkeys(names, why)}
    steps, errors = [line["step"] for line in told], [line["profile_bands"] for line in told]
    bands = probe.bands
    # Nearly all energy of a closed curve is its size, so that even detail plain to the eye has a tiny share of it:
    # which bands are compared is decided by the least depth that bands have an error from.
    order = order_spearman(steps, errors, bands.energy, least_energy=0.0)
    return {
        "profile_bands": band_entries(bands, steps, errors, "the profiles have no shape in this band", UNIT),
        "profile_order_spearman": order.value,
        "profiles": {
            "curves": probe.count,
            "samples": probe.samples,
            "nyquist": bands.nyquist,
            "size": bands.size * probe.diagonal * scale,
            "search": SEARCH,
            "missing": told[-1]["numbers"]["profile_missing"],
            "threshold": THRESHOLD,
        },
        "why": {} if order.value is not None else {"profile_order_spearman": order.why or "it cannot be told"},
    }
