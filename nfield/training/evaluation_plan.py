"""When to evaluate: often at first, while low frequencies are learned, then in ever longer distances."""

import math

import numpy as np

FIRST_FRACTION = 0.01
"""Of the time budget: earliest evaluation after that of the untrained field."""
LARGEST_SHARE = 0.04
"""Of the time budget that evaluations may take."""
LEAST_COUNT = 6
"""Evaluations in a time budget that each of them takes little of."""


def evaluation_steps(steps: int, count: int) -> list[int]:
    """At most `count` steps at which to evaluate: 0, and from 1 to `steps` in equal ratios."""
    between = np.geomspace(1, max(steps, 1), num=max(count - 1, 1))[:-1].round().astype(int).tolist()
    return sorted({0, steps, *(step for step in between if step < steps)})


class EvaluationPlan:
    """Says when an evaluation is due.

    With a number of steps the plan is a fixed list of steps. With a time budget alone it is a fraction of
    the budget, moved further away where evaluations would take more than their share of the time.
    """

    def __init__(self, *, steps: int | None, seconds: float | None, count: int):
        self.count, self.seconds = count, seconds
        self.steps = None if steps is None else frozenset(evaluation_steps(steps, count))
        self.next_fraction = 0.0

    def due(self, step: int, fraction: float) -> bool:
        """Whether to evaluate after `step`, with `fraction` of the budget used up."""
        return step in self.steps if self.steps is not None else fraction >= self.next_fraction

    def evaluated(self, *, fraction: float, done: int, spent: float, latest: float) -> None:
        """Plan on: `done` evaluations have taken `spent` seconds in all, and the latest one `latest`."""
        if self.steps is not None or self.seconds is None:
            return
        affordable = math.floor((LARGEST_SHARE * self.seconds - spent) / max(latest, 1e-9))
        if latest < LARGEST_SHARE / 2 * self.seconds:  # a course of training needs a few points to be seen at all
            affordable = max(affordable, LEAST_COUNT - done)
        remaining = max(1, min(self.count - done, affordable))
        if remaining == 1:
            self.next_fraction = 1.0
        elif done == 1:  # set-up may have used up a part of the budget before the first
            self.next_fraction = min(1.0, fraction + FIRST_FRACTION)
        else:
            self.next_fraction = min(1.0, fraction ** (1 - 1 / remaining))
