"""Measures of the experiments, each against an answer known beforehand."""

import math

import numpy as np
import pytest
import torch

from nfield.backbones.mlp import MLPConfig
from nfield.core.seeding import generator
from nfield.lab import Setting
from nfield.lab.ensemble import Ensemble
from nfield.lab.phenomena.complexity import effective_rank, growth, last_hidden, spectral_centroid, total_variation
from nfield.lab.phenomena.early_stopping import best_evaluation, decibels, discrepancy_evaluation, noisy_pictures
from nfield.lab.phenomena.information import binned, entropy, entropy_bias, mutual_information, mutual_information_bias
from nfield.lab.phenomena.inpainting import HOLES, hole_masks, psnr_in_holes, together
from nfield.lab.phenomena.limits import (
    SIZES,
    WAVES,
    SecondDifference,
    all_bits,
    judged,
    majority,
    parity,
    trainings,
    wave_errors,
    waves,
)

X = np.arange(64) / 64


def test_entropy_of_known_shares() -> None:
    assert entropy(np.zeros(9, dtype=np.int64)) == 0
    assert entropy(np.array([1, 2, 3, 4] * 5)) == pytest.approx(2)
    assert entropy(np.array([0, 0, 1, 2])) == pytest.approx(1.5)
    assert entropy(np.array([[0, 0], [0, 1], [0, 0], [0, 1]])) == pytest.approx(1)


def test_information_of_a_copy_and_of_nothing() -> None:
    a = np.array([0, 1, 2, 3] * 4)
    assert mutual_information(a, a) == pytest.approx(2)
    assert mutual_information(a, a % 2) == pytest.approx(1)
    # Every pair equally often: independent.
    assert mutual_information(a, np.repeat(np.arange(4), 4)) == pytest.approx(0, abs=1e-12)


def test_stated_biases_are_what_random_samples_show() -> None:
    """Monte Carlo: the mean of the estimates less the truth, 2000 draws of 400 samples."""
    draw = np.random.default_rng(0)
    a, b = draw.integers(0, 8, (2000, 400)), draw.integers(0, 4, (2000, 400))
    off = np.mean([entropy(row) for row in a]) - 3
    told = np.mean([entropy_bias(row) for row in a])
    assert told == pytest.approx(-7 / (800 * math.log(2)))
    assert off == pytest.approx(told, abs=0.002)
    found = np.mean([mutual_information(*pair) for pair in zip(a, b, strict=True)])
    stated = np.mean([mutual_information_bias(*pair) for pair in zip(a, b, strict=True)])
    assert stated == pytest.approx(21 / (800 * math.log(2)), rel=0.01)
    assert found == pytest.approx(stated, rel=0.1)


def test_bins_are_rounded() -> None:
    assert binned(np.array([-0.026, -0.02, 0.0, 0.024, 0.026, 0.1]), 0.05).tolist() == [-1, 0, 0, 0, 1, 2]


@pytest.mark.parametrize("k", [1, 5, 31])
def test_the_centroid_of_a_wave_is_its_frequency(k: int) -> None:
    assert spectral_centroid(3 * np.sin(2 * np.pi * k * X + 0.4) + 7) == pytest.approx(k)


def test_centroid_of_mixtures_and_constants() -> None:
    mixture = np.sin(2 * np.pi * 2 * X) + 2 * np.cos(2 * np.pi * 10 * X)
    assert spectral_centroid(mixture) == pytest.approx((2 + 4 * 10) / 5)
    assert spectral_centroid(np.full(64, 0.3)) == 0


def test_total_variation_of_waves() -> None:
    # A wave goes from −1 to 1 and back k times; 64 samples hit its extremes where k divides 16.
    assert total_variation(np.sin(2 * np.pi * 4 * X)) == pytest.approx(16)
    assert total_variation(np.full(5, 2.0)) == 0


def test_effective_rank_of_known_matrices() -> None:
    draw = np.random.default_rng(1)
    orthogonal = np.linalg.qr(draw.normal(size=(40, 8)) - 0)[0]
    orthogonal = np.linalg.qr(orthogonal - orthogonal.mean(0))[0]
    assert effective_rank(orthogonal) == pytest.approx(8)
    assert effective_rank(orthogonal[:, :1] * np.ones((1, 8)) + 5) == pytest.approx(1)
    weighted = orthogonal * np.array([2, 1, 1, 0, 0, 0, 0, 0])
    assert effective_rank(weighted) == pytest.approx(math.exp(0.5 * math.log(2) + 0.5 * math.log(4)))
    assert effective_rank(np.full((5, 3), 0.7)) == 1


def test_growth_is_a_rank_correlation() -> None:
    assert growth(np.array([0.0, 1, 4, 9, 1000])) == pytest.approx(1)
    assert growth(np.array([3.0, 2, 1])) == pytest.approx(-1)
    assert growth(np.ones(4)) == 0


def test_last_hidden_features_lead_to_the_output() -> None:
    ensemble = Ensemble(MLPConfig(width=5, depth=3, activation="tanh"), 2, 1, range(2))
    x = torch.rand(7, 2, generator=generator(0))
    weights = ensemble.parameters
    output = last_hidden(ensemble, x) @ weights["output.weight"].mT + weights["output.bias"][:, None]
    torch.testing.assert_close(output, ensemble(x))


def test_the_stopping_rule_on_made_curves() -> None:
    bowl = (np.arange(20) - 12.0) ** 2 + 5
    assert best_evaluation(bowl) == 12
    # A lucky one far from the minimum does not mislead.
    lucky = bowl.copy()
    lucky[2] = 4.0
    assert best_evaluation(lucky) == 12
    assert best_evaluation(np.arange(5.0)) == 0
    assert best_evaluation(-np.arange(5.0)) == 4
    assert discrepancy_evaluation(np.array([9.0, 4.0, 0.9, 0.5]), 1.0) == 2
    assert discrepancy_evaluation(np.array([9.0, 4.0]), 1.0) == 1
    assert decibels(np.array([0.01, 1.0])).tolist() == pytest.approx([20, 0])


def test_noise_has_its_size_and_is_each_seeds_own() -> None:
    values, order = noisy_pictures(np.full((40, 40), 0.5), 0.1, range(2))
    assert values.std(1).flatten().tolist() == pytest.approx([0.1, 0.1], rel=0.05)
    assert not torch.equal(values[0], values[1])
    assert order.sort(1).values.tolist() == [list(range(1600))] * 2


def test_holes_are_apart() -> None:
    masks = hole_masks(32, 0, 0)
    assert masks.shape == (HOLES, 32, 32)
    assert masks.sum((1, 2)).tolist() == [16] * HOLES
    assert masks.sum(0).max() == 1
    inside = masks.any(0)[1:-1, 1:-1]
    assert inside.sum() == masks.sum()
    assert not (inside & hole_masks(32, 1, 1).any(0)[1:-1, 1:-1]).any()
    # No side in common: a pixel of one hole has only its own hole's pixels beside it.
    label = (masks * np.arange(1, HOLES + 1)[:, None, None]).sum(0)
    beside = [(label[1:], label[:-1]), (label[:, 1:], label[:, :-1])]
    assert all(((a == 0) | (b == 0) | (a == b)).all() for a, b in beside)
    # Mean squares 0.1 and 0.001 of two holes.
    assert together(np.array([[10.0, 30.0]])) == pytest.approx([-10 * math.log10(0.0505)])
    truth = np.zeros((32, 32))
    assert psnr_in_holes(np.where(masks[0], 0.1, truth), truth, masks) == pytest.approx([20] + [120] * (HOLES - 1))


class Made(torch.nn.Module):
    """A network that has given values, whatever the points."""

    def __init__(self, values: torch.Tensor) -> None:
        super().__init__()
        self.values = values

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        return self.values[:, None]


def test_the_second_difference_has_each_wave_for_an_eigenvector() -> None:
    """Oracle: the eigenvalue; and −u″ of a wave for fine points."""
    n = 63
    points = torch.linspace(-1, 1, n + 2, dtype=torch.float64)[1:-1, None]
    for j, k in enumerate(WAVES):
        module = SecondDifference(Made(torch.from_numpy(waves(n)[:, j])), 1.0)
        found = module(points)[:, 0].numpy()
        eigenvalue = (2 - 2 * math.cos(math.pi * k / (n + 1))) / (2 / (n + 1)) ** 2
        np.testing.assert_allclose(found, eigenvalue * waves(n)[:, j], atol=1e-8)
        assert eigenvalue == pytest.approx((math.pi * k / 2) ** 2, rel=0.02)


def test_relative_errors_of_waves_and_of_their_second_differences_agree() -> None:
    sizes = SIZES.of("quick")
    kinds = trainings(sizes)
    _, plain, _ = kinds["values"]
    residual, curved, _ = kinds["residual"]
    mistake = 0.3 * waves(sizes.samples)[:, 2]
    module = SecondDifference(Made(torch.from_numpy(plain + mistake)), residual.unit)
    points = torch.linspace(-1, 1, sizes.samples + 2, dtype=torch.float64)[1:-1, None]
    shifted = module(points)[:, 0].numpy()
    np.testing.assert_allclose(wave_errors(shifted, curved), wave_errors(plain + mistake, plain), atol=1e-9)
    assert wave_errors(plain + mistake, plain)[2] > 0.1
    for _, truth, _ in kinds.values():
        assert (truth**2).mean() == pytest.approx(1)


def test_parity_is_the_highest_frequency_of_bits() -> None:
    bits = all_bits(4)
    assert len({tuple(row) for row in bits.tolist()}) == 16
    # Every single flip changes it.
    for i in range(4):
        flipped = bits.clone()
        flipped[:, i] *= -1
        assert torch.equal(parity(flipped), -parity(bits))
    found = majority(bits)
    assert set(found.flatten().tolist()) == {-1.0, 1.0}
    assert (found * bits).mean(0).tolist() == pytest.approx([0.5, 0.5, 0.5, 0])


def test_each_part_of_the_claim_can_fail() -> None:
    good = {"values": [1.0], "residual": [-1.0], "rising sizes": [-1.0], "large weights": [0.1]}
    right = {"parity": np.array([[1.0, 0.5]]), "majority": np.array([[1.0, 0.95]])}
    assert all(judged(good, right).values())
    bad = {"values": [0.2], "residual": [1.0], "rising sizes": [0.0], "large weights": [1.0]}
    wrong = {"parity": np.array([[1.0, 0.9]]), "majority": np.array([[1.0, 0.6]])}
    assert not any(judged(bad, wrong).values())


def test_seeds_follow_the_runs_own() -> None:
    assert list(Setting(seed=4).seeds(3)) == [4, 5, 6]
