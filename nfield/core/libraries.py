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
    try:
        module = importlib.import_module("open3d")
    except (ImportError, OSError) as error:
        raise UserError(
            f"This needs the package open3d, which cannot be loaded ({error}). Install it: pip install open3d."
        ) from None
    # Its warnings would go to stdout, where metrics are printed.
    module.utility.set_verbosity_level(module.utility.VerbosityLevel.Error)
    return module


@cache
def pymeshlab() -> Any:
    """The module pymeshlab. Raises UserError with the install command where it is missing or cannot be loaded."""
    try:
        return importlib.import_module("pymeshlab")
    except (ImportError, OSError) as error:
        raise UserError(
            f"This needs the package pymeshlab, which cannot be loaded ({error}). Install it: pip install pymeshlab."
        ) from None
