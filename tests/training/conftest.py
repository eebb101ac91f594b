import importlib.util
from pathlib import Path

import pytest
import torch


@pytest.fixture(scope="session")
def toys():
    """The module with toy fields and tasks."""
    spec = importlib.util.spec_from_file_location("training_toys", Path(__file__).with_name("toys.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def one_thread():
    """Toy tensors gain nothing from threads, which wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
