"""From values on a grid to a mesh, and what is done to meshes."""

from typing import TYPE_CHECKING

from nfield.core.later import exports

if TYPE_CHECKING:
    from nfield.meshing.checks import describe as describe
    from nfield.meshing.components import keep_components as keep_components
    from nfield.meshing.components import trim_unsupported as trim_unsupported
    from nfield.meshing.extraction import extract_surface as extract_surface
    from nfield.meshing.simplify import simplify as simplify

__getattr__, __dir__ = exports(__name__, __file__)
