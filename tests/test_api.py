"""The Python door: fit, save, load, and the public names."""

from functools import partial

import numpy as np
import pytest
import torch

import nfield as nf
from nfield.jobs.views.source import open_views


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    y, x = np.mgrid[:30, :44] / 44
    return (127 + 100 * np.sin(30 * x * y)).astype(np.uint8)


@pytest.fixture(scope="module")
def result(picture) -> nf.Result:
    return nf.fit_image(picture, steps=200, evaluations=4, batch_pixels=400)


def test_every_exported_name_is_there() -> None:
    assert {"fit_image", "reconstruct", "fit_views", "solve", "fit_stages", "load", "Result", "UserError"} <= set(
        dir(nf)
    )
    for name in dir(nf):
        found = getattr(nf, name)
        assert callable(found) or found.__name__ == f"nfield.{name}", name
    with pytest.raises(AttributeError, match="nothing"):
        _ = nf.nothing


def test_result_holds_field_history_metrics_and_bands(result) -> None:
    values = result.field(torch.zeros(3, 5, 2))
    assert values.shape == (3, 5, 1)
    assert {line["run"] for line in result.history} == {"field", "baseline"}
    assert result.bands[0].unit == "cycles/side"
    assert result.metrics["psnr"] > 15


def test_saved_results_load_to_the_same_field(result, tmp_path) -> None:
    folder = result.save(tmp_path / "run")
    again = nf.load(folder)
    points = torch.rand(20, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert torch.equal(again.field(points), result.field(points))
    assert torch.equal(again.baseline(points), result.baseline(points))
    assert again.metrics["psnr"] == result.metrics["psnr"]
    assert (folder / "outputs" / "reconstruction.png").is_file()
    with pytest.raises(nf.UserError, match="already holds a run"):
        result.save(folder)


def test_the_mask_fills_the_hole_smoothly(picture) -> None:
    """The hole's pixels are spoiled; what the field puts there comes from around, not from them."""
    mask = np.ones(picture.shape, bool)
    mask[10:18, 12:20] = False
    spoiled = np.where(mask, picture, 255).astype(np.uint8)
    found = nf.fit_image(spoiled, mask=mask, steps=250, baseline=False, evaluations=2, batch_pixels=1320)
    outside = found.metrics["psnr_outside_mask"]  # against the spoiled pixels: far off
    assert found.metrics["psnr"] > 30
    assert outside < 15


def test_files_and_tensors_are_taken_too(picture, tmp_path) -> None:
    found = nf.fit_image(torch.from_numpy(picture), steps=2, baseline=False, evaluations=2)
    assert found.metrics["steps"] == 2
    with pytest.raises(nf.UserError, match=r"missing\.png"):
        nf.fit_image(tmp_path / "missing.png", steps=2)
    with pytest.raises(nf.UserError, match="channels"):
        nf.fit_image(np.zeros((4, 4, 7)), steps=2)
    with pytest.raises(nf.UserError, match=r"Unknown option 'stepps'\. Did you mean 'steps'\?"):
        nf.fit_image(picture, stepps=2)


@pytest.mark.parametrize("parameters", [600, 3000, 12000])
def test_default_keeps_to_its_parameters(picture, parameters) -> None:
    found = nf.fit_image(np.tile(picture, (3, 3)), steps=1, baseline=False, evaluations=2, parameters=parameters)
    assert 0.5 * parameters < found.metrics["parameters"] <= parameters


def test_views_are_fitted_to_a_toy_scene_by_name(tmp_path, monkeypatch) -> None:
    """As the command takes it, in small."""
    monkeypatch.setattr("nfield.api.open_views", partial(open_views, size=12, train=3, test=1))
    options = {"preset": "siren", "steps": 2, "samples": 256, "evaluations": 2, "frames": 0, "baseline": False}
    result = nf.fit_views("checkered-sphere", out=tmp_path / "run", **options)
    assert result.config["source"] == "checkered-sphere"
    assert result.config["source_options"] == {"scene": "checkered-sphere"}
    assert [view["name"] for view in nf.load(tmp_path / "run").metrics["per_view"]] == ["test-000"]
    with pytest.raises(nf.UserError, match="checkered-sphere"):
        nf.fit_views("checkred-sphere", **options)
