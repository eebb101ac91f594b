"""Training of ensembles on fixed samples, looked at on the way: the laboratory's one loop.

Every member minimises the mean squared error over its samples. Fields of the jobs are trained by `nfield.training`;
here all samples are in every step and nothing else happens, so that what is seen is the network's own doing.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from nfield.backbones import BackboneConfig
from nfield.core.checks import RunError, choice
from nfield.lab.ensemble import Ensemble
from nfield.lab.experiment import Setting

FIRST_ORDER: dict[str, Callable[..., torch.optim.Optimizer]] = {"adam": torch.optim.Adam, "descent": torch.optim.SGD}
OPTIMIZERS = (*FIRST_ORDER, "lbfgs")
LINE_SEARCH_STEPS = 5
"""Inner steps of L-BFGS for each step that is counted."""
Look = Callable[[int, Ensemble], None]


def record_steps(steps: int, count: int = 40) -> list[int]:
    """Steps to look at: 0, then ever farther apart up to the last."""
    spread = np.unique(np.geomspace(1, max(steps, 1), count).round().astype(int))
    return [0, *(int(step) for step in spread if step <= steps)]


def learn(
    ensemble: Ensemble,
    points: Float[torch.Tensor, "n d"] | Float[torch.Tensor, "members n d"],
    values: Float[torch.Tensor, "n c"] | Float[torch.Tensor, "members n c"],
    *,
    steps: int,
    rate: float,
    optimizer: Literal["adam", "descent", "lbfgs"] = "adam",
    schedule: Literal["constant", "cosine"] = "constant",
    record: Sequence[int] = (),
    look: Look | None = None,
    setting: Setting | None = None,
    name: str = "training",
) -> Float[torch.Tensor, " members"]:
    """Train in place; `look` is called with the step and the ensemble at each step of `record`.

    Returns the members' mean squared errors at the end. L-BFGS trains one member after the other, since its line search
    would tie them together; `look` then sees all members at each step all the same.
    Raises RunError where the error of all members is no longer finite.
    """
    choice(optimizer, OPTIMIZERS, "optimizer")
    progress = None if setting is None else setting.progress
    wanted = set(record)
    if progress is not None:
        progress.start(name)
    try:
        step_once = (
            _lbfgs(ensemble, points, values)
            if optimizer == "lbfgs"
            else _first_order(ensemble, points, values, FIRST_ORDER[optimizer])
        )
        for step in range(steps + 1):
            if step in wanted and look is not None:
                look(step, ensemble)
            if step == steps:
                break
            share = step / steps
            error = step_once(rate * (0.5 * (1 + math.cos(math.pi * share)) if schedule == "cosine" else 1.0))
            if step % 50 == 0 or step + 1 == steps:
                if not math.isfinite(error):
                    raise RunError(
                        f"{name}: the error is no longer finite at step {step}; the rate {rate:g} is too high."
                    )
                if progress is not None:
                    progress.update(step=step + 1, fraction=(step + 1) / steps, loss=error, quality=None)
    finally:
        if progress is not None:
            progress.finish()
    with torch.no_grad():
        return (ensemble(points) - values).square().flatten(1).mean(1)


def _first_order(
    ensemble: Ensemble, points: torch.Tensor, values: torch.Tensor, kind: Callable[..., torch.optim.Optimizer]
) -> Callable[[float], float]:
    """A step of all members at a rate, which gives their mean error before it."""
    chosen = kind(list(ensemble.parameters.values()))

    def step_once(rate: float) -> float:
        _set_rate(chosen, rate)
        chosen.zero_grad(set_to_none=True)
        errors = (ensemble(points) - values).square().flatten(1).mean(1)
        errors.sum().backward()
        chosen.step()
        return float(errors.detach().mean())

    return step_once


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _lbfgs(ensemble: Ensemble, points: torch.Tensor, values: torch.Tensor) -> Callable[[float], float]:
    """The same by L-BFGS, member by member."""
    members = []
    for row in range(ensemble.count):
        own = {
            name: value.detach()[row : row + 1].clone().requires_grad_(True)
            for name, value in ensemble.parameters.items()
        }
        chosen = torch.optim.LBFGS(
            list(own.values()), max_iter=LINE_SEARCH_STEPS, history_size=50, line_search_fn="strong_wolfe"
        )
        members.append((own, chosen))

    def step_once(rate: float) -> float:
        total = 0.0
        for row, (own, chosen) in enumerate(members):
            _set_rate(chosen, rate)
            alone = ensemble.member(row)
            x = points[row : row + 1] if points.ndim == 3 else points
            y = values[row : row + 1] if values.ndim == 3 else values

            def closure(own=own, chosen=chosen, alone=alone, x=x, y=y) -> torch.Tensor:
                chosen.zero_grad(set_to_none=True)
                error = (alone(own, x) - y).square().mean()
                error.backward()
                return error

            total += float(chosen.step(closure).detach())
            with torch.no_grad():
                for name, value in own.items():
                    ensemble.parameters[name][row].copy_(value[0])
        return total / len(members)

    return step_once


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """The rate that a kind of network learns best with, and what each rate led to."""

    rate: float
    errors: dict[float, float]


def tuned_rate(
    config: BackboneConfig,
    points: Float[torch.Tensor, "n d"],
    values: Float[torch.Tensor, "n c"],
    setting: Setting,
    *,
    rates: Sequence[float] = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
    steps: int = 200,
    optimizer: Literal["adam", "descent", "lbfgs"] = "adam",
    schedule: Literal["constant", "cosine"] = "constant",
    seeds: int = 1,
) -> Tuned:
    """Out of some rates the one with the least error after a short training: the same search for every network.

    With several `seeds` their mean error counts, so that a rate at which one of them diverges is never chosen.
    """
    errors: dict[float, float] = {}
    for rate in rates:
        trial = Ensemble(
            config, points.shape[-1], values.shape[-1], setting.seeds(seeds), dtype=points.dtype, device=points.device
        )
        try:
            found = learn(trial, points, values, steps=steps, rate=rate, optimizer=optimizer, schedule=schedule)
            errors[rate] = float(found.mean().nan_to_num(nan=math.inf))
        except RunError:
            errors[rate] = math.inf
    return Tuned(rate=min(errors, key=errors.__getitem__), errors=errors)
