"""Which views a run is measured on and shown with, and in what size."""

import functools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, UInt8

from nfield.core.lens import Lens
from nfield.core.views import View, ViewSet
from nfield.io.cameras.view_pictures import smaller, smaller_mask
from nfield.jobs.views.paths import zoomed

Read = Callable[[], UInt8[np.ndarray, "rows columns channels"]]
ReadMask = Callable[[], Bool[np.ndarray, "rows columns"]]


def shown_views(views: ViewSet, side: int) -> tuple[View, ...]:
    """The held-out views, or those for training where none is, no longer than `side` pixels unless that is 0."""
    return tuple(_limited(view, side) for view in views.measured)


def size_note(views: ViewSet, side: int) -> str | None:
    """What to tell where held-out views are measured in another size than they have."""
    pairs = zip(views.measured, shown_views(views, side), strict=True)
    changed = next(((old.lens, new.lens) for old, new in pairs if old.lens != new.lens), None)
    if changed is None:
        return None
    old, new = changed
    return (
        f"held-out views of {old.width} x {old.height} pixels are measured at {new.width} x {new.height}; "
        "--held-out-side 0 measures all pixels"
    )


def _limited(view: View, side: int) -> View:
    """The view averaged down; depths have no mean at edges, so views that know theirs stay as they are."""
    longest = max(view.lens.width, view.lens.height)
    if side == 0 or longest <= side or view.read_depth is not None:
        return view
    lens = zoomed(view.lens, side / longest)
    return replace(
        view,
        lens=lens,
        read=None if view.read is None else functools.partial(_read, view.read, lens),
        read_mask=None if view.read_mask is None else functools.partial(_read_mask, view.read_mask, lens),
    )


def _read(read: Read, lens: Lens) -> UInt8[np.ndarray, "height width channels"]:
    return smaller(read(), lens.width, lens.height)


def _read_mask(read: ReadMask, lens: Lens) -> Bool[np.ndarray, "height width"]:
    return smaller_mask(read(), lens.width, lens.height)
