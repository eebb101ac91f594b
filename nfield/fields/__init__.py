"""Fields: what a network means, and how it is evaluated."""

from typing import TYPE_CHECKING

from nfield.core.later import exports

if TYPE_CHECKING:
    from nfield.fields.base import Field as Field
    from nfield.fields.base import count_parameters as count_parameters
    from nfield.fields.corrected import CorrectedField as CorrectedField
    from nfield.fields.corrected import CorrectionConfig as CorrectionConfig
    from nfield.fields.meshed import Extent as Extent
    from nfield.fields.meshed import Meshed as Meshed
    from nfield.fields.meshed import extent_of as extent_of
    from nfield.fields.meshed import mesh_of as mesh_of
    from nfield.fields.network_distance import NetworkDistance as NetworkDistance
    from nfield.fields.radiance import RadianceField as RadianceField
    from nfield.fields.scene import Picture as Picture
    from nfield.fields.scene import SceneField as SceneField
    from nfield.fields.scene import ViewFrame as ViewFrame
    from nfield.fields.solution import SolutionField as SolutionField
    from nfield.fields.splines import SplineDistance as SplineDistance
    from nfield.fields.staged import StageConfig as StageConfig
    from nfield.fields.staged import StagedField as StagedField
    from nfield.fields.surface import Hits as Hits
    from nfield.fields.surface import SurfaceField as SurfaceField

__getattr__, __dir__ = exports(__name__, __file__)
