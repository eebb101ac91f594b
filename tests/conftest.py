"""One thread per process: the suite's networks are too small to gain from more, and a busy machine slows them down."""

import os

import pytest
import torch

os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
