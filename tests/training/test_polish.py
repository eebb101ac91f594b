"""The last share of a run, in which another optimiser takes over."""

import pytest
import torch

from nfield.core.checks import UserError
from nfield.core.seeding import generator
from nfield.training.loop import fit
from nfield.training.settings import TrainingSettings


def polishable(toys, asked):
    class Fixed(toys.Sine):
        """The same 64 points, whatever the generator."""

        def batch(self, generator):
            return torch.linspace(-1, 1, 64, dtype=torch.float64)[:, None]

        def residuals(self, field, batch):
            return {"mse": field(batch) - torch.sin(3 * batch)}

    class Polished(toys.Sine):
        def polish_task(self, field, *, fixed):
            asked.append(fixed)
            return Fixed()

    return Polished()


def settings(**changes):
    return TrainingSettings(
        **{"steps": 40, "polish": 0.5, "precision": "float64", "learning_rate": 0.01, "evaluations": 4, **changes}
    )


@pytest.mark.parametrize("polisher", ["lbfgs", "levenberg"])
def test_the_polisher_begins_at_its_share_from_where_adam_was(toys, polisher):
    """Oracle: a run of the first share alone, whose last error is the one measured where the second begins."""
    field = toys.Toy()
    asked = []
    result = fit(field, polishable(toys, asked), settings(polisher=polisher), generator=generator(0))
    assert result.polished_from == 20
    assert asked == [polisher == "lbfgs"], "it learns from the gradients of earlier steps"
    at_start = next(line for line in result.history if line["step"] == 20)
    first = fit(
        toys.Toy(),
        toys.Sine(),
        settings(steps=20, polish=0.0),
        generator=generator(0),
    )
    assert at_start["psnr"] == pytest.approx(first.history[-1]["psnr"], abs=1e-9)
    assert result.history[-1]["psnr"] > at_start["psnr"] + 15, "a fifth of what Adam has left"
    assert first.polished_from is None


def test_the_rate_of_the_first_share_falls_to_its_end_there():
    both, alone = settings(warmup_steps=3), settings(steps=20, polish=0.0, warmup_steps=3)
    for step in (0, 2, 7, 19):
        assert both.rate_at(step / 40, step) == pytest.approx(alone.rate_at(step / 20, step))
    assert both.rate_at(0.7, 28, polishing=True) == 1.0


def test_a_task_without_points_to_polish_on_is_refused(toys):
    with pytest.raises(UserError, match="Sine has no points to polish on"):
        fit(toys.Toy(), toys.Sine(), settings(), generator=generator(0))


@pytest.mark.parametrize(("name", "value", "told"), [("polish", 1.0, "below 1"), ("polisher", "adam", "polisher")])
def test_bad_settings_are_refused(name, value, told):
    with pytest.raises(UserError, match=told):
        settings(**{name: value})
