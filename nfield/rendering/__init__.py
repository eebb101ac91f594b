"""From densities along rays, or from meshes, to pictures; callables and arrays, never a network."""

from typing import TYPE_CHECKING

from nfield.core.later import exports

if TYPE_CHECKING:
    from nfield.rendering.cameras import Camera as Camera
    from nfield.rendering.cameras import orbit_cameras as orbit_cameras
    from nfield.rendering.composite import along_rays as along_rays
    from nfield.rendering.composite import composite as composite
    from nfield.rendering.composite import weights as weights
    from nfield.rendering.mesh_views import four_views as four_views
    from nfield.rendering.mesh_views import render_mesh as render_mesh
    from nfield.rendering.occupancy import OccupancyGrid as OccupancyGrid
    from nfield.rendering.paths import interpolated as interpolated
    from nfield.rendering.paths import orbit as orbit
    from nfield.rendering.paths import spiral as spiral
    from nfield.rendering.volume import Rendered as Rendered
    from nfield.rendering.volume import render_rays as render_rays

__getattr__, __dir__ = exports(__name__, __file__)
