"""Networks whose stages open during one run. Oracle: what may not move, the schedule's formula, an unbroken run."""

import math
from pathlib import Path

import pytest
import torch

from nfield.backbones.multistage import Multistage, MultistageConfig
from nfield.core.checks import UserError
from nfield.core.seeding import generator
from nfield.encodings.identity import Identity
from nfield.fields.base import Field
from nfield.io.run_folder import RunFolder
from nfield.jobs.signal.task import SignalProbe, SignalTask
from nfield.spectral.residual import ResidualFigures
from nfield.training.loop import fit
from nfield.training.progress import SilentProgress
from nfield.training.settings import TrainingSettings
from nfield.training.stage_switch import StageSwitch

STEPS = 90


def signal(x: torch.Tensor) -> torch.Tensor:
    return torch.sin(3 * x) + 0.1 * torch.sin(40 * x)


def task(*, grid: bool = True) -> SignalTask:
    x = torch.linspace(-1, 1, 301)[:, None]
    axis = torch.linspace(-1, 1, 257)[:-1]
    probe = SignalProbe(points=x, values=signal(x).double())
    if grid:
        values = signal(axis)[:, None].double()
        probe = SignalProbe(points=x, values=signal(x).double(), axes=(axis,), grid_values=values)
    return SignalTask(x, signal(x), probe)


def field(stages: int = 3) -> Field:
    config = MultistageConfig(stages=stages, width=24, depth=2, kappa=8.0)
    return Field(Identity(1), config.build(1, 1, generator(0, "weights")))


def settings(**changes: object) -> TrainingSettings:
    usual = {"steps": STEPS, "precision": "float32", "learning_rate": 3e-3, "evaluations": 10, "ema": 0.5}
    return TrainingSettings(**{**usual, **changes})  # type: ignore[arg-type]


class Watching(SilentProgress):
    """Remembers what it is told, and stops a run at a step."""

    def __init__(self, stop: int | None = None) -> None:
        self.texts: list[str] = []
        self.stop = stop

    def warn(self, text: str) -> None:
        self.texts.append(text)

    def info(self, text: str) -> None:
        self.texts.append(text)

    def update(self, *, step: int, fraction: float, loss: float | None, quality: str | None) -> None:
        if self.stop is not None and step >= self.stop:
            raise KeyboardInterrupt


def test_stages_open_one_after_the_other_and_the_residual_falls() -> None:
    network, progress = field(), Watching()
    steps = 4 * STEPS
    result = fit(
        network,
        task(),
        settings(steps=steps, evaluations=steps),
        generator=generator(0, "batches"),
        progress=progress,
    )
    backbone = network.backbone
    assert isinstance(backbone, Multistage)
    assert backbone.opened == 3
    assert len(progress.texts) == 2
    assert progress.texts[0].startswith("Stage 2 of 3")
    # ε falls, and κ follows the residual of the first stage: the wave of 40 / 2π cycles.
    assert 1.0 > float(backbone.scales[1]) > float(backbone.scales[2]) > 0
    assert float(backbone.kappas[1]) == pytest.approx(40, rel=0.1)
    for line in result.history[1:]:
        assert line["numbers"]["stage"] == 1 + (line["step"] - 1) * 3 // steps
    one = fit(field(1), task(), settings(steps=steps), generator=generator(0, "batches"))
    assert result.history[-1]["snr"] > one.history[-1]["snr"] + 6


def test_a_stage_stays_as_it_was_once_the_next_one_is_open() -> None:
    """The weights that a run of a third of the steps with one stage ends with, bit for bit, after all of them."""
    whole, first = field(), field()
    fit(whole, task(), settings(ema=0.0), generator=generator(0, "batches"))

    class Stopped(SignalTask):
        def residual_figures(self, found: Field) -> None:  # type: ignore[override]
            raise StopIteration

    other = task()
    other.__class__ = Stopped
    with pytest.raises(StopIteration):
        fit(first, other, settings(ema=0.0), generator=generator(0, "batches"))
    for name, weight in first.backbone.stages[0].state_dict().items():  # type: ignore[union-attr]
        assert torch.equal(weight, whole.backbone.stages[0].state_dict()[name])  # type: ignore[union-attr]


def test_the_rate_falls_in_each_stage_anew() -> None:
    result = fit(field(), task(), settings(evaluations=STEPS), generator=generator(0, "batches"))
    third, steps = STEPS // 3, [line["step"] for line in result.history]
    assert sum(step > 2 * third for step in steps) > 5
    for line in result.history[1:]:
        within = (line["step"] - 1) % third / third
        expected = 3e-3 * (0.01 + 0.99 * (1 + math.cos(math.pi * within)) / 2)
        assert line["learning_rate"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("stop", [10, 30, 31, 75])
def test_a_stopped_run_goes_on_in_its_stage(stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nfield.training.session.SHOWN_SECONDS", 0.0)
    unbroken, broken = field(), field()
    fit(unbroken, task(), settings(), generator=generator(0, "batches"))
    folder = RunFolder.create(tmp_path / "run", resume=True)
    often = settings(checkpoint_seconds=0.0)
    with pytest.raises(KeyboardInterrupt):
        fit(broken, task(), often, generator=generator(0, "batches"), folder=folder, progress=Watching(stop))
    again = field()
    fit(again, task(), often, generator=generator(0, "batches"), folder=folder, resume=True)
    for name, value in unbroken.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_going_back_to_a_good_state_keeps_the_stage() -> None:
    """The loss is not a number in the second stage, before any evaluation there: the stage stays open."""

    class Broken(SignalTask):
        calls = 0

        def losses(self, found: Field, batch: object) -> dict[str, torch.Tensor]:  # type: ignore[override]
            self.calls += 1
            terms = super().losses(found, batch)  # type: ignore[arg-type]
            return {"mse": terms["mse"] * math.nan} if self.calls == STEPS // 3 + 2 else terms

    job, network, progress = task(), field(), Watching()
    job.__class__ = Broken
    fit(network, job, settings(evaluations=2), generator=generator(0, "batches"), progress=progress)
    assert sum("going back" in text for text in progress.texts) == 1
    assert sum(text.startswith("Stage 2") for text in progress.texts) == 1
    assert all(bool(value.isfinite().all()) for value in network.state_dict().values())


def test_a_stage_is_made_for_no_less_than_rounding() -> None:
    """Oracle: κ and ε by hand where nothing is left to learn."""

    class Solved(SignalTask):
        def residual_figures(self, field: object) -> ResidualFigures:
            return ResidualFigures(size=0.0, frequency=0.0)

    job, network = task(), field(2)
    job.__class__ = Solved
    StageSwitch(network, job).open(network, job, SilentProgress())
    assert network.backbone.scales.tolist() == pytest.approx([1.0, 1e-6])  # type: ignore[union-attr]
    assert network.backbone.kappas.tolist() == [8.0, 5.0]  # type: ignore[union-attr]


def test_the_residual_of_a_signal() -> None:
    """Oracle: a field that lacks the wave of 40 / 2π cycles per unit, whose amplitude 0.1 is an rms of 0.1 / √2."""

    class Slow(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.sin(3 * x)

        def on_grid(self, axes: tuple[torch.Tensor, ...]) -> torch.Tensor:
            return torch.sin(3 * axes[0])[:, None]

        def parameter_groups(self) -> list:
            return []

    for grid in (True, False):
        residual = task(grid=grid).residual_figures(Slow())  # type: ignore[arg-type]
        assert residual.size == pytest.approx(0.1 / math.sqrt(2), rel=0.02)
        assert residual.frequency == pytest.approx(40 / (2 * math.pi), rel=0.05)


def test_a_task_that_does_not_measure_its_residual_is_refused() -> None:
    class Other:
        """No job at all."""

    with pytest.raises(UserError, match=r"which Other does not measure.*--stages"):
        StageSwitch(field(), Other())
    assert not StageSwitch(field(1), Other()).due(0.9)
    assert not StageSwitch(torch.nn.Linear(1, 1), Other()).due(0.9)
