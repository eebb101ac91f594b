"""Heavy packages, imported on first use so that `import nfield` and work without them stay fast and possible."""

import ctypes
import importlib
from contextlib import suppress
from functools import cache
from typing import Any

from nfield.core.checks import UserError


@cache
def open3d() -> Any:
    """The module open3d. Raises UserError with the install command where it is missing or cannot be loaded."""
    # open3d links to libusb, which many machines lack and only root may install; the package brings it along.
    with suppress(ImportError, OSError):
        path = importlib.import_module("libusb_package").get_library_path()
        if path is not None:
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    module = _loaded("open3d", "open3d")
    # Its warnings would go to stdout, where metrics are printed.
    module.utility.set_verbosity_level(module.utility.VerbosityLevel.Error)
    return module


@cache
def pymeshlab() -> Any:
    """The module pymeshlab. Raises UserError with the install command where it is missing or cannot be loaded."""
    return _loaded("pymeshlab", "pymeshlab")


@cache
def sklearn_datasets() -> Any:
    """The module sklearn.datasets. Raises UserError with the install command where it is missing or not loaded."""
    return _loaded("sklearn.datasets", "scikit-learn")


def _loaded(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as error:
        raise UserError(
            f"This needs the package {package}, which cannot be loaded ({error}). Install it: pip install {package}."
        ) from None
