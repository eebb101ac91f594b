"""What a result says of the machine."""

import os
from pathlib import Path

import pytest
import torch

from nfield.bench.machine import describe_machine, processor_name


def test_processor_name_from_the_systems_file(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nmodel name\t: Example CPU @ 2.00GHz\nprocessor\t: 1\nmodel name\t: other\n")
    assert processor_name(file) == "Example CPU @ 2.00GHz"


def test_processor_name_without_the_file(tmp_path: Path) -> None:
    assert processor_name(tmp_path / "missing")


@pytest.mark.parametrize(("load", "busy"), [(0.49, False), (0.51, True)])
def test_a_machine_is_busy_from_half_its_cores(load: float, busy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    cores = describe_machine(torch.device("cpu"))["cores"]
    monkeypatch.setattr(os, "getloadavg", lambda: (load * cores, 0.0, 0.0), raising=False)
    machine = describe_machine(torch.device("cpu"))
    assert machine["busy"] is busy
    assert machine["load_before"] == pytest.approx(load * cores, abs=0.01)


def test_the_machine_is_told_whole() -> None:
    machine = describe_machine(torch.device("cpu"))
    assert machine["cores"] >= 1
    assert machine["versions"]["torch"] == torch.__version__
    assert machine["device"].startswith("cpu")
