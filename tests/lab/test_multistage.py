"""Stages beside plain networks. Oracles: counts by hand, and figures that were made to break one part of the claim."""

import copy

import numpy as np
import pytest
import torch

from nfield.jobs.signal.stages import FunctionStages
from nfield.jobs.signal.task import relative_l2
from nfield.lab import Setting
from nfield.lab.cures.multistage import LEVELS, SIZES, TARGETS, Staged, checks, in_stages
from nfield.lab.cures.stage_work import stage_work
from nfield.training.stages import StageRecord, StageSettings


def record(error: float, *, kept: bool = True) -> StageRecord:
    """A stage of 3 neurons, 10 trained numbers and 7 samples."""
    return StageRecord(
        stage=1, kept=kept, error=error, scale=1.0, frequency=1.0, kappa=6.0, width=3, parameters=10, samples=7,
        per_half_wave=3.0, refiner="levenberg", seconds=0.0, notes=(),
    )  # fmt: skip


def test_operations_by_hand() -> None:
    """A pass 6 · 7 · 10 = 420; last layer of 4 numbers 168 + 448 + 1408; a step of second order 420 + 1400 + 1000/3."""
    settings = StageSettings(adam_steps=5, refine_steps=3)
    assert stage_work(record(1.0), settings) == pytest.approx(5 * 420 + 2024 + 3 * (1820 + 1000 / 3))


def test_gains_count_kept_stages_down_to_rounding() -> None:
    records = [record(1e-3), record(1e-15), record(5e-16), record(6e-16, kept=False)]
    one = Staged(records=records, residuals=[], bands=[], work=[], single=1.0, seconds=0.0)
    assert one.errors == [1e-3, 1e-15, 5e-16]
    assert one.gains == pytest.approx([1e3, 1e12])


def test_the_rest_after_each_stage_is_what_the_next_one_gets() -> None:
    """The root mean square of the rest is the next stage's ε (other points), and the last one is the error."""
    problem = FunctionStages(TARGETS["chirp"], 1)
    one = in_stages(problem, SIZES.of("quick").stages, 3, Setting(size="quick", seed=3))
    kept = [r for r in one.records if r.kept]
    assert len(one.residuals) == len(kept) + 1 == len(one.bands) + 1
    sizes = [float(np.sqrt(np.mean(residual**2))) for residual in one.residuals]
    assert [r.scale for r in kept] == pytest.approx(sizes[: len(kept)], rel=0.3)
    truth = problem.probe.grid_values
    assert truth is not None
    left = torch.from_numpy(one.residuals[-1])[:, None]
    assert relative_l2(truth - left, truth) == pytest.approx(one.errors[-1], rel=0.05)


GOOD = {
    "errors": [1e-14],
    "plain_errors": [1e-6],
    "gains_least": [20.0],
    "ratios": [1e8],
    "single_ratios": [20.0],
    "work": [5.0],
    "plain_work": 6.0,
    "parameters": [9],
    "plain_parameters": 10,
    "levels": list(LEVELS),
}


@pytest.mark.parametrize(
    ("target", "key", "value", "part"),
    [
        ("smooth", "errors", [1e-14, 2e-13], "ends"),
        ("smooth", "plain_errors", [1e-9, 1e-6], "stalls"),
        ("smooth", "gains_least", [20.0, 9.0], "gains"),
        ("chirp", "ratios", [1e8, 900.0], "ratios"),
        ("chirp", "single_ratios", [20.0, 2.0], "singles"),
        ("chirp", "plain_work", 4.0, "fair"),
        ("chirp", "plain_parameters", 8, "fair"),
    ],
)
def test_every_part_of_the_claim_can_fail(target: str, key: str, value: object, part: str) -> None:
    figures = {"smooth": copy.deepcopy(GOOD), "chirp": copy.deepcopy(GOOD)}
    assert all(checks(figures).values())
    figures[target][key] = value
    assert [name for name, holds in checks(figures).items() if not holds] == [part]
