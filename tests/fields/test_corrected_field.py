"""Corrected fields against SciPy's linear interpolation, and the rules for what comes and goes with training."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.interpolate import RegularGridInterpolator

from nfield.backbones.mlp import MLPConfig
from nfield.core.checks import UserError
from nfield.core.image import Image
from nfield.core.seeding import generator
from nfield.encodings.gaussian import GaussianConfig
from nfield.fields.corrected import CorrectedField, CorrectionConfig
from nfield.jobs.image.options import BETWEEN_SAMPLES, ImageOptions
from nfield.jobs.image.pixels import Pixels
from nfield.jobs.image.recipe import Known, build_field, correction_of, make_recipe, within_parameters
from nfield.jobs.image.task import ImageTask
from nfield.spectral.advice import advise_image
from nfield.training.loop import fit
from nfield.training.settings import TrainingSettings

CPU = torch.device("cpu")
NODES = CorrectionConfig(resolution=(5, 7), first=(-0.8, -0.9), last=(0.7, 0.9))


def make(correction: CorrectionConfig = NODES, channels: int = 2, seed: int = 0) -> CorrectedField:
    draw = generator(seed, "weights")
    encoding = GaussianConfig(scale=1.0, frequencies=8).build(2, draw)
    backbone = MLPConfig(width=16, depth=2).build(encoding.out_dim, channels, draw)
    return CorrectedField(encoding, backbone, correction, offset=0.25).eval()


def photograph(height: int = 20, width: int = 26) -> Image:
    return Image.from_array(np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8))


def known_of(image: Image, parameters: int = 100_000) -> Known:
    return Known(pixels=Pixels(image=image, step=2), advice=advise_image(image, step=2), parameters=parameters)


def test_the_correction_is_linear_between_its_nodes_and_constant_beyond() -> None:
    field, draw = make(), torch.Generator().manual_seed(1)
    before = make()
    rest = torch.randn(5, 7, 2, generator=draw)
    field.correct(rest)
    axes = [np.linspace(a, b, n) for a, b, n in zip(NODES.first, NODES.last, NODES.resolution, strict=True)]
    oracle = RegularGridInterpolator(axes, rest.double().numpy())
    points = torch.rand(200, 2, generator=draw) * 2 - 1
    inside = np.clip(points.double().numpy(), NODES.first, NODES.last)
    with torch.no_grad():
        added = (field(points) - before(points)).numpy()
        np.testing.assert_allclose(added, oracle(inside), atol=2e-6)
        rows, columns = torch.linspace(-1, 1, 9), torch.linspace(-1, 1, 12)
        grid = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), -1)
        torch.testing.assert_close(field.on_grid((rows, columns)), field(grid), atol=2e-6, rtol=0)


def test_one_row_of_nodes_is_enough() -> None:
    one = CorrectionConfig(resolution=(1, 3), first=(0.0, -0.5), last=(0.0, 0.5))
    field, before = make(one), make(one)
    field.correct(torch.tensor([1.0, 2.0, 4.0])[None, :, None].expand(1, 3, 2))
    with torch.no_grad():
        added = field(torch.tensor([[0.3, 0.25], [-0.9, 0.5]])) - before(torch.tensor([[0.3, 0.25], [-0.9, 0.5]]))
    torch.testing.assert_close(added, torch.tensor([[3.0, 3.0], [4.0, 4.0]]))


def test_weights_bring_the_correction_along_and_it_counts() -> None:
    field, other = make(), make(seed=5)
    field.correct(torch.ones(5, 7, 2))
    other.load_state_dict(field.state_dict())
    points = torch.rand(10, 2)
    with torch.no_grad():
        assert torch.equal(other(points), field(points))
    assert field.count_parameters() == sum(p.numel() for p in field.parameters()) + 5 * 7 * 2
    assert field.derivative_order == 1


def test_a_training_step_drops_it() -> None:
    field, plain = make(), make()
    field.correct(torch.ones(5, 7, 2))
    points = torch.rand(10, 2)
    torch.testing.assert_close(field.train()(points), plain(points))
    torch.testing.assert_close(field.eval()(points), plain(points))


def test_first_derivatives_are_right_and_second_ones_refused() -> None:
    field = make().double()
    field.correct(torch.randn(5, 7, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64))
    points = torch.tensor([[0.1, 0.2], [-0.33, 0.45]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(field, (points,))
    (slope,) = torch.autograd.grad(field(points).sum(), points, create_graph=True)
    with pytest.raises(UserError, match="A field with a linear correction has no second derivatives"):
        torch.autograd.grad(slope.sum(), points)
    axes = [torch.linspace(-0.5, 0.5, 3, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    slopes = torch.autograd.grad(field.on_grid(axes).sum(), axes, create_graph=True)
    with pytest.raises(UserError, match="A field with a linear correction has no second derivatives"):
        torch.autograd.grad(slopes[0].sum(), axes[0])


def test_nodes_without_a_place_are_refused() -> None:
    with pytest.raises(UserError, match="resolution of at least 1"):
        CorrectionConfig(resolution=(4, 0), first=(0.0, 0.0), last=(1.0, 1.0))


def test_a_finished_field_has_the_training_pixels_and_nothing_where_the_mask_is_black() -> None:
    image = photograph()
    mask = np.ones((20, 26), bool)
    mask[8:12, 8:12] = False
    known = known_of(image)
    recipe = make_recipe(BETWEEN_SAMPLES, known)
    field, alone = (build_field(recipe, 3, seed=0).eval() for _ in range(2))
    task = ImageTask(Pixels(image=image, step=2, mask=mask), holdout=True, device=CPU)
    with torch.no_grad():
        assert task.finish(field)
        rows, columns = torch.arange(0, 20, 2), torch.arange(0, 26, 2)
        found, truth = task.predict(field, rows, columns), torch.as_tensor(image.values(rows.numpy(), columns.numpy()))
        white = torch.from_numpy(mask[::2, ::2])
        torch.testing.assert_close(found[white], truth[white], atol=1e-5, rtol=0)
        torch.testing.assert_close(found[~white], task.predict(alone, rows, columns)[~white], atol=1e-6, rtol=0)
        assert not task.finish(build_field(replace(recipe, own={}), 3, seed=0))


def test_blocks_of_pixels_share_a_node_where_there_are_too_many(monkeypatch) -> None:
    monkeypatch.setattr("nfield.jobs.image.recipe.MOST_NODES", 40)
    known = known_of(photograph())
    recipe = make_recipe(BETWEEN_SAMPLES, known)
    correction = correction_of(recipe)
    assert correction is not None
    assert correction.resolution == (5, 7)
    field = build_field(recipe, 3, seed=0).eval()
    task = ImageTask(known.pixels, holdout=True, device=CPU)
    with torch.no_grad():
        rows, columns = torch.arange(0, 20, 2), torch.arange(0, 26, 2)
        truth = torch.as_tensor(known.pixels.image.values(rows.numpy(), columns.numpy()))
        missing = truth - field.on_grid(task._axes(rows, columns))
        task.finish(field)
    assert isinstance(field, CorrectedField)
    torch.testing.assert_close(field.correction[1, :, 2], missing[2:4, 4:6].mean((0, 1)), atol=1e-6, rtol=0)


def test_few_parameters_leave_the_correction_out() -> None:
    known = known_of(photograph())
    recipe = make_recipe(BETWEEN_SAMPLES, known)
    values = 10 * 13 * 3
    roomy, narrow = (within_parameters(recipe, 3, n) for n in (200_000, 2 * values - 1))
    assert correction_of(roomy) == correction_of(recipe)
    assert correction_of(roomy) is not None
    assert correction_of(narrow) is None
    assert build_field(narrow, 3, seed=0).count_parameters() < 2 * values


def test_training_measures_the_completed_field_last_and_goes_on_without_it(tmp_path) -> None:
    from nfield.io.run_folder import RunFolder

    known = known_of(photograph())
    recipe = make_recipe(BETWEEN_SAMPLES, known, ImageOptions(holdout=True, backbone_settings={"width": 16}))
    task = ImageTask(known.pixels, batch_pixels=64, holdout=True, device=CPU)
    folder = RunFolder.create(tmp_path / "run")

    def train(steps: int, resume: bool) -> list[float]:
        settings = TrainingSettings(steps=steps, learning_rate=1e-3, evaluations=6, precision="float32", ema=0.9)
        field = build_field(recipe, 3, seed=0)
        done = fit(field, task, settings, generator=generator(0, "batches"), folder=folder, resume=resume)
        with torch.no_grad():
            assert task.evaluate(field.eval()).quality > 100
        return [line["psnr"] for line in done.history]

    first = train(30, resume=False)
    assert first[-1] > 100 > 30 > max(first[:-1])
    second = train(60, resume=True)
    assert second[: len(first)] == first
    assert second[-1] > 100 > 30 > max(second[len(first) : -1])


def test_held_out_pixels_ask_for_it_by_default_and_named_parts_do_not() -> None:
    known = known_of(photograph())

    def planned(**options: Any) -> CorrectionConfig | None:
        chosen = ImageOptions(**options)
        return correction_of(make_recipe(chosen.parts, known, chosen))

    by_default = planned(holdout=True)
    assert by_default is not None
    assert by_default.resolution == (10, 13)
    assert planned(holdout=True, preset="gaussian") is None
    assert planned(holdout=True, encoding="adaptive_grid") is None
    assert planned() is None
