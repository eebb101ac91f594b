"""The image task against fields with known values."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.core.image import Image
from nfield.jobs.image.pixels import Pixels, lattice_coordinates, pixel_coordinates, stratified
from nfield.jobs.image.task import ImageTask, on_grid_in_chunks
from nfield.metrics.image import psnr_from_mse

CPU = torch.device("cpu")


class Waves(torch.nn.Module):
    """A field with a closed form: a wave in each channel, plus a constant."""

    def __init__(self, channels: int = 1, plus: float = 0.0) -> None:
        super().__init__()
        self.channels, self.plus = channels, plus

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        phase = torch.stack([(k + 2) * x[..., 0] + (k + 3) * x[..., 1] for k in range(self.channels)], -1)
        return 0.5 + 0.3 * torch.sin(phase) + self.plus

    def on_grid(self, axes: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return self(torch.stack(torch.meshgrid(*axes, indexing="ij"), -1))

    def parameter_groups(self) -> list:
        return []


def picture(height: int, width: int, channels: int = 1) -> Image:
    y = pixel_coordinates(torch.arange(height), height, max(height, width))
    x = pixel_coordinates(torch.arange(width), width, max(height, width))
    return Image.from_array(Waves(channels).on_grid((y, x)).numpy())


def test_pixel_centres_of_the_longer_side_span_the_box() -> None:
    torch.testing.assert_close(pixel_coordinates(torch.arange(4), 4, 4), torch.tensor([-0.75, -0.25, 0.25, 0.75]))
    torch.testing.assert_close(pixel_coordinates(torch.arange(2), 2, 4), torch.tensor([-0.25, 0.25]))


@given(height=st.integers(1, 40), width=st.integers(1, 40))
@settings(deadline=None, max_examples=25)
def test_lattice_at_zoom_one_is_the_pixels(height, width) -> None:
    image = Image.from_array(np.zeros((height, width), np.uint8))
    for size in (height, width):
        expected = pixel_coordinates(torch.arange(size), size, max(height, width))
        torch.testing.assert_close(lattice_coordinates(0, size, size, image), expected)


def test_zoomed_lattice_averages_to_the_pixels() -> None:
    image = Image.from_array(np.zeros((6, 10), np.uint8))
    fine = lattice_coordinates(2, 3, 10, image, zoom=4.0)
    torch.testing.assert_close(
        fine.reshape(3, 4).mean(1), pixel_coordinates(torch.arange(10), 10, 10)[2:5], atol=1e-6, rtol=0
    )


@given(size=st.integers(1, 60), count=st.integers(1, 80), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=40)
def test_strata_hold_one_index_each(size, count, seed) -> None:
    index = stratified(size, count, torch.Generator().manual_seed(seed))
    assert len(index) == min(size, count)
    low = torch.floor(torch.linspace(0, size, len(index) + 1, dtype=torch.float64)[:-1] + 1e-9)
    high = torch.linspace(0, size, len(index) + 1, dtype=torch.float64)[1:]
    assert bool(((index >= low) & (index < high)).all())


@pytest.mark.parametrize(("height", "width", "channels"), [(40, 56, 3), (1, 1, 1), (1, 30, 1), (300, 2, 1)])
def test_the_right_field_has_no_error(height, width, channels) -> None:
    task = ImageTask(Pixels(image=picture(height, width, channels)), batch_pixels=64, device=CPU)
    field = Waves(channels)
    batch = task.batch(torch.Generator().manual_seed(0))
    assert float(task.losses(field, batch)["mse"]) < 1e-12
    found = task.evaluate(field)
    assert found.quality > 120
    assert all(error is None or error < 1e-4 for error in found.band_errors)
    assert found.snapshot is not None
    assert found.snapshot.dtype == np.uint8


def test_a_constant_error_has_its_psnr_and_no_band_error() -> None:
    task = ImageTask(Pixels(image=picture(64, 64)), device=CPU)
    found = task.evaluate(Waves(plus=0.1))
    assert found.quality == pytest.approx(20.0, abs=1e-3)
    assert max(e for e in found.band_errors if e is not None) < 1e-3


def test_mean_loss_of_batches_is_the_mean_over_all_pixels() -> None:
    """Monte Carlo: strata make the batches unbiased also where the size does not divide the pixels."""
    image = picture(37, 50)
    task = ImageTask(Pixels(image=image), batch_pixels=100, device=CPU)
    draw = torch.Generator().manual_seed(1)

    class Half(Waves):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.full_like(x[..., :1], 0.5)

    exact = float(np.square(image.full() - 0.5).mean())
    mean = np.mean([float(task.losses(Half(), task.batch(draw))["mse"]) for _ in range(600)])
    assert mean == pytest.approx(exact, rel=0.03)


@pytest.mark.parametrize("share", [0.1, 0.8])
def test_only_white_pixels_count(share) -> None:
    image = picture(48, 48)
    mask = np.zeros((48, 48), bool)
    mask[:, : round(48 * share)] = True
    pixels = image.pixels.copy()
    pixels[~mask] = 1.0
    task = ImageTask(Pixels(image=Image.from_array(pixels), mask=mask), batch_pixels=200, device=CPU)
    draw = torch.Generator().manual_seed(0)
    for _ in range(5):
        assert float(task.losses(Waves(), task.batch(draw))["mse"]) < 1e-12
    assert task.evaluate(Waves()).quality > 120


def test_held_out_pixels_are_never_trained_on() -> None:
    image = picture(33, 46)
    spoiled = image.pixels.copy()
    spoiled[1::2] = 0.0
    spoiled[:, 1::2] = 0.0
    task = ImageTask(Pixels(image=Image.from_array(spoiled), step=2), batch_pixels=90, holdout=True, device=CPU)
    draw = torch.Generator().manual_seed(0)
    for _ in range(5):
        assert float(task.losses(Waves(), task.batch(draw))["mse"]) < 1e-12
    found = task.evaluate(Waves())
    assert found.quality > 120
    exact = psnr_from_mse(float(np.square(image.pixels[1::2, 1::2]).mean()))
    assert found.numbers["psnr_heldout"] == pytest.approx(exact, abs=1e-3)


def test_progress_between_the_training_pixels_is_measured_at_some_of_them(monkeypatch) -> None:
    """16 x 23 pixels lie between; every fifth each way makes 4 x 5. All others are spoiled."""
    monkeypatch.setattr("nfield.jobs.image.task.HELD_OUT_PIXELS", 20)
    image, spoiled = picture(33, 46), np.zeros((33, 46, 1), np.float32)
    for kept in (slice(0, None, 2), slice(1, None, 10)):
        spoiled[kept, kept] = image.pixels[kept, kept]
    task = ImageTask(Pixels(image=Image.from_array(spoiled), step=2), batch_pixels=90, holdout=True, device=CPU)
    assert task.evaluate(Waves()).numbers["psnr_heldout"] > 120


def test_chunks_change_nothing() -> None:
    rows, columns = torch.linspace(-1, 1, 17), torch.linspace(-1, 1, 23)
    whole = Waves().on_grid((rows, columns))
    assert torch.equal(on_grid_in_chunks(Waves(), rows, columns, points=50), whole)


@pytest.mark.parametrize(("height", "width"), [(64, 96), (96, 64)])
def test_the_residual_is_told_in_the_units_of_the_coordinates(height, width) -> None:
    """Oracle: a field that lacks a wave of 6 cycles per unit of its coordinates, of amplitude 0.1."""
    y = pixel_coordinates(torch.arange(height), height, max(height, width))
    x = pixel_coordinates(torch.arange(width), width, max(height, width))
    axes = torch.meshgrid(y, x, indexing="ij")
    wave = 0.1 * torch.sin(2 * math.pi * 6 * (0.6 * axes[0] + 0.8 * axes[1]))
    image = Image.from_array((Waves().on_grid((y, x)) + wave[..., None]).numpy())
    residual = ImageTask(Pixels(image=image), device=CPU).residual_figures(Waves())
    assert residual.size == pytest.approx(0.1 / math.sqrt(2), rel=0.02)
    assert residual.frequency == pytest.approx(6, abs=0.6)
    # Values are not cut to [0, 1] here: what is too bright is residual too.
    assert ImageTask(Pixels(image=image), device=CPU).residual_figures(Waves(plus=2.0)).size == pytest.approx(
        2, rel=0.02
    )


def test_what_the_mask_leaves_out_is_no_residual() -> None:
    image, mask = picture(32, 32), np.zeros((32, 32), bool)
    mask[:, :24] = True
    spoiled = image.pixels.copy()
    spoiled[:, 24:] = 1.0
    task = ImageTask(Pixels(image=Image.from_array(spoiled), mask=mask), device=CPU)
    assert task.residual_figures(Waves()).size < 1e-3
    # Its size is that of the training pixels, whatever their share of the picture is.
    assert task.residual_figures(Waves(plus=0.5)).size == pytest.approx(0.5, rel=1e-3)


def test_a_probe_that_the_mask_leaves_empty_has_no_psnr(monkeypatch) -> None:
    """The probe is the picture's centre: where nothing in it is fitted there is no figure."""
    monkeypatch.setattr("nfield.jobs.image.task.PROBE_PIXELS", 100)
    mask = np.ones((40, 40), bool)
    mask[5:35, 5:35] = False
    task = ImageTask(Pixels(image=picture(40, 40), mask=mask), batch_pixels=64, device=CPU)
    assert math.isnan(task.evaluate(Waves(plus=0.1)).quality)
