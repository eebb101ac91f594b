"""Whether the poses of a scene make sense together."""

import numpy as np
from jaxtyping import Float64

from nfield.core.checks import UserError

SAME_PLACE = 1e-6
"""Largest distance between cameras, relative to their distance from the origin, that is taken for rounding."""
MEETING = 0.5
"""How far axes may pass by their nearest point, relative to the cameras' distance from it, to be said to meet there."""


def check_places(poses: Float64[np.ndarray, "n 4 4"], source: str) -> None:
    """Raise UserError where fewer than two cameras are there, or all stand at one place."""
    if len(poses) < 2:
        raise UserError(f"'{source}' has {len(poses)} view, but depth needs several. Give at least 2 views, better 30.")
    places = poses[:, :3, 3]
    spread = float(np.linalg.norm(places - places[0], axis=1).max())
    if spread <= SAME_PLACE * max(1e-30, float(np.linalg.norm(places, axis=1).max())):
        where = " ".join(f"{number:.4g}" for number in places[0])
        raise UserError(
            f"'{source}': all {len(poses)} cameras stand at one place ({where}), from which no depth can be told. "
            "Export the cameras' positions too, or take pictures from several places."
        )


def nearest_point(poses: Float64[np.ndarray, "n 4 4"]) -> Float64[np.ndarray, "3"] | None:
    """The point with the least sum of squared distances from the cameras' axes; None where they are parallel."""
    forward, places = -poses[:, :3, 2], poses[:, :3, 3]
    across = np.eye(3) - forward[:, :, None] * forward[:, None, :]
    total = across.sum(0)
    if float(np.linalg.eigvalsh(total)[0]) < 1e-4 * len(poses):
        return None
    return np.linalg.solve(total, (across @ places[:, :, None]).sum(0)[:, 0])


def note_on_axes(poses: Float64[np.ndarray, "n 4 4"], convention: str) -> str | None:
    """What to tell the user where most cameras look away from the point at which their axes meet.

    OpenCV's cameras look along +z and ours along -z, so that taking one for the other turns every camera round.
    """
    point = nearest_point(poses)
    if point is None:
        return None
    to_point = point - poses[:, :3, 3]
    ahead = (to_point * -poses[:, :3, 2]).sum(1)
    distances = np.linalg.norm(to_point, axis=1)
    beside = np.sqrt(np.maximum(distances**2 - ahead**2, 0))
    away = int((ahead < 0).sum())
    if 2 * away <= len(poses) or float(np.median(beside)) > MEETING * float(np.median(distances)):
        return None
    other = {"opengl": "opencv", "opencv": "opengl"}[convention]
    name = {"opencv": "OpenCV", "opengl": "OpenGL"}[other]
    return (
        f"{away} of {len(poses)} cameras look away from the point where their axes meet: unless the scene was taken "
        f"from within, looking outwards, the poses are in {name}'s axes; read them with --convention {other}"
    )
