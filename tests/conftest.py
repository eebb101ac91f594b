"""Small machines and networks: one thread per process, as a busy machine slows more down, and small grids."""

import os
from collections.abc import Iterator

import pytest
import torch

from nfield.jobs.views import frame as views_frame
from nfield.jobs.views import recipe as views_recipe

os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _small_occupancy_grids() -> Iterator[None]:
    """Grids of 128³ cells take most of the time of radiance fields that are trained for some steps."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (views_frame, views_recipe):
            patch.setattr(module, "RESOLUTION", 32)
        yield
