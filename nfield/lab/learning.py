"""Training of ensembles on fixed samples, measured on the way: the laboratory's one loop.

Every member minimises the mean squared error over its samples. Fields of the jobs are trained by `nfield.training`;
here all samples are in every step and nothing else happens, so that what is seen is the network's own doing.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

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
AtStep = Callable[[int, Ensemble], None]


def record_steps(steps: int, count: int = 40) -> list[int]:
    """Steps to measure at: 0, then ever farther apart up to the last."""
    spread = np.unique(np.geomspace(1, max(steps, 1), count).round().astype(int))
    return [0, *(int(step) for step in spread if step <= steps)]


def learn(
    ensemble: Ensemble,
    points: Float[torch.Tensor, "n d"] | Float[torch.Tensor, "members n d"],
    values: Float[torch.Tensor, "n c"] | Float[torch.Tensor, "members n c"],
    *,
    steps: int,
    rate: float | Sequence[float],
    optimizer: Literal["adam", "descent", "lbfgs"] = "adam",
    schedule: Literal["constant", "cosine"] = "constant",
    record: Sequence[int] = (),
    at_step: AtStep | None = None,
    setting: Setting | None = None,
    name: str = "training",
) -> Float[torch.Tensor, " members"]:
    """Train in place, at one rate or each member at its own; `at_step` is called with the step and the ensemble at each
    step of `record`.

    Returns the members' mean squared errors at the end. L-BFGS trains one member after the other, since its line search
    would tie them together; `at_step` then gets all members at each step all the same.
    Raises RunError where an error is no longer finite; with rates of their own, where all are not.
    """
    choice(optimizer, OPTIMIZERS, "optimizer")
    own_rates = not isinstance(rate, (int, float))
    rates = torch.tensor(rate, dtype=torch.float64).expand(ensemble.count)
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
            if step in wanted and at_step is not None:
                at_step(step, ensemble)
            if step == steps:
                break
            share = step / steps
            errors = step_once(rates * (0.5 * (1 + math.cos(math.pi * share)) if schedule == "cosine" else 1.0))
            if step % 50 == 0 or step + 1 == steps:
                finite = errors.isfinite()
                if not bool(finite.any() if own_rates else finite.all()):
                    raise RunError(
                        f"{name}: the error is no longer finite at step {step}; the rate {rates.min():g} is too high."
                    )
                if progress is not None:
                    error = float(errors[finite].mean())
                    progress.update(step=step + 1, fraction=(step + 1) / steps, loss=error, quality=None)
    finally:
        if progress is not None:
            progress.finish()
    with torch.no_grad():
        return (ensemble(points) - values).square().flatten(1).mean(1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Followed:
    """A training that was measured on its way."""

    steps: list[int]
    seen: np.ndarray
    """What was measured, by step."""
    errors: Float[torch.Tensor, " members"]
    """Mean squared errors at the end."""
    rate: float
    ensemble: Ensemble


def follow(
    ensemble: Ensemble,
    points: Float[torch.Tensor, "n d"] | Float[torch.Tensor, "members n d"],
    values: Float[torch.Tensor, "n c"] | Float[torch.Tensor, "members n c"],
    measure: Callable[[Ensemble], Any],
    *,
    rate: float,
    record: Sequence[int],
    **training: Any,
) -> Followed:
    """Train as `learn` does, and measure the ensemble at each step of `record`."""
    steps: list[int] = []
    seen: list[Any] = []

    def at_step(step: int, now: Ensemble) -> None:
        steps.append(step)
        seen.append(measure(now))

    errors = learn(ensemble, points, values, rate=rate, record=record, at_step=at_step, **training)
    return Followed(steps=steps, seen=np.array(seen), errors=errors, rate=rate, ensemble=ensemble)


def follow_tuned(
    network: BackboneConfig,
    points: Float[torch.Tensor, "n d"] | Float[torch.Tensor, "members n d"],
    values: Float[torch.Tensor, "n c"] | Float[torch.Tensor, "members n c"],
    measure: Callable[[Ensemble], Any],
    setting: Setting,
    *,
    seeds: int,
    trial: Mapping[str, Any],
    gain: float = 1.0,
    **training: Any,
) -> Followed:
    """Find the best rate, as `tuned_rate` does with `trial`, and follow a training of so many seeds at it.

    Where members have samples of their own, the rate is that of the first one's.
    """
    x, y = (each[0] if each.ndim == 3 else each for each in (points, values))
    rate = tuned_rate(network, x, y, setting, **trial).rate
    ensemble = Ensemble(
        network, points.shape[-1], values.shape[-1], setting.seeds(seeds), dtype=points.dtype, gain=gain,
        device=setting.device,
    )  # fmt: skip
    return follow(ensemble, points, values, measure, rate=rate, setting=setting, **training)


def _first_order(
    ensemble: Ensemble, points: torch.Tensor, values: torch.Tensor, kind: Callable[..., torch.optim.Optimizer]
) -> Callable[[torch.Tensor], torch.Tensor]:
    """A step of all members at their rates, which gives their errors before it."""
    parameters = list(ensemble.parameters.values())
    chosen = kind(parameters)

    def step_once(rates: torch.Tensor) -> torch.Tensor:
        highest = float(rates.max())
        _set_rate(chosen, highest)
        chosen.zero_grad(set_to_none=True)
        errors = (ensemble(points) - values).square().flatten(1).mean(1)
        errors.sum().backward()
        alike = bool((rates == highest).all())
        before = [] if alike else [p.detach().clone() for p in parameters]
        chosen.step()
        if not alike:
            # Steps are in proportion to the rate: all take that of the highest, and then their share of it.
            with torch.no_grad():
                for parameter, old in zip(parameters, before, strict=True):
                    shares = (rates / highest).to(old).view(-1, *[1] * (old.ndim - 1))
                    parameter.copy_(old + shares * (parameter - old))
        return errors.detach()

    return step_once


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _lbfgs(ensemble: Ensemble, points: torch.Tensor, values: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
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

    def step_once(rates: torch.Tensor) -> torch.Tensor:
        errors = []
        for row, (own, chosen) in enumerate(members):
            _set_rate(chosen, float(rates[row]))
            alone = ensemble.member(row)
            x = points[row : row + 1] if points.ndim == 3 else points
            y = values[row : row + 1] if values.ndim == 3 else values

            def closure(own=own, chosen=chosen, alone=alone, x=x, y=y) -> torch.Tensor:
                chosen.zero_grad(set_to_none=True)
                error = (alone(own, x) - y).square().mean()
                error.backward()
                return error

            errors.append(chosen.step(closure).detach())
            with torch.no_grad():
                for name, value in own.items():
                    ensemble.parameters[name][row].copy_(value[0])
        return torch.stack(errors)

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

    With several `seeds` their mean error counts, so that a rate at which one of them diverges is never chosen. The
    middle three rates are tried first, in one ensemble, and others as long as the outermost of those tried is the best.
    """
    ascending = sorted(rates)
    least = max(0, len(ascending) // 2 - 1)
    errors: dict[float, float] = {}
    wanted = ascending[least : least + 3]
    while wanted:
        errors |= _errors_at(
            wanted, config, points, values, list(setting.seeds(seeds)), steps=steps, optimizer=optimizer,
            schedule=schedule,
        )  # fmt: skip
        best = ascending.index(min(errors, key=errors.__getitem__))
        wanted = [rate for rate in ascending[max(0, best - 1) : best + 2] if rate not in errors]
    return Tuned(rate=ascending[best], errors=errors)


def _errors_at(
    rates: Sequence[float],
    config: BackboneConfig,
    points: torch.Tensor,
    values: torch.Tensor,
    seeds: Sequence[int],
    **training: Any,
) -> dict[float, float]:
    """The mean error of all seeds after training at each rate, infinite where one diverges."""
    members = [(rate, seed) for rate in rates for seed in seeds]
    trial = Ensemble(
        config,
        points.shape[-1],
        values.shape[-1],
        [seed for _, seed in members],
        dtype=points.dtype,
        device=points.device,
    )
    try:
        found = learn(trial, points, values, rate=[rate for rate, _ in members], **training)
    except RunError:
        return dict.fromkeys(rates, math.inf)
    means = found.view(len(rates), -1).mean(1).nan_to_num(nan=math.inf)
    return dict(zip(rates, means.tolist(), strict=True))
