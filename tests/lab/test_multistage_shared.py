"""The row of stages in the common table. Oracles: counts by hand, and runs made for the purpose."""

import numpy as np
import pytest

from nfield.lab import Setting
from nfield.lab.cures.cures import figures_of
from nfield.lab.cures.multistage_shared import NAME, Run, in_stages, in_steps, shared_comparisons
from nfield.lab.cures.targets import SIZES, photograph, signal
from nfield.training.stages import StageSettings

QUICK = SIZES.of("quick")
SHORT = StageSettings(stages=2, width=8, adam_steps=3, refine_steps=2)


def made(target_truth: np.ndarray, work: list[float], shares: list[float]) -> Run:
    """A run whose output is a share of the truth after each stage."""
    return Run(work=work, outputs=[share * target_truth for share in shares], parameters=len(work), error=1.0)


def test_work_is_told_in_steps_of_the_plain_network_rounded_up() -> None:
    """128 samples and 10 numbers: a step is 7,680 operations. What ends after the last of 40 steps does not count."""
    target = signal(Setting(), QUICK)
    one = made(target.truth, [7680.0, 7681.0 * 2, 7680.0 * 41], [0.0, 0.5, 0.9, 1.0])
    two = made(target.truth, [3 * 7680.0], [0.0, 0.75])
    found = in_steps([one, two], target, SHORT, 10)
    assert found.steps == [0, 1, 3, 40]
    np.testing.assert_allclose(target.pooled(found.errors[:, 0]), [1, 0.5, 0.1, 0.1], rtol=1e-5)
    np.testing.assert_allclose(target.pooled(found.errors[:, 1]), [1, 1, 0.25, 0.25], rtol=1e-5)
    np.testing.assert_allclose(found.final[0], 0.9 * target.truth)
    assert found.parameters == 3
    assert found.rate is None


@pytest.mark.parametrize("make", [signal, photograph])
def test_what_is_looked_at_is_what_was_fitted(make) -> None:
    """A stage lowers the error on the probe, which holds every sample, as much as on the samples held out, roughly."""
    target = make(Setting(), QUICK)
    found = in_stages(target, SHORT, 0, Setting(size="quick"))
    assert len(found.outputs) == len(found.work) + 1
    assert not found.outputs[0].any()
    error = np.linalg.norm(found.outputs[-1] - target.truth) / np.linalg.norm(target.truth)
    assert error < 1
    assert error == pytest.approx(found.error, rel=0.5)


def test_figures_have_the_keys_of_the_common_table() -> None:
    found = figures_of(shared_comparisons(Setting(size="quick"), SHORT))
    assert set(found["targets"]) == {"signal", "photograph"}
    for one in found["targets"].values():
        plain, stages = one["networks"]["plain"], one["networks"][NAME]
        assert set(plain) == set(stages)
        assert plain["parameters"] >= stages["parameters"]
        assert stages["learning_rate"] is None
        assert len(stages["speed_up"]) == QUICK.seeds
