"""The signal job: batches, losses, figures, and the sampling of functions for stages, against closed forms."""

import math

import numpy as np
import pytest
import torch

from nfield.core.checks import UserError
from nfield.core.seeding import generator
from nfield.fields.stage_plan import PER_HALF_WAVE, samples_per_axis
from nfield.fields.staged import StageConfig, StagedField
from nfield.jobs.signal.stages import FunctionStages, SampleStages
from nfield.jobs.signal.task import SignalProbe, SignalTask, relative_l2


class Known(torch.nn.Module):
    """A field that is a given function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, points):
        return self.function(points)

    def on_grid(self, axes):
        return self.function(torch.stack(torch.meshgrid(*axes, indexing="ij"), -1))

    def parameter_groups(self):
        return []


def wave(points):
    return torch.sin(2 * math.pi * 8 * points[..., :1])


def probe(periodic=True, side=128):
    x = -1 + 2 * torch.arange(side, dtype=torch.float64) / side
    unseen = torch.linspace(-1, 1, 1001, dtype=torch.float64)[:, None]
    return SignalProbe(points=unseen, values=wave(unseen), axes=(x,), grid_values=wave(x[:, None]), periodic=periodic)


def task(**more):
    points = torch.linspace(-1, 1, 50, dtype=torch.float64)[:, None]
    return SignalTask(points, wave(points), probe(), **more)


def test_figures_of_a_field_with_a_known_error():
    """One that is a tenth too large has a relative error of 0.1 everywhere: 20 dB, and 0.1 in the wave's band."""
    signal = task()
    found = signal.evaluate(Known(lambda points: 1.1 * wave(points)))
    assert found.quality == pytest.approx(20)
    assert found.numbers["relative_l2"] == pytest.approx(0.1)
    band = next(i for i, (low, high) in enumerate(signal.bands.bands) if low <= 8 < high)
    assert found.band_errors[band] == pytest.approx(0.1)
    assert all(error is None for i, error in enumerate(found.band_errors) if i != band)
    batch = signal.batch(generator(0))
    (loss,) = signal.losses(Known(lambda points: wave(points) + 0.5), batch).values()
    assert float(loss) == pytest.approx(0.25)


def test_a_signal_that_is_not_periodic_is_windowed():
    """Oracle: a straight line, whose jump at the ends would fill all bands of a transform without a window."""
    x = -1 + 2 * torch.arange(256, dtype=torch.float64) / 256
    shapes = {}
    for periodic in (True, False):
        line = SignalProbe(
            points=x[:, None], values=x[:, None], axes=(x,), grid_values=x[:, None].clone(), periodic=periodic
        )
        shapes[periodic] = line.bands().energy[-1]
    assert shapes[False] < 1e-6 * shapes[True]


def test_mini_batches_repeat_no_sample_and_full_ones_are_in_order():
    signal = task(batch_size=20)
    drawn = signal.batch(generator(1))
    assert len(np.unique(drawn.points.numpy())) == 20
    assert torch.equal(drawn.target, wave(drawn.points))
    again = signal.batch(generator(1))
    assert torch.equal(again.points, drawn.points)
    assert torch.equal(task(batch_size=50).batch(generator(0)).points, task().points)


def test_samples_that_cannot_be_used_are_refused():
    points = torch.zeros(3, 1, dtype=torch.float64)
    for values, message in ((points[:2], "do not belong"), (points / 0, "NaN or infinity")):
        with pytest.raises(UserError, match=message):
            SignalTask(points, values, probe())
    with pytest.raises(UserError, match="batch_size"):
        SignalTask(points, points, probe(), batch_size=0)


def test_relative_l2_by_hand():
    truth = torch.tensor([3.0, 4.0], dtype=torch.float64)
    assert relative_l2(truth + torch.tensor([0.0, 1.0]), truth) == pytest.approx(0.2)
    assert relative_l2(torch.full((4,), 2.0), torch.zeros(4)) == pytest.approx(2)


def exact(points):
    return torch.exp(points.sum(1)) * torch.cos(3 * points[:, 0])


def test_scales_are_the_root_mean_square_of_the_residual():
    """Oracle: the residual computed here, from the function and the first stage's network."""
    problem = FunctionStages(exact, 2)
    field, config = StagedField(2, 1), StageConfig(kappa=5.0, width=10)
    first = problem.plan(field, config)
    assert first.scale == pytest.approx(float(exact(first.task.points).square().mean().sqrt()), rel=1e-14)
    field.append(first.config, first.config.build(2, 1, generator(0)), first.scale)
    second = problem.plan(field, config)
    with torch.no_grad():
        rest = exact(second.task.points)[:, None] - field(second.task.points)
    assert second.scale == pytest.approx(float(rest.square().mean().sqrt()), rel=1e-14)
    assert torch.allclose(second.task.target * second.scale, rest, rtol=1e-14)
    assert float(second.task.target.square().mean()) == pytest.approx(1, rel=1e-12)
    assert second.samples == len(second.task.points)


@pytest.mark.parametrize("frequency", [2.0, 9.0, 30.0])
def test_kappa_and_the_sampling_follow_the_residual(frequency):
    plan = FunctionStages(lambda x: 1e-7 * torch.sin(2 * math.pi * frequency * x[:, 0]), 1).plan(
        StagedField(1, 1), StageConfig(kappa=1.0, width=4)
    )
    assert plan.frequency == pytest.approx(frequency, rel=0.15)
    assert plan.config.kappa == pytest.approx(2 * math.pi * plan.frequency)
    assert plan.per_half_wave > PER_HALF_WAVE
    assert plan.samples == samples_per_axis(plan.frequency, plan.config.kappa, plan.config.parameters(1, 1), 1)


def test_functions_that_cannot_be_used_are_refused():
    with pytest.raises(UserError, match="it must give one value"):
        FunctionStages(lambda x: x[:3], 1)
    with pytest.raises(UserError, match="infinite or not a number"):
        FunctionStages(lambda x: 1 / x[:, 0], 1)


def test_given_samples_are_held_out_and_said_to_be_too_few():
    x = torch.linspace(-1, 1, 101, dtype=torch.float64)[:, None]
    problem = SampleStages(x, torch.sin(2 * math.pi * 12 * x))
    assert len(problem.held) == 10
    assert not set(problem.held.tolist()) & set(problem.trained.tolist())
    plan = problem.plan(StagedField(1, 1), StageConfig(kappa=1.0, width=500))
    assert plan.config.parameters(1, 1) <= plan.samples
    assert "cannot be refined" in plan.notes[0]
    assert "1.9 samples per half wave" in plan.notes[0]
    smooth = SampleStages(x, x.square()).plan(StagedField(1, 1), StageConfig(kappa=1.0, width=4))
    assert smooth.notes == ()
    with pytest.raises(UserError, match="at least 10"):
        SampleStages(x[:5], x[:5])
