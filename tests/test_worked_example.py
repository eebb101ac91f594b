"""The backbone that docs/adding-a-backbone.md adds: its code is taken from there, checked and trained."""

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

import nfield as nf
from nfield.backbones import BACKBONES
from nfield.cli import main
from nfield.core.checks import UserError
from nfield.core.device import available_devices
from nfield.core.seeding import generator
from nfield.jobs.image import recipe as recipes

DOCUMENT = Path(__file__).parents[1] / "docs" / "adding-a-backbone.md"


def rows_of_tables() -> list[str]:
    """The rows that the document adds to tables, each `"multiplicative": ...,`."""
    return re.findall(r"^```text\n( +\"multiplicative\": .*?,)\n```", DOCUMENT.read_text("utf-8"), flags=re.MULTILINE)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny networks gain nothing from threads, and wait long for them on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example as a module in a file, with the rows that the document adds to the tables."""
    source = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    assert len(source) == 1
    path = tmp_path / "multiplicative.py"
    path.write_text(source[0], encoding="utf-8")
    spec = importlib.util.spec_from_file_location("multiplicative", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "multiplicative", module)
    spec.loader.exec_module(module)
    names: dict[str, Any] = {"MultiplicativeConfig": module.MultiplicativeConfig, "Preset": recipes.Preset}
    tables: list[dict[str, Any]] = [BACKBONES, recipes.BACKBONE_FROM_DATA, recipes.PRESETS]
    rows = rows_of_tables()
    for table, row in zip(tables, rows, strict=True):
        monkeypatch.setitem(table, "multiplicative", eval("{" + row.strip() + "}", names)["multiplicative"])
    return module


def test_it_keeps_the_contract(example: ModuleType, tmp_path: Path) -> None:
    config = example.MultiplicativeConfig(width=8, depth=3)
    net = config.build(2, 3, generator(0))
    assert (net.in_dim, net.out_dim) == (2, 3)
    for shape in ((5,), (0,), (4, 6), ()):
        assert net(torch.zeros(*shape, 2)).shape == (*shape, 3)
    for device in available_devices():
        there = config.build(2, 3, generator(0)).to(device)
        assert there(torch.zeros(5, 2, device=device)).device.type == device
    points = torch.rand(7, 2, generator=generator(1))
    assert torch.equal(config.build(2, 3, generator(0))(points), net(points))
    assert not torch.equal(config.build(2, 3, generator(1))(points), net(points))
    safetensors.torch.save_file(net.state_dict(), tmp_path / "weights.safetensors")
    other = config.build(2, 3, generator(1))
    other.load_state_dict(safetensors.torch.load_file(tmp_path / "weights.safetensors"))
    assert torch.equal(other(points), net(points))
    for name in ("width", "depth", "frequency"):
        with pytest.raises(UserError, match=name):
            example.MultiplicativeConfig(**{name: 0})


def test_its_derivatives_match_finite_differences(example: ModuleType) -> None:
    """Oracle: central differences in float64, of values for the first and of gradients for the second derivative."""
    net = example.MultiplicativeConfig(width=6, depth=3, frequency=1.0).build(2, 1, generator(0)).double()
    assert net.derivative_order == float("inf")
    points = torch.rand(4, 2, generator=generator(1), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(net, (points,))
    assert torch.autograd.gradgradcheck(net, (points,))


def test_its_frequencies_are_bounded(example: ModuleType) -> None:
    """Oracle: whole frequencies, so that one period is sampled; their sum bounds the transform exactly."""
    net = example.MultiplicativeConfig(width=16, depth=3, frequency=12.0).build(1, 1, generator(0)).double()
    with torch.no_grad():
        net.frequencies.copy_(net.frequencies.round())
        highest = int(net.frequencies.abs().amax((1, 2)).sum())
        values = net(torch.arange(64, dtype=torch.float64)[:, None] / 64)[:, 0]
    power = np.abs(np.fft.rfft(values.numpy())) / 64
    assert 6 < highest <= 12
    assert power[highest + 1 :].max() < 1e-12
    assert power[: highest + 1].max() > 1e-3


def picture() -> np.ndarray:
    rows, columns = np.mgrid[0:16, 0:16] / 16
    return np.round(255 * (0.5 + 0.4 * np.sin(2 * np.pi * (2 * rows + 3 * columns)))).astype(np.uint8)


def test_it_learns_a_picture(example: ModuleType, tmp_path: Path) -> None:
    result = nf.fit_image(
        picture(),
        preset="multiplicative",
        backbone_settings={"width": 64},
        steps=150,
        evaluations=3,
        precision="float32",
        baseline=False,
        out=tmp_path / "run",
    )
    assert result.config["recipe"]["backbone"]["name"] == "multiplicative"
    assert result.history[0]["psnr"] < 15
    assert result.metrics["psnr"] > 25
    points = torch.rand(5, 2, generator=generator(1))
    assert torch.equal(nf.load(tmp_path / "run").field(points), result.field(points))


def test_the_command_line_knows_it(
    example: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("photo.npy", picture())
    line = next(line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("nfield fit-image"))
    words = line.replace("photo.png", "photo.npy").split()[1:]
    assert main([*words, "--steps", "2", "--no-baseline", "--quiet", "--out", "run"]) == 0, capfd.readouterr().err
    assert nf.load("run").config["recipe"]["backbone"]["frequency"] == 64
    assert main(["fit-image", "photo.npy", "--backbone", "multiplicativ", "--out", "other"]) == 2
    assert "'multiplicative'" in capfd.readouterr().err
