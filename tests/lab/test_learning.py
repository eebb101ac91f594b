"""Ensembles and their training. Oracle: the same networks one by one, with torch's own optimisers."""

import numpy as np
import pytest
import torch

from nfield.backbones.mlp import MLPConfig
from nfield.core.checks import RunError
from nfield.core.seeding import generator
from nfield.lab import Setting
from nfield.lab.ensemble import Ensemble
from nfield.lab.learning import learn, record_steps, tuned_rate

NETWORK = MLPConfig(width=7, depth=2, activation="tanh")
POINTS = torch.linspace(-1, 1, 11, dtype=torch.float64)[:, None]
VALUES = torch.sin(3 * POINTS)


def alone(seed: int, gain: float = 1.0) -> torch.nn.Module:
    network = NETWORK.build(1, 1, generator(seed, "weights")).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(gain)
    return network


def ensemble(seeds: range, gain: float = 1.0) -> Ensemble:
    return Ensemble(NETWORK, 1, 1, seeds, dtype=torch.float64, gain=gain)


@pytest.mark.parametrize("gain", [1.0, 0.3])
def test_members_are_the_networks_of_their_seeds(gain: float) -> None:
    found = ensemble(range(4, 7), gain).in_blocks(POINTS, block=4)
    wanted = torch.stack([alone(seed, gain)(POINTS) for seed in range(4, 7)])
    torch.testing.assert_close(found, wanted.detach())
    own = torch.stack([POINTS, POINTS / 2, -POINTS])
    apart = torch.stack([alone(seed, gain)(x) for seed, x in zip(range(4, 7), own, strict=True)])
    torch.testing.assert_close(ensemble(range(4, 7), gain)(own), apart)
    assert ensemble(range(2)).parameters_of_one == sum(p.numel() for p in alone(0).parameters())


@pytest.mark.parametrize("optimizer", ["adam", "descent", "lbfgs"])
def test_members_train_as_if_alone(optimizer: str) -> None:
    trained = ensemble(range(3))
    errors = learn(trained, POINTS, VALUES, steps=5, rate=0.01, optimizer=optimizer)  # type: ignore[arg-type]
    for row in range(3):
        network = alone(row)
        maker = {"adam": torch.optim.Adam, "descent": torch.optim.SGD, "lbfgs": torch.optim.LBFGS}[optimizer]
        more = {"max_iter": 5, "history_size": 50, "line_search_fn": "strong_wolfe"} if optimizer == "lbfgs" else {}
        chosen = maker(network.parameters(), lr=0.01, **more)

        def closure(chosen=chosen, network=network):
            chosen.zero_grad()
            error = (network(POINTS) - VALUES).square().mean()
            error.backward()
            return error

        for _ in range(5):
            chosen.step(closure)
        torch.testing.assert_close(trained.in_blocks(POINTS)[row], network(POINTS).detach(), rtol=1e-6, atol=1e-8)
        torch.testing.assert_close(errors[row], (network(POINTS) - VALUES).square().mean().detach(), rtol=1e-6, atol=0)


@pytest.mark.parametrize("optimizer", ["adam", "descent", "lbfgs"])
def test_members_train_at_rates_of_their_own(optimizer: str) -> None:
    rates = [1e-3, 0.03, 0.01]
    together = ensemble(range(3))
    learn(together, POINTS, VALUES, steps=6, rate=rates, optimizer=optimizer, schedule="cosine")  # type: ignore[arg-type]
    for row, rate in enumerate(rates):
        single = ensemble(range(row, row + 1))
        learn(single, POINTS, VALUES, steps=6, rate=rate, optimizer=optimizer, schedule="cosine")  # type: ignore[arg-type]
        torch.testing.assert_close(together.in_blocks(POINTS)[row], single.in_blocks(POINTS)[0], rtol=1e-9, atol=1e-12)


def test_looks_come_at_the_recorded_steps() -> None:
    seen: list[int] = []
    learn(ensemble(range(1)), POINTS, VALUES, steps=7, rate=0.01, record=[0, 3, 7], at_step=lambda s, _: seen.append(s))
    assert seen == [0, 3, 7]
    steps = record_steps(1000, 30)
    assert steps[0] == 0
    assert steps[-1] == 1000
    assert (np.diff(steps) > 0).all()


def test_rates_are_found_by_trial_and_divergence_is_told() -> None:
    found = tuned_rate(
        NETWORK, POINTS, VALUES, Setting(), rates=(1e-6, 0.05, 1e6), steps=60, optimizer="descent", schedule="cosine"
    )
    assert found.rate == 0.05
    assert found.errors[0.05] < found.errors[1e-6]
    with pytest.raises(RunError, match="no longer finite"):
        learn(ensemble(range(2)), POINTS, VALUES * 1e200, steps=60, rate=1e200, optimizer="descent")
