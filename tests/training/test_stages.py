"""Stage after stage: gains, stages that are dropped, runs that are killed, wrong settings."""

import math
import signal
from dataclasses import replace

import pytest
import torch

from nfield.core.checks import UserError
from nfield.fields.staged import StageConfig, StagedField
from nfield.io.run_folder import RunFolder
from nfield.jobs.signal.stages import FunctionStages, SampleStages, evaluated
from nfield.jobs.signal.task import SignalTask, relative_l2
from nfield.training.stages import StageSettings, fit_in_stages


def exact(x):
    return torch.sin(2 * x[:, 0] + 1) + 0.2 * torch.exp(1.3 * x[:, 0])


def test_two_stages_gain_many_orders_of_magnitude():
    """On 10,007 points that are not trained on; float64 holds the solution to about 1e-16."""
    field, records, reason = fit_in_stages(FunctionStages(exact, 1), StageSettings(stages=2))
    assert [record.kept for record in records] == [True, True]
    assert records[0].error < 1e-8
    assert records[1].error < 1e-13
    assert records[1].scale == pytest.approx(records[0].error * records[0].scale, rel=0.5)
    x = torch.linspace(-0.99, 0.98, 777, dtype=torch.float64)[:, None]
    assert relative_l2(evaluated(field, x), exact(x)[:, None]) < 1e-13
    assert reason == "All 2 stages were trained."


def test_the_second_stage_brings_the_small_waves_that_the_first_left():
    """A wave of size 1e-4 and frequency 30 on a smooth signal: the first network is too low for it."""

    def signal_of(x):
        return exact(x) + 1e-4 * torch.sin(2 * math.pi * 30 * x[:, 0])

    _, records, _ = fit_in_stages(FunctionStages(signal_of, 1), StageSettings(stages=2, width=60))
    assert 1e-5 < records[0].error < 1e-3
    assert records[1].frequency == pytest.approx(30, rel=0.05)
    assert records[1].error < 1e-3 * records[0].error


class Misled:
    """A job whose second stage learns the opposite of the residual."""

    in_dim = out_dim = 1

    def __init__(self):
        self.inner = FunctionStages(exact, 1)

    def error(self, found):
        return self.inner.error(found)

    def plan(self, found, config):
        plan = self.inner.plan(found, config)
        if len(found.stages) == 1:
            task = plan.task
            return replace(plan, task=SignalTask(task.points, -task.target, task.probe))
        return plan


def test_a_stage_that_does_not_improve_is_dropped():
    settings = StageSettings(stages=4, width=6, refine_steps=2)
    field, records, reason = fit_in_stages(Misled(), settings)
    assert [record.kept for record in records] == [True, False]
    assert len(field.stages) == 1
    assert reason.startswith("Stage 2 was dropped: the error was")
    assert Misled().error(field) == records[0].error < records[1].error
    assert records[1].error == pytest.approx(2 * records[0].error, rel=0.2)


def test_a_refinement_that_fits_noise_is_taken_back():
    """Values of pure noise at few points: whatever is learned of them is wrong in between, the more so the better."""
    points = torch.linspace(-1, 1, 40, dtype=torch.float64)[:, None]
    kept = []
    for seed in range(4):
        values = torch.randn(40, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        problem = SampleStages(points, values, seed=seed)
        errors = {}
        for steps in (0, 30):
            settings = StageSettings(stages=1, width=6, refine_steps=steps, improvement=1e9)
            _, (record,), _ = fit_in_stages(problem, settings, seed=seed)
            errors[steps] = record.error
        assert errors[30] <= errors[0]
        assert (record.refiner == "none") == (errors[30] == errors[0])
        kept.append(record.refiner)
    assert "none" in kept


def test_no_stage_is_trained_on_rounding_and_none_beyond_the_target():
    field, records, reason = fit_in_stages(FunctionStages(exact, 1), StageSettings(stages=6))
    assert reason == f"The residual after stage {len(records)} is rounding."
    assert records[-1].error < 1e-13
    field, records, reason = fit_in_stages(FunctionStages(exact, 1), StageSettings(stages=6, target=1e-3))
    assert (len(field.stages), len(records)) == (1, 1)
    assert reason == "The error is below the target of 1.0e-03."
    zero = FunctionStages(lambda x: 0 * x[:, 0], 1)
    assert fit_in_stages(zero, StageSettings())[1] == []


@pytest.mark.parametrize(
    ("size", "cycles", "planned"), [(1e-14, 150.0, False), (1e-14, 4.0, True), (1e-12, 150.0, True)]
)
def test_small_and_fast_is_rounding(size, cycles, planned):
    """A wave as residual: it is left alone only where it is both at rounding's size and fast, function or samples."""

    class Nearly(StagedField):
        def forward(self, points):
            return exact(points)[:, None] + size * torch.sin(2 * math.pi * cycles * points)

        def on_grid(self, axes):
            return self(axes[0][:, None])

    axis = -1 + 2 * torch.arange(4096, dtype=torch.float64) / 4096
    points, values = axis[:, None], exact(axis[:, None])[:, None]
    for job in (FunctionStages(exact, 1), SampleStages(points, values, axes=(axis,)), SampleStages(points, values)):
        plan = job.plan(Nearly(1, 1), StageConfig(kappa=5.0, width=20))
        assert (plan is not None) == planned
        if plan is not None:
            assert plan.frequency == pytest.approx(cycles, rel=0.3)


@pytest.mark.parametrize("refiner", ["levenberg", "lbfgs"])
@pytest.mark.parametrize("batch", [1, 5, 9, 14, 20])
def test_a_run_that_was_stopped_goes_on_in_its_stage(tmp_path, refiner, batch):
    """Oracle: a run that was not stopped, bit for bit; stages that were finished are not trained again."""
    settings = StageSettings(stages=2, width=8, adam_steps=6, refiner=refiner, refine_steps=3)

    class Counting(FunctionStages):
        batches, stop_at = 0, None

        def plan(self, found, config):
            plan, count = super().plan(found, config), self

            class Task(SignalTask):
                def losses(self, field, drawn):
                    if field.training:
                        count.batches += 1
                        if count.batches == count.stop_at:
                            signal.raise_signal(signal.SIGINT)
                    return super().losses(field, drawn)

                def residuals(self, field, drawn):
                    return super().residuals(field, drawn)

            return replace(plan, task=Task(plan.task.points, plan.task.target, plan.task.probe))

    def run(problem, path):
        folder = RunFolder.create(path, resume=True)
        folder.write_config({})
        return fit_in_stages(problem, settings, folder=folder, resume=True)[0]

    expected = run(Counting(exact, 1), tmp_path / "unbroken")
    stopped = Counting(exact, 1)
    stopped.stop_at = batch
    try:
        run(stopped, tmp_path / "stopped")
        interrupted = False
    except KeyboardInterrupt:
        interrupted = True
    assert interrupted or (refiner == "levenberg" and batch > 12)
    again = Counting(exact, 1)
    field = run(again, tmp_path / "stopped")
    for name, value in expected.state_dict().items():
        assert torch.equal(field.state_dict()[name], value), name
    once_more = Counting(exact, 1)
    run(once_more, tmp_path / "stopped")
    assert once_more.batches == 0


def test_wrong_settings_are_refused():
    for wrong, message in (
        ({"stages": 0}, "stages must be at least 1"),
        ({"refiner": "newton"}, "Unknown refiner"),
        ({"seconds": 0.0}, "seconds"),
        ({"width": 0}, "width"),
        ({"target": -1.0}, "target"),
    ):
        with pytest.raises(UserError, match=message):
            StageSettings(**wrong)
