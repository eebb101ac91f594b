"""Settings that make sense, learning rates in closed form, and the plan of evaluations."""

import itertools
import math
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.core.checks import UserError
from nfield.training.evaluation_plan import LARGEST_SHARE, LEAST_COUNT, EvaluationPlan, evaluation_steps
from nfield.training.settings import SCHEDULES, TrainingSettings, rate_factor

WRONG = [
    ({}, "no end"),
    ({"steps": None, "target_quality": 30.0}, "may never be reached"),
    ({"steps": -5}, "number of steps must be at least 0, but is -5"),
    ({"seconds": 0.0}, "seconds must be a positive"),
    ({"seconds": math.nan}, "seconds must be a positive"),
    ({"steps": 1, "optimizer": "adamm"}, "Did you mean 'adam"),
    ({"steps": 1, "schedule": "cosin"}, "Did you mean 'cosine'"),
    ({"steps": 1, "precision": "float8"}, "Unknown precision"),
    ({"steps": 1, "learning_rate": -1e-3}, "learning rate"),
    ({"steps": 1, "weight_decay": -1.0}, "weight decay"),
    ({"steps": 1, "betas": (0.9, 1.0)}, "betas"),
    ({"steps": 1, "epsilon": 0.0}, "Epsilon"),
    ({"steps": 1, "warmup_steps": -1}, "warm-up"),
    ({"steps": 1, "final_rate": 1.5}, "final rate"),
    ({"steps": 1, "final_rate": 0.0, "schedule": "exponential"}, "final rate"),
    ({"steps": 1, "ema": 1.0}, "moving average"),
    ({"steps": 1, "clip": -1.0}, "clipping"),
    ({"steps": 1, "checkpoint_seconds": -1.0}, "checkpoints"),
    ({"steps": 1, "evaluations": 1}, "evaluations"),
    ({"steps": 1, "optimizer": "lbfgs", "clip": 1.0}, "clip"),
    ({"steps": 1, "optimizer": "lbfgs", "weight_decay": 1.0}, "weight_decay"),
    ({"steps": 1, "optimizer": "lbfgs", "precision": "float16"}, "float16"),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_wrong_settings_are_refused_with_a_reason(options, message):
    with pytest.raises(UserError, match=message):
        TrainingSettings(**options)


def test_usual_rates():
    assert TrainingSettings(steps=1).rate == 1e-3
    assert TrainingSettings(steps=1, optimizer="lbfgs").rate == 1.0
    assert TrainingSettings(steps=1, learning_rate=0.5).rate == 0.5


@settings(deadline=None, max_examples=25)
@given(st.floats(0, 1), st.floats(0.001, 1))
def test_schedules_in_closed_form(progress, final):
    assert SCHEDULES["constant"](progress, final) == 1
    cosine = (1 + final) / 2 + (1 - final) / 2 * math.cos(math.pi * progress)
    assert SCHEDULES["cosine"](progress, final) == pytest.approx(cosine, rel=1e-12)
    exponential = math.exp(progress * math.log(final))
    assert SCHEDULES["exponential"](progress, final) == pytest.approx(exponential, rel=1e-12)


def test_warmup_rises_linearly_and_progress_is_cut_to_the_run():
    def factor(step, progress=0.0, warmup_steps=4):
        return rate_factor("cosine", progress=progress, final=0.1, step=step, warmup_steps=warmup_steps)

    assert [factor(step) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert factor(0, warmup_steps=0) == 1.0
    assert factor(9, progress=1.7) == pytest.approx(0.1)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6), st.integers(2, 100))
def test_evaluation_steps_are_few_early_and_spread_out(steps, count):
    chosen = evaluation_steps(steps, count)
    assert chosen == sorted(set(chosen))
    assert chosen[0] == 0
    assert chosen[-1] == steps
    assert len(chosen) <= count
    if count > 2 and steps > 1:
        assert chosen[1] == 1


def test_evaluation_steps_by_hand():
    assert evaluation_steps(1000, 5) == [0, 1, 10, 100, 1000]
    assert evaluation_steps(7, 2) == [0, 7]
    assert evaluation_steps(0, 10) == [0]
    assert evaluation_steps(3, 100) == [0, 1, 2, 3]


def run_plan(seconds, cost, count, start=0.0):
    """Simulated clock: times of evaluations that cost `cost` seconds each, between steps of no length."""
    plan, now, done = EvaluationPlan(steps=None, seconds=seconds, count=count), start, 0
    times = []
    while True:
        times.append(now / seconds)
        now += cost
        done += 1
        plan.evaluated(fraction=min(1.0, now / seconds), done=done, spent=done * cost, latest=cost)
        if now >= seconds or plan.next_fraction >= 1:
            return times
        now = max(now, plan.next_fraction * seconds * (1 + 1e-12))
        assert plan.due(0, now / seconds)


@settings(deadline=None, max_examples=50)
@given(st.floats(0.1, 1000), st.floats(1e-6, 0.1), st.integers(2, 100), st.floats(0, 0.5))
def test_timed_evaluations_stay_within_their_number_and_share(seconds, share, count, start):
    times = run_plan(seconds, share * seconds, count, start * seconds)
    # The one at the end comes on top of those before it.
    assert len(times) + 1 <= max(2, count)
    allowed = max(1.0, LARGEST_SHARE / share, LEAST_COUNT - 1 if share < LARGEST_SHARE / 2 else 0)
    assert len(times) <= allowed * (1 + 1e-9)
    assert times == sorted(times)


def test_timed_evaluations_are_spread_by_equal_ratios():
    times = run_plan(100.0, 1e-9, 12)
    assert times[0] == 0
    assert times[1] == pytest.approx(0.01)
    ratios = [later / earlier for earlier, later in itertools.pairwise(times[1:])]
    assert len(times) == 11
    assert ratios == pytest.approx([100 ** (1 / 10)] * len(ratios), rel=1e-6)


def test_with_steps_the_plan_is_a_list_whatever_evaluations_cost():
    plan = EvaluationPlan(steps=100, seconds=1.0, count=4)
    plan.evaluated(fraction=0.9, done=1, spent=0.9, latest=0.9)
    assert [step for step in range(101) if plan.due(step, 0.95)] == [0, 1, 10, 100]


def test_a_run_from_before_a_setting_was_there_had_what_is_usual_now() -> None:
    """Oracle: the settings of an older version, made by leaving the newer ones out."""
    saved = asdict(TrainingSettings(steps=10))
    del saved["polish"], saved["polisher"]
    TrainingSettings(steps=20).refuse_other(saved)
    # A run that goes on with more steps may be polished over another share of them, but not by another optimiser.
    TrainingSettings(steps=10, polish=0.5).refuse_other(saved)
    with pytest.raises(UserError, match=r"polisher = lbfgs, and cannot be resumed with levenberg"):
        TrainingSettings(steps=10, polisher="levenberg").refuse_other(saved)
