"""The peers' training, on a clock that the test moves."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from nfield.bench.images import peer_training
from nfield.bench.images.peer_training import PeerTraining
from nfield.bench.images.peers import PEERS, Peer, centred, unit
from nfield.core.device import available_devices
from nfield.training.progress import SilentProgress


class MovedClock:
    """In the place of the module `time`: stands still unless moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


def gradient(size: int = 8) -> torch.Tensor:
    """A smooth image that each peer learns in no time."""
    return torch.linspace(0.2, 0.6, size)[:, None, None].expand(size, size, 1).contiguous()


class Constant(nn.Module):
    """One number for all pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.value.expand(len(x), 1)


def constant_peer(*rates: float) -> Peer:
    return Peer(
        title="constant",
        network=lambda channels, draw: Constant(),
        coordinates=unit,
        rates=rates,
        settings="one number",
    )


def training(peer: Peer, values: torch.Tensor, device: str = "cpu") -> PeerTraining:
    return PeerTraining("test", peer, values, seed=0, device=torch.device(device), progress=SilentProgress())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> MovedClock:
    """A clock that a training step moves by 0.25 s and an evaluation by 50 s."""
    moved = MovedClock()

    def slow(method: Callable[..., Any], seconds: float) -> Callable[..., Any]:
        def wrapped(*arguments: Any) -> Any:
            moved.now += seconds
            return method(*arguments)

        return wrapped

    monkeypatch.setattr(peer_training, "time", moved)
    monkeypatch.setattr(PeerTraining, "_step", slow(PeerTraining._step, 0.25))
    monkeypatch.setattr(PeerTraining, "_psnr", slow(PeerTraining._psnr, 50.0))
    return moved


def test_the_clock_counts_steps_and_not_evaluations(clock: MovedClock) -> None:
    run = training(constant_peer(1e-2), gradient()).run(6.0, [2.1, 5.0])
    assert [point.seconds for point in run.points] == [0.25 * point.step for point in run.points]
    assert run.points[-1].step == 24
    times = [point.seconds for point in run.points]
    assert times == sorted(set(times))
    assert {2.25, 5.0, 6.0} <= set(times)  # the first steps that end at or after the marks


def test_the_rate_is_tried_outside_the_clock_and_the_best_is_taken(clock: MovedClock) -> None:
    run = training(constant_peer(1e-9, 0.02, math.inf), gradient()).run(6.0, [])
    assert run.learning_rate == 0.02
    assert run.points[-1].step == 24
    # three trials of 8 steps and one evaluation each, then 24 steps with one evaluation per point
    assert clock.now == 100 + 3 * (8 * 0.25 + 50) + 24 * 0.25 + 50 * len(run.points)


def test_psnr_is_measured_over_all_pixels_and_cut_to_the_range(clock: MovedClock) -> None:
    # oracle: the constant -0.3 is cut to 0, so that the MSE is the mean square of the image
    image = gradient()
    own = training(constant_peer(1e-2), image)
    network = Constant()
    nn.init.constant_(network.value, -0.3)
    assert own._psnr(network) == pytest.approx(-10 * math.log10(float(image.double().square().mean())), rel=1e-6)


class Affine(nn.Module):
    """An affine function of the coordinates, from zero."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(2, 1)), nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight + self.bias


@pytest.mark.parametrize(("most", "batch_pixels"), [(10, 10), (1000, 64)])
def test_batches_pair_pixels_with_their_coordinates(
    most: int, batch_pixels: int, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # oracle: the image is affine in its coordinates; with values of other pixels no function gets beyond 17.7 dB
    monkeypatch.setattr(peer_training, "BATCH_PIXELS", most)
    peer = Peer(title="", network=lambda c, draw: Affine(), coordinates=centred, rates=(0.02,), settings="")
    run = training(peer, gradient()).run(50.0, [])
    assert run.batch_pixels == batch_pixels
    assert run.parameters == 3
    assert run.points[-1].psnr > 35


@pytest.mark.parametrize("device", available_devices())
@pytest.mark.parametrize("name", PEERS)
def test_every_peer_learns(name: str, device: str, clock: MovedClock) -> None:
    run = training(PEERS[name], gradient(), device).run(4.0, [])
    assert run.points[-1].step == 16
    assert run.points[-1].psnr > run.points[0].psnr + 2


def test_one_seed_one_curve(clock: MovedClock) -> None:
    first, again = (training(PEERS["gaussian"], gradient()).run(2.0, []) for _ in range(2))
    assert first == again
