"""How much to smooth: against the errors that are known where the cloud is that of a sphere."""

import math

import pytest
import torch
from balls import ball

from nfield.points import smoothing_choice
from nfield.points.lattice import evaluate_levels
from nfield.points.smooth_distance import Sample, solve_levels
from nfield.points.smoothing_choice import FIRST, choose_smoothing, length_for, smoothing_of

COUNT, RADIUS = 1500, 0.4
SPACING = math.sqrt(4 * math.pi * RADIUS**2 / COUNT)


def draw() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def error(sample: Sample, length: float) -> float:
    """Mean distance of the fitted surface from the sphere, to first order."""
    on_sphere = ball(2000, seed=5).points
    return float(evaluate_levels(solve_levels(sample, smoothing_of(length, SPACING)), on_sphere).abs().mean())


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_noise_is_measured_from_left_out_points(noise: float) -> None:
    judged = choose_smoothing(ball(COUNT, noise), SPACING, draw())
    assert judged.noise == pytest.approx(noise, rel=0.1, abs=0.1 * SPACING)


def test_a_sphere_is_smoothed_more_than_noise_alone_would_ask_for() -> None:
    sample = ball(COUNT, 0.01)
    judged = choose_smoothing(sample, SPACING, draw())
    length = judged.smoothing.length / SPACING
    usual = length_for(0.01 / SPACING)
    assert length > 1.2 * usual
    assert error(sample, length) < 0.8 * error(sample, usual)


def test_outliers_do_not_decide() -> None:
    sample = ball(COUNT, 0.01)
    points = sample.points.clone()
    points[::100] += 0.1 * torch.randn(15, 3, generator=draw())
    with_outliers = Sample(points=points, normals=sample.normals, areas=sample.areas, weights=sample.weights)
    lengths = [choose_smoothing(s, SPACING, draw()).smoothing.length for s in (sample, with_outliers)]
    assert lengths[1] == pytest.approx(lengths[0], rel=0.25)


def test_without_time_the_noise_of_one_fit_decides() -> None:
    trials: list[int] = []
    judged = choose_smoothing(ball(COUNT, 0.01), SPACING, draw(), seconds_left=lambda: 0.0, on_trial=trials.append)
    assert trials == [1]
    assert judged.smoothing == smoothing_of(length_for(judged.noise / SPACING), SPACING)
    assert judged.draft is not None


def test_little_time_for_a_large_cloud_is_not_spent_on_judging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoothing_choice, "QUICK_POINTS", 600)
    trials: list[int] = []
    sample = ball(COUNT, 0.01)
    judged = choose_smoothing(sample, SPACING, draw(), seconds_left=lambda: 0.0, on_trial=trials.append)
    assert trials == [1]
    assert judged.draft is None
    assert judged.noise == pytest.approx(0.01, rel=0.25)
    trials.clear()
    judged = choose_smoothing(sample, SPACING, draw(), seconds_left=lambda: 1e6, on_trial=trials.append)
    assert trials[:3] == [1, 1, 2]
    assert judged.draft is not None


def test_lengths_are_tried_until_left_out_points_come_no_closer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oracle is a loss whose least place is known: a parabola in the logarithm of the length."""
    tried: list[float] = []

    def pretend(self: object, length: float) -> object:
        tried.append(length)
        self.count += 1  # type: ignore[attr-defined]
        place = math.log(length / best) / math.log(smoothing_choice.RATIO)
        wanted = 1.0 if length == FIRST else (1 + 0.01 * place**2) ** 0.5
        distances = torch.full((COUNT,), SPACING * wanted)
        return smoothing_choice._Trial(length=length, levels=None, distances=distances, seconds=1.0)

    monkeypatch.setattr(smoothing_choice._Trials, "fit", pretend)
    for factor in (0.55, 0.9, 1.0, 1.3, 1.9):
        tried.clear()
        start = length_for(smoothing_choice.SIGMA_PER_MEDIAN)
        best = factor * start
        judged = choose_smoothing(ball(COUNT), SPACING, draw())
        assert judged.smoothing.length == pytest.approx(SPACING * smoothing_choice.BEYOND * best, rel=3e-3)
        assert len(tried) == len(set(tried)) <= smoothing_choice.MOST_TRIALS


def test_of_large_clouds_a_part_is_judged_away_from_its_rim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoothing_choice, "MOST_POINTS", 600)
    sample = ball(COUNT, 0.01)
    part, inner = smoothing_choice._part(sample, draw(), 600)
    assert len(part.points) == 600
    middle = part.points[0]
    reach = (part.points - middle).norm(dim=1)
    assert bool((reach[inner] <= 0.8 * reach.max() + 1e-6).all())
    assert 200 < int(inner.sum()) < 500
    judged = choose_smoothing(sample, SPACING, draw())
    assert judged.draft is None
    assert judged.noise == pytest.approx(0.01, rel=0.2)


def test_no_length_is_tried_at_which_exact_points_wrinkle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of exact points with normals that are a little wrong, which no left-out position tells, as estimated ones are."""
    sample = ball(COUNT)
    wrong = torch.nn.functional.normalize(sample.normals + 0.03 * torch.randn(COUNT, 3, generator=draw()), dim=-1)
    estimated = Sample(points=sample.points, normals=wrong, areas=sample.areas, weights=sample.weights)
    tried: list[float] = []
    fit = smoothing_choice._Trials.fit

    def noted(trials: smoothing_choice._Trials, length: float) -> smoothing_choice._Trial:
        tried.append(length)
        return fit(trials, length)

    monkeypatch.setattr(smoothing_choice._Trials, "fit", noted)
    judged = choose_smoothing(estimated, SPACING, draw())
    assert tried[0] == FIRST
    assert len(tried) > 2
    assert min(tried) >= smoothing_choice.LEAST
    assert judged.smoothing.length >= smoothing_choice.LEAST * SPACING
    assert length_for(0.0) == smoothing_choice.LEAST
