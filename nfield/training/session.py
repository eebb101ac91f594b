"""One run of training: its state and the parts of a step. `loop.fit` puts them in order."""

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, replace
from typing import Any, TypeVar

import torch

from nfield.core.checks import RunError, UserError
from nfield.core.device import parameter_dtype
from nfield.io.run_folder import RunFolder
from nfield.training.evaluation_plan import EvaluationPlan
from nfield.training.optimizers import REMEMBERING, SEARCHING, AdamOptions, Updater
from nfield.training.precision import autocast, choose_precision, copy_for_measuring, loss_scaler
from nfield.training.progress import Progress
from nfield.training.result import TrainingResult, history_line
from nfield.training.row_jacobians import least_squares
from nfield.training.settings import TrainingSettings
from nfield.training.stage_switch import StageSwitch
from nfield.training.state import MovingAverage, TrainingState
from nfield.training.task import FinishingTask, PolishableTask, ScheduledTask, Task, move

LARGEST_FAILURES = 3
"""Non-finite losses after which a run gives up."""
GOOD_STATE_STEPS = 500
"""Steps after which the state to fall back to is renewed, unless an evaluation has done so."""
ACCELERATOR_CHECK_STEPS = 16
"""Steps between checks of the loss on devices that run ahead of the CPU, which each check stops."""
SHOWN_SECONDS = 0.2
"""Time between updates of what is shown."""
LARGEST_CHECKPOINT_SHARE = 0.05
"""Of the time that saving checkpoints may take."""

Result = TypeVar("Result")


class TrainingSession:
    """The parts of one run of `fit`; the order of things is in `fit`."""

    def __init__(
        self,
        field: torch.nn.Module,
        task: Task,
        settings: TrainingSettings,
        generator: torch.Generator,
        run: str,
        folder: RunFolder | None,
        progress: Progress,
        started: float | None,
        device: torch.device | str | None,
    ):
        self.started = time.perf_counter() if started is None else started
        self.task, self.settings, self.generator, self.run = task, settings, generator, run
        self.folder, self.progress = folder, progress
        self.scheduled = task if isinstance(task, ScheduledTask) else None
        self.stages = StageSwitch(field, task)
        here = next((p.device for p in field.parameters()), torch.device("cpu"))
        self.device = here if device is None else torch.device(device)
        self.dtype = parameter_dtype(settings.precision)
        self.field: Any = field.to(device=self.device, dtype=self.dtype).train()
        self.plan = EvaluationPlan(steps=settings.steps, seconds=settings.seconds, count=settings.evaluations)
        self.history: list[dict[str, Any]] = []
        self.elapsed_before = 0.0
        self.finished, self.prepared = False, False
        self.health: torch.Tensor | None = None
        self.terms: dict[str, torch.Tensor] = {}
        self.shown_at = -math.inf
        self.saved_at, self.save_seconds = time.perf_counter(), 0.0

    # Beginning ----------------------------------------------------------------------------------------

    def take_up(self) -> bool:
        """Go back to the folder's newest checkpoint; True if the run has finished."""
        if self.folder is None:
            raise UserError("There is nothing to resume: the run has no folder.")
        checkpoint = self.folder.load_checkpoint(self.run)
        if checkpoint is None:
            self.folder.truncate_history(self.run, 0)
            self.folder.remove_snapshots(self.run, after_step=-1)
            return False
        saved = checkpoint.state
        self.settings.refuse_other(saved["settings"])
        self._prepare(saved["precision"])
        if saved["training"]["counters"].get("polished_from") is not None:
            self._take_polisher()
        self.state.load_state_dict(saved["training"])
        self.generator.set_state(saved["generator"])
        counters = self.state.counters
        self.history = self.folder.truncate_history(self.run, counters.evaluations)
        self.folder.remove_snapshots(self.run, after_step=counters.evaluated_step)
        self.elapsed_before = counters.elapsed
        self.plan.next_fraction = counters.next_fraction
        self.finished = saved["finished"] and self.settings.stops_like(saved["settings"])
        if self.finished:
            self._leave_average()
        return self.finished

    def begin(self) -> None:
        """Choose the precision, and evaluate the untrained field."""
        if not self.prepared:
            self._prepare(self._choose_precision())
        if self.state.counters.evaluated_step < 0:
            self.evaluate()
            self.state.mark_good()

    def _updater(self, field: Any, scaler: Any) -> Updater:
        settings = self.settings
        options = AdamOptions(weight_decay=settings.weight_decay, betas=settings.betas, epsilon=settings.epsilon)
        groups = field.parameter_groups()
        return Updater(groups, settings.optimizer, options, clip=settings.clip, scaler=scaler)

    def _prepare(self, precision: str) -> None:
        self.precision = precision
        updater = self._updater(self.field, loss_scaler(precision, self.device))
        average = MovingAverage(self.field, self.settings.ema) if self.settings.ema else None
        self.state = TrainingState(self.field, updater, average)
        self.prepared = True

    def _choose_precision(self) -> str:
        settings = self.settings
        if settings.precision != "auto":
            return settings.precision
        # Runs of so many steps repeat bit for bit, which what a clock says does not; a line search needs exact losses.
        measured = settings.seconds is not None and settings.optimizer not in SEARCHING and not settings.polish
        return choose_precision(self.device, self._trial_step if measured else None)

    def _trial_step(self, precision: str) -> Callable[[], None]:
        field, generator = copy_for_measuring(self.field, self.generator)
        updater = self._updater(field, None)
        batch = self._batch(generator)

        def step() -> None:
            self._update(updater, field, batch, precision, 0.0)

        return step

    # Training -----------------------------------------------------------------------------------------

    def fraction(self) -> float:
        """Share of the run that is done, in steps or in time, whichever is further."""
        settings, counters = self.settings, self.state.counters
        fractions = [0.0]
        if settings.steps is not None:
            fractions.append(counters.step / settings.steps if settings.steps else 1.0)
        if settings.seconds is not None:
            # The last evaluation comes after the last step and belongs to the budget too.
            reserve = min(counters.evaluation_seconds, settings.seconds / 2)
            fractions.append(self.elapsed() / (settings.seconds - reserve))
        return min(1.0, max(fractions))

    def elapsed(self) -> float:
        """Seconds that count against the budget."""
        return self.elapsed_before + time.perf_counter() - self.started

    def target_reached(self) -> bool:
        """Whether the latest evaluation was good enough to stop."""
        target, quality = self.settings.target_quality, self.state.counters.quality
        return target is not None and quality is not None and quality >= target

    def converged(self) -> bool:
        """Whether the optimiser has nothing more to give."""
        return self.state.updater.converged

    def open_stage(self) -> None:
        """Let the network's next stage learn the residual."""
        self.settle()
        self.stages.open(self.field, self.task, self.progress)
        self.state.mark_good()

    def polish_due(self, fraction: float) -> bool:
        """Whether the last share of the run has begun, in which another optimiser is to take over."""
        share = self.settings.polish
        return share > 0 and 1 - share <= fraction and self.state.counters.polished_from is None

    def begin_polish(self) -> None:
        """Measure what has been reached, and go on with the polisher."""
        self.settle()
        if self.state.counters.evaluated_step != self.state.counters.step:
            self.evaluate()
        self._take_polisher()
        self.state.counters.polished_from = self.state.counters.step
        self.state.mark_good()

    def _take_polisher(self) -> None:
        if not isinstance(self.task, PolishableTask):
            raise UserError(f"{type(self.task).__name__} has no points to polish on. Set polish to 0.")
        self.task = self.task.polish_task(self.field, fixed=self.settings.polisher in REMEMBERING)
        self.state.updater = Updater(self.field.parameter_groups(), self.settings.polisher)

    def step(self, fraction: float) -> None:
        """Draw a batch and take one optimiser step."""
        begin = time.perf_counter()
        counters = self.state.counters
        counters.learning_rate = self._learning_rate(fraction)
        if self.scheduled is not None:
            self.scheduled.begin_step(fraction)
        batch = self._batch(self.generator)
        self.terms, health = self._update(self.state.updater, self.field, batch, self.precision, counters.learning_rate)
        # A sum with a NaN or an infinity in it is not finite, so that steps can be checked together.
        self.health = health if self.health is None else self.health + health
        counters.step += 1
        if self.state.average is not None:
            self.state.average.update(counters.step)
        counters.training_seconds += time.perf_counter() - begin

    def _update(
        self, updater: Updater, field: Any, batch: Any, precision: str, rate: float
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        def losses() -> dict[str, torch.Tensor]:
            with autocast(precision, self.device):
                return self.task.losses(field, batch)

        return updater.step(losses, rate, least_squares(field, self.task, batch) if updater.needs_residuals else None)

    def _batch(self, generator: torch.Generator) -> Any:
        return move(self.task.batch(generator), self.device, self.dtype)

    def _learning_rate(self, fraction: float) -> float:
        counters, polishing = self.state.counters, self.state.counters.polished_from is not None
        within = self.stages.inner(fraction)
        return counters.rate_factor * self.settings.rate_at(within, counters.step, polishing=polishing)

    def check_due(self) -> bool:
        """Whether to look at the loss now."""
        step = self.state.counters.step
        if self.device.type == "cpu" or step % ACCELERATOR_CHECK_STEPS == 0:
            return True
        return self._good_state_due() or self.plan.due(step, self.fraction()) or self._checkpoint_due()

    def is_healthy(self) -> bool:
        """Whether all losses and gradients since the last check were finite."""
        begin = time.perf_counter()
        healthy = self.health is None or math.isfinite(self.health.item())
        self.health = None
        self.state.counters.training_seconds += time.perf_counter() - begin
        return healthy

    def roll_back(self) -> None:
        """Return to the last good state with half the learning rate; give up after three times."""
        counters = self.state.counters
        counters.failures += 1
        failed_step = counters.step
        if counters.failures >= LARGEST_FAILURES:
            raise RunError(
                f"The loss of the {self.run} was infinite or not a number for the third time, at step {failed_step} "
                f"with learning rate {counters.learning_rate:.3g}. Lower the learning rate, clip the gradient, "
                "or look for such values in the input."
            )
        self.state.roll_back()
        counters.rate_factor *= 0.5
        self.progress.warn(
            f"The loss of the {self.run} was infinite or not a number at step {failed_step}: going back to step "
            f"{counters.step} with half the learning rate."
        )

    def after_step(self) -> None:
        """Evaluate, save and show where it is time to."""
        if self.health is None:
            if self.plan.due(self.state.counters.step, self.fraction()):
                self.evaluate()
                self.state.mark_good()
            elif self._good_state_due():
                self.state.mark_good()
            if self._checkpoint_due():
                self.save_checkpoint()
        self._show()

    def settle(self) -> None:
        """Make sure that the present state is a good one."""
        if not self.is_healthy():
            self.roll_back()

    def _good_state_due(self) -> bool:
        return self.state.counters.step - self.state.good_step >= GOOD_STATE_STEPS

    # Looking and saving -------------------------------------------------------------------------------

    def _with_evaluated_weights(self, use: Callable[[Any], Result]) -> Result:
        """What `use` makes of the field with the weights that are measured: the average, where there is one."""
        average = self.state.average
        self.field.eval()
        with torch.no_grad(), nullcontext() if average is None else average.in_field():
            result = use(self.field)
        self.field.train()
        return result

    def evaluate(self) -> None:
        """Measure the field, and add a line to the history."""
        begin = time.perf_counter()
        counters = self.state.counters
        evaluation = self._with_evaluated_weights(self.task.evaluate)
        if counters.step == 0:
            counters.learning_rate = self._learning_rate(0.0)
        evaluation = replace(evaluation, numbers={**evaluation.numbers, **self.stages.numbers})
        line = history_line(self.run, counters, self._latest_losses(), evaluation, self.task.quality_name)
        if self.folder is not None:
            self.folder.append_history(line)
            if evaluation.snapshot is not None:
                self.folder.save_snapshot(self.run, counters.step, evaluation.snapshot)
        self.history.append(line)
        counters.evaluations += 1
        counters.evaluated_step = counters.step
        counters.quality = None if math.isnan(evaluation.quality) else float(evaluation.quality)
        counters.evaluation_seconds = time.perf_counter() - begin
        counters.diagnostics_seconds += counters.evaluation_seconds
        self.plan.evaluated(
            fraction=self.fraction(),
            done=counters.evaluations,
            spent=counters.diagnostics_seconds,
            latest=counters.evaluation_seconds,
        )
        counters.next_fraction = self.plan.next_fraction

    def _latest_losses(self) -> dict[str, float]:
        counters = self.state.counters
        if self.terms:
            counters.losses = {name: float(term) for name, term in self.terms.items()}
            self.terms = {}
        return counters.losses

    def _checkpoint_due(self) -> bool:
        # Zero asks for one after every step, whatever it costs.
        pause = self.settings.checkpoint_seconds
        if pause > 0:
            pause = max(pause, self.save_seconds / LARGEST_CHECKPOINT_SHARE)
        return self.folder is not None and time.perf_counter() - self.saved_at >= pause

    def save_checkpoint(self) -> None:
        """Save everything that is needed to go on, where there is a folder."""
        if self.folder is None:
            return
        begin = time.perf_counter()
        counters = self.state.counters
        self._latest_losses()
        counters.elapsed = self.elapsed()
        state = {
            "settings": asdict(self.settings),
            "precision": self.precision,
            "finished": self.finished,
            "generator": self.generator.get_state(),
            "training": self.state.state_dict(),
        }
        weights = self.state.evaluation_weights()
        self.folder.save_checkpoint(self.run, counters.step, weights=weights, state=state)
        self.saved_at = time.perf_counter()
        self.save_seconds = self.saved_at - begin

    def _show(self, fraction: float | None = None) -> None:
        now = time.perf_counter()
        if fraction is None and now - self.shown_at < SHOWN_SECONDS:
            return
        self.shown_at = now
        losses, counters = self._latest_losses(), self.state.counters
        quality = None if counters.quality is None else f"{self.task.quality_name} {counters.quality:.4g}"
        self.progress.update(
            step=counters.step,
            fraction=self.fraction() if fraction is None else fraction,
            loss=sum(losses.values()) if losses else None,
            quality=quality,
        )

    def finish(self) -> None:
        """Complete the field, evaluate it where that has not been done, save, and leave these weights in place."""
        self.settle()
        completed = isinstance(self.task, FinishingTask) and self._with_evaluated_weights(self.task.finish)
        if completed or self.state.counters.evaluated_step != self.state.counters.step:
            self.evaluate()
        self.finished = True
        self._show(fraction=1.0)
        self.save_checkpoint()
        self._leave_average()

    def _leave_average(self) -> None:
        if self.state.average is not None:
            self.state.average.copy_to_field()

    def result(self) -> TrainingResult:
        """What has been done so far."""
        counters = self.state.counters
        return TrainingResult(
            history=self.history,
            steps=counters.step,
            polished_from=counters.polished_from,
            seconds=counters.training_seconds,
            diagnostics_seconds=counters.diagnostics_seconds,
            elapsed_seconds=counters.elapsed if self.finished and self.folder is not None else self.elapsed(),
            finished=self.finished,
            precision=self.precision,
        )
