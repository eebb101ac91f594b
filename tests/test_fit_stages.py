"""`nfield.fit_stages` and what it gives: domains, samples, run folders, and commands on them."""

import numpy as np
import pytest
import torch
from PIL import Image

import nfield as nf
from nfield.cli import main


def decaying(x):
    return torch.sin(3 * x[:, 0]) * torch.exp(-x[:, 0])


def truth(x):
    return np.sin(3 * x) * np.exp(-x)


def test_a_function_on_its_own_domain():
    result = nf.fit_stages(decaying, low=0.0, high=4.0, stages=3)
    x = np.linspace(0, 4, 1234)
    assert np.linalg.norm(result(x)[:, 0] - truth(x)) < 1e-11 * np.linalg.norm(truth(x))
    assert result.error < 1e-11
    assert result(torch.from_numpy(x)[:, None]).shape == (1234, 1)
    told = [band.relative_error for band in result.bands if band.relative_error is not None]
    assert told
    assert max(told[:3]) < 1e-9
    with pytest.raises(nf.UserError, match=r"Points must be of shape \(n, 1\)"):
        result(np.zeros((3, 2)))


def test_scales_that_follow_the_spectrum_suit_a_peak(tmp_path):
    """1/(1+50x²) has all frequencies: one reach for all neurons misses most of them; oracle, the formula."""

    def peak(x):
        return 1 / (1 + 50 * x[:, 0] ** 2)

    few = {"stages": 3, "refine_steps": 10}
    plain = nf.fit_stages(peak, **few)
    adapted = nf.fit_stages(peak, network="mscale", out=tmp_path / "run", **few)
    assert adapted.error < plain.error / 30
    scales = [config.scales for config in adapted.field.configs]
    assert len(set(scales)) == 3
    assert all(list(one) == sorted(one) and len(one) == 6 for one in scales)
    x = np.linspace(-1, 1, 77)
    again = nf.load(tmp_path / "run")
    assert np.array_equal(again(x), adapted(x))
    with Image.open(tmp_path / "run" / "outputs" / "stages.png") as picture:
        assert min(picture.size) > 200
        assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 20
    assert again.field.configs == adapted.field.configs
    with pytest.raises(nf.UserError, match="Scattered samples have no spectrum"):
        nf.fit_stages(np.sin(x), x, network="mscale")
    with pytest.raises(nf.UserError, match="Unknown value of --network"):
        nf.fit_stages(peak, network="sines")


def test_two_values_in_two_dimensions():
    def both(p):
        return torch.stack([torch.cos(p[:, 0] + p[:, 1]), torch.exp(p[:, 0] - p[:, 1])], 1)

    result = nf.fit_stages(both, dimension=2, low=[0, -1], high=(1.0, 1.0), stages=2, width=40, refine_steps=2)
    points = torch.rand(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert np.abs(result(points) - both(points).numpy()).max() < 1e-3
    assert [stage.kept for stage in result.stages] == [True, True]


def test_samples_on_a_line_and_scattered():
    x = np.sort(np.random.default_rng(0).uniform(0, 4, 400))
    scattered = nf.fit_stages(truth(x), x, stages=2)
    fine = np.linspace(x[0], x[-1], 999)
    assert np.abs(scattered(fine)[:, 0] - truth(fine)).max() < 1e-6
    assert scattered.bands == []
    middles = (np.arange(300) + 0.5) / 300 * 4
    gridded = nf.fit_stages(truth(middles), low=0.0, high=4.0, stages=2)
    assert np.abs(gridded(fine)[:, 0] - truth(fine)).max() < 1e-5
    assert gridded.bands


def test_a_picture_says_that_it_cannot_be_refined():
    y, x = np.mgrid[:24, :30] / 24
    picture = 0.5 + 0.3 * np.sin(4 * x + y) + 0.02 * np.sin(60 * x * y)
    result = nf.fit_stages(picture, stages=3, width=40, refine_steps=3)
    assert result.stages[0].error < 0.1
    assert any("cannot be refined" in note for stage in result.stages for note in stage.notes)
    coloured = nf.fit_stages(np.stack([picture] * 3, -1), channels_last=True, stages=1, width=20, refine_steps=1)
    assert coloured.field.out_dim == 3


def test_run_folders_open_again_and_go_on(tmp_path, capsys):
    options = {"low": 0.0, "high": 4.0, "stages": 1, "width": 10, "refine_steps": 3}
    first = nf.fit_stages(decaying, out=tmp_path / "run", **options)
    loaded = nf.load(tmp_path / "run")
    x = np.linspace(0, 4, 17)
    assert np.array_equal(loaded(x), first(x))
    assert loaded.stages == first.stages
    assert loaded.reason == first.reason
    more = nf.fit_stages(decaying, out=tmp_path / "run", resume=True, **{**options, "stages": 2})
    straight = nf.fit_stages(decaying, **{**options, "stages": 2})
    assert np.array_equal(more(x), straight(x))
    with pytest.raises(nf.UserError, match=r"another settings .*'width': 10.*'width': 12"):
        nf.fit_stages(decaying, out=tmp_path / "run", resume=True, **{**options, "width": 12})
    with pytest.raises(nf.UserError, match="already holds a run"):
        nf.fit_stages(decaying, out=tmp_path / "run", **options)
    for verb in ("render", "export"):
        assert main([verb, str(tmp_path / "run")]) == 2
        assert "a signal in stages" in capsys.readouterr().err
    assert main(["info", str(tmp_path / "run")]) == 0
    assert "task       signal" in capsys.readouterr().out
    assert main(["report", str(tmp_path / "run")]) == 0
    page = (tmp_path / "run" / "report.html").read_text()
    assert "What each stage did" in page


def test_input_that_cannot_be_used_is_refused():
    x = np.linspace(0, 1, 20)
    for arguments, options, message in (
        ((decaying,), {"low": 1.0, "high": 0.0}, "high end must lie above"),
        ((decaying,), {"low": [0.0, 1.0]}, "one for each of the 1 axes"),
        ((np.zeros((2, 2, 2, 2)),), {}, "no grid of 1 to 3 axes"),
        ((x, x[:5]), {}, "do not belong together"),
        ((np.where(x > 0.5, np.nan, x),), {}, "NaN or infinity"),
        ((x, np.where(x > 0.5, np.inf, x)), {}, "NaN or infinity"),
        ((np.ones(20), np.ones(20)), {}, "high end must lie above"),
    ):
        with pytest.raises(nf.UserError, match=message):
            nf.fit_stages(*arguments, **options)
    with pytest.raises(nf.UserError, match="Did you mean 'stages'"):
        nf.fit_stages(decaying, stagess=2)
