"""Neural fields that show their frequencies: fit images and surfaces and see which frequencies have been learned."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nfield import spectral as spectral
    from nfield.api import fit_image as fit_image
    from nfield.api import fit_stages as fit_stages
    from nfield.api import fit_views as fit_views
    from nfield.api import load as load
    from nfield.api import reconstruct as reconstruct
    from nfield.api import solve as solve
    from nfield.core.checks import RunError as RunError
    from nfield.core.checks import UserError as UserError
    from nfield.jobs.equation.result import SolveResult as SolveResult
    from nfield.jobs.image.result import Result as Result
    from nfield.jobs.signal.run import StagesResult as StagesResult
    from nfield.jobs.surface.result import SurfaceResult as SurfaceResult
    from nfield.jobs.views.result import ViewsResult as ViewsResult

__version__ = "0.1.0"

_HOMES = {
    "fit_image": "nfield.api",
    "fit_stages": "nfield.api",
    "fit_views": "nfield.api",
    "load": "nfield.api",
    "reconstruct": "nfield.api",
    "solve": "nfield.api",
    "SolveResult": "nfield.jobs.equation.result",
    "StagesResult": "nfield.jobs.signal.run",
    "SurfaceResult": "nfield.jobs.surface.result",
    "ViewsResult": "nfield.jobs.views.result",
    "Result": "nfield.jobs.image.result",
    "UserError": "nfield.core.checks",
    "RunError": "nfield.core.checks",
}
__all__ = [
    "Result",
    "RunError",
    "SolveResult",
    "StagesResult",
    "SurfaceResult",
    "UserError",
    "ViewsResult",
    "__version__",
    "fit_image",
    "fit_stages",
    "fit_views",
    "load",
    "reconstruct",
    "solve",
    "spectral",
]


def __getattr__(name: str) -> Any:
    """Import on first use, so that `import nfield` costs nothing."""
    if name == "spectral":
        return importlib.import_module("nfield.spectral")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'nfield' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
