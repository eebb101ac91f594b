"""Settings of a training run, and the learning rate over it, as a factor on the rate that was set.

progress: share of the run that is done, in [0, 1].  final: factor at the end of the run.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

from nfield.core.checks import UserError, at_least, choice, positive, within
from nfield.training.optimizers import OPTIMIZERS, SEARCHING, USUAL_RATES
from nfield.training.precision import PRECISION_NAMES

STOPS = ("steps", "seconds", "target_quality")
FREE_ON_RESUME = (*STOPS, "checkpoint_seconds", "evaluations", "polish")
"""Settings that may differ when a run is continued."""


def constant(progress: float, final: float) -> float:
    """1 throughout."""
    return 1.0


def cosine(progress: float, final: float) -> float:
    """Half a cosine from 1 down to `final` (Loshchilov & Hutter 2017, without restarts)."""
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress))


def exponential(progress: float, final: float) -> float:
    """Equal ratios in equal times, from 1 down to `final`."""
    return final**progress


SCHEDULES: dict[str, Callable[[float, float], float]] = {
    "constant": constant,
    "cosine": cosine,
    "exponential": exponential,
}


def rate_factor(schedule: str, *, progress: float, final: float, step: int, warmup_steps: int) -> float:
    """Factor on the learning rate at `step` (from 0): the schedule, times a linear rise over the warm-up."""
    warmup = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    return warmup * SCHEDULES[schedule](min(max(progress, 0.0), 1.0), final)


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How long and in which manner to train. Steps, seconds or both end the run, whichever comes first."""

    steps: int | None = None
    """Optimiser steps to take; runs that are limited by steps alone are repeatable."""
    seconds: float | None = None
    """Time budget; it counts everything, evaluations included."""
    target_quality: float | None = None
    """Stop at the first evaluation that reaches this quality (for images: PSNR in dB)."""
    optimizer: str = "adam"
    """adam, adamw, muon (orthogonalised momentum for hidden layers, Adam for the rest), lbfgs, or levenberg
    (Levenberg-Marquardt: small networks, tasks with residuals)."""
    learning_rate: float | None = None
    """Step size; the optimiser's usual one where none is given."""
    weight_decay: float = 0.0
    """Pull of the weights towards zero; decoupled from the gradient for adamw and muon."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Adam's decay rates of the mean and of the squares."""
    epsilon: float = 1e-15
    """Adam's guard against division by zero; small, so that rarely touched features still learn."""
    schedule: str = "cosine"
    """Learning rate over the run: constant, cosine or exponential."""
    warmup_steps: int = 0
    """Steps over which the learning rate rises to its value."""
    final_rate: float = 0.01
    """Learning rate at the end, as a share of that at the start."""
    ema: float = 0.0
    """Decay of the moving average of the weights that is evaluated and saved; 0 switches it off."""
    polish: float = 0.0
    """Share of the run, at its end, in which `polisher` takes over on more points; 0 is none."""
    polisher: str = "lbfgs"
    """Optimiser of that share: lbfgs or levenberg."""
    clip: float = 0.0
    """Largest norm of the gradient, longer ones are shortened to it; 0 switches this off."""
    precision: str = "auto"
    """auto, float32, bfloat16, float16 or float64; auto takes bfloat16 where it is measured to be clearly faster, and
    float32 where the run is limited by `steps` alone, so that it repeats."""
    checkpoint_seconds: float = 60.0
    """Time between checkpoints."""
    evaluations: int = 40
    """How often to evaluate, in ever longer distances; fewer where a time budget would suffer."""

    def __post_init__(self) -> None:
        if self.steps is None and self.seconds is None:
            target = "" if self.target_quality is None else " The target quality may never be reached."
            raise UserError(f"Training has no end: give a number of steps, or of seconds, or both.{target}")
        if self.steps is not None:
            at_least(self.steps, 0, "The number of steps")
        if self.seconds is not None:
            positive(self.seconds, "The number of seconds")
        choice(self.optimizer, OPTIMIZERS, "optimizer")
        choice(self.schedule, SCHEDULES, "schedule")
        choice(self.precision, PRECISION_NAMES, "precision")
        if self.learning_rate is not None:
            positive(self.learning_rate, "The learning rate")
        at_least(self.weight_decay, 0, "The weight decay")
        for beta in self.betas:
            if not 0 <= beta < 1:
                raise UserError(f"Both betas must be at least 0 and below 1, but are {self.betas}.")
        positive(self.epsilon, "Epsilon")
        at_least(self.warmup_steps, 0, "The number of warm-up steps")
        within(self.final_rate, 0, 1, "The final rate")
        if self.schedule == "exponential":
            positive(self.final_rate, "The final rate of the exponential schedule")
        if not 0 <= self.ema < 1:
            raise UserError(f"The decay of the moving average must be at least 0 and below 1, but is {self.ema}.")
        at_least(self.clip, 0, "The clipping norm")
        if not 0 <= self.polish < 1:
            raise UserError(f"The share of polishing must be at least 0 and below 1, but is {self.polish}.")
        choice(self.polisher, SEARCHING, "polisher")
        at_least(self.checkpoint_seconds, 0, "The time between checkpoints")
        at_least(self.evaluations, 2, "The number of evaluations")
        if self.optimizer in SEARCHING:
            for name, value in (("clip", self.clip), ("weight_decay", self.weight_decay)):
                if value:
                    raise UserError(
                        f"{self.optimizer} searches along its own direction and takes no {name}, but it is {value}."
                    )
            if self.precision == "float16" or (self.precision, self.optimizer) == ("bfloat16", "levenberg"):
                raise UserError(
                    f"{self.optimizer} cannot work in {self.precision}. Use float32 or float64, or another optimizer."
                )

    def stops_like(self, saved: dict[str, Any]) -> bool:
        """Whether a run with the settings `saved` would end where one with these does."""
        return all(saved[name] == getattr(self, name) for name in STOPS)

    def refuse_other(self, saved: dict[str, Any]) -> None:
        """Raise UserError where a run with the settings `saved` cannot be continued with these.

        A run from before a setting was there had what is usual now.
        """
        usual = {field.name: field.default for field in fields(self)}
        for name, value in asdict(self).items():
            before = saved.get(name, usual[name])
            if name not in FREE_ON_RESUME and before != value:
                raise UserError(
                    f"The run was started with {name} = {before}, and cannot be resumed with {value}. "
                    "Resume it with the settings it had, or start a new one in another folder."
                )

    @property
    def rate(self) -> float:
        """The learning rate, the optimiser's usual one where none was given."""
        return USUAL_RATES[self.optimizer] if self.learning_rate is None else self.learning_rate

    def rate_at(self, fraction: float, step: int, *, polishing: bool = False) -> float:
        """The learning rate where `fraction` of the run is done, after so many steps."""
        if polishing:
            return USUAL_RATES[self.polisher]
        factor = rate_factor(
            self.schedule,
            progress=min(1.0, fraction / (1 - self.polish)),
            final=self.final_rate,
            step=step,
            warmup_steps=self.warmup_steps,
        )
        return self.rate * factor
