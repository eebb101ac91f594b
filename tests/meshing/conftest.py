import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shapes():
    """The module with fields of known shape."""
    spec = importlib.util.spec_from_file_location("meshing_shapes", Path(__file__).with_name("shapes.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
