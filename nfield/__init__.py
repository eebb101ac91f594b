"""Neural fields that show their frequencies: fit images and surfaces and see which frequencies have been learned."""

from typing import TYPE_CHECKING

from nfield.core.later import exports
from nfield.core.version import VERSION

if TYPE_CHECKING:
    from nfield import backbones as backbones
    from nfield import encodings as encodings
    from nfield import equations as equations
    from nfield import fields as fields
    from nfield import io as io
    from nfield import meshing as meshing
    from nfield import metrics as metrics
    from nfield import points as points
    from nfield import rendering as rendering
    from nfield import scenes as scenes
    from nfield import spectral as spectral
    from nfield import training as training
    from nfield.api import fit_image as fit_image
    from nfield.api import fit_stages as fit_stages
    from nfield.api import fit_views as fit_views
    from nfield.api import load as load
    from nfield.api import reconstruct as reconstruct
    from nfield.api import solve as solve
    from nfield.core.checks import RunError as RunError
    from nfield.core.checks import UserError as UserError
    from nfield.jobs.equation.options import EquationOptions as EquationOptions
    from nfield.jobs.equation.result import EquationResult as EquationResult
    from nfield.jobs.equation.result import EquationResult as SolveResult  # noqa: F401  its name before
    from nfield.jobs.image.options import ImageOptions as ImageOptions
    from nfield.jobs.image.result import ImageResult as ImageResult
    from nfield.jobs.result import Result as Result
    from nfield.jobs.signal.options import SignalOptions as SignalOptions
    from nfield.jobs.signal.result import SignalResult as SignalResult
    from nfield.jobs.signal.result import SignalResult as StagesResult  # noqa: F401  its name before
    from nfield.jobs.surface.options import SurfaceOptions as SurfaceOptions
    from nfield.jobs.surface.result import SurfaceResult as SurfaceResult
    from nfield.jobs.views.options import ViewsOptions as ViewsOptions
    from nfield.jobs.views.result import ViewsResult as ViewsResult

__version__ = VERSION
__getattr__, __dir__ = exports(__name__, __file__)
