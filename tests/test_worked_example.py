"""The backbone that docs/adding-a-backbone.md adds: its code is taken from there, checked and trained."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import imageio.v3 as imageio
import numpy as np
import pytest
import safetensors.torch
import torch

import nfield as nf
from nfield.core.checks import UserError
from nfield.core.device import available_devices
from nfield.core.seeding import generator

DOCUMENT = Path(__file__).parents[1] / "docs" / "adding-a-backbone.md"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny networks gain nothing from threads, and wait long for them on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example as a module in a file."""
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


def blocks(kind: str) -> list[str]:
    """The code blocks of the document of one kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```", DOCUMENT.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def inserted(path: Path, table: str, end: str, row: str) -> None:
    """A row at the end of a table in a source file."""
    text = path.read_text("utf-8")
    place = text.index(end, text.index(f"\n{table}"))
    path.write_text(text[:place] + "\n" + row.rstrip("\n") + text[place:], encoding="utf-8")


def test_the_page_followed_to_the_letter_gives_a_backbone_of_every_job(tmp_path: Path) -> None:
    """A copy of the package, one file and two rows more, and the page's four commands in processes of their own."""
    package = Path(nf.__file__).parent
    shutil.copytree(package, tmp_path / "nfield", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(package.parent / "scenes", tmp_path / "scenes")
    rows = [block for block in blocks("text") if '"multiplicative"' in block]
    assert len(rows) == 2
    home = tmp_path / "nfield" / "backbones"
    (home / "multiplicative.py").write_text(blocks("python")[0], encoding="utf-8")
    inserted(home / "__init__.py", "BACKBONES", "\n    }\n)", rows[0])
    inserted(home / "scales.py", "SCALES", "\n}\n", rows[1])
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:16, 0:16] / 16
    imageio.imwrite(tmp_path / "photo.png", np.round(255 * (0.5 + 0.4 * np.sin(14 * x + 8 * y))).astype(np.uint8))
    ball = rng.normal(size=(300, 3))
    np.savetxt(tmp_path / "scan.xyz", ball / np.linalg.norm(ball, axis=1, keepdims=True))
    less = {
        "reconstruct": ["--resolution", "16", "--batch-points", "64"],
        "render-views": ["--size", "12", "--train", "4", "--test", "1", "--frames", "0"],
        "solve": ["--points", "32"],
    }
    commands = [line.split() for block in blocks("text") for line in block.splitlines() if line.startswith("nfield ")]
    assert [words[1] for words in commands] == ["fit-image", "reconstruct", "render-views", "solve"]
    for _, verb, *words in commands:
        command = [sys.executable, "-m", "nfield.cli", verb, *words, *less.get(verb, []), "--steps", "2"]
        done = subprocess.run(
            [*command, "--no-baseline", "--quiet", "--device", "cpu", "--backbone.width", "8", "--out", verb],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        recipe = json.loads((tmp_path / verb / "config.json").read_text())["recipe"]
        assert recipe["backbone"]["name"] == "multiplicative"
        assert recipe["backbone"]["frequency"] != 32.0
        assert 0 < recipe["backbone"]["frequency"] < 1000


def test_a_name_that_is_nearly_right_is_told() -> None:
    with pytest.raises(UserError, match="Did you mean 'multistage'"):
        nf.fit_image(np.zeros((4, 4)), backbone="multistge")
