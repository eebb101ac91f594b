"""Point clouds: neighbours, normals, noise, and the smoothest splines through them."""

from typing import TYPE_CHECKING

from nfield.core.later import exports

if TYPE_CHECKING:
    from nfield.points.normals import outward_normals as outward_normals
    from nfield.points.prepare import Prepared as Prepared
    from nfield.points.prepare import prepare as prepare
    from nfield.points.smooth_distance import Sample as Sample
    from nfield.points.smooth_distance import Smoothing as Smoothing
    from nfield.points.smooth_distance import solve_levels as solve_levels

__getattr__, __dir__ = exports(__name__, __file__)
