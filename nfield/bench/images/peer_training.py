"""Trains a peer against the clock: everything in memory, evaluations outside the clock."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import nn

from nfield.bench.images.curve import Point, best, evaluation_times
from nfield.bench.images.peers import Peer
from nfield.core.seeding import generator
from nfield.metrics.image import psnr
from nfield.training.progress import Progress

BATCH_PIXELS = 1 << 14
"""Random pixels per step. The papers take all pixels, which makes far fewer steps in the same time."""
CHUNK_PIXELS = 1 << 16
EVALUATIONS = 32
"""Times at which the curve is measured, the marks apart."""
TRIAL_SHARE = 1 / 3
"""Length of the trial of a learning rate, in the time that the run itself gets."""
UPDATE_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True)
class PeerRun:
    """A trained peer's curve."""

    points: list[Point]
    learning_rate: float
    parameters: int
    batch_pixels: int


class PeerTraining:
    """A peer on one image. Weights and batches come from the seed."""

    def __init__(
        self,
        name: str,
        peer: Peer,
        values: Float[torch.Tensor, "height width channels"],
        *,
        seed: int,
        device: torch.device,
        progress: Progress,
    ):
        self.name, self.peer, self.seed, self.device, self.progress = name, peer, seed, device, progress
        self.truth = values
        height, width, channels = values.shape
        self.target = values.reshape(-1, channels).to(device)
        self.coordinates = peer.coordinates(height, width).to(device)
        self.batch_pixels = min(BATCH_PIXELS, len(self.target))

    def network(self) -> nn.Module:
        """The untrained network."""
        channels = self.target.shape[-1]
        return self.peer.network(channels, generator(self.seed, f"{self.name} weights")).to(self.device)

    def run(self, seconds: float, marks: Sequence[float]) -> PeerRun:
        """Find the learning rate where there are several, outside the clock, then train for `seconds`."""
        rates = self.peer.rates
        if len(rates) > 1:
            trials = {rate: best(self._train(rate, TRIAL_SHARE * seconds, [], count=1)) for rate in rates}
            rates = (max(trials, key=lambda rate: trials[rate]),)
        return PeerRun(
            points=self._train(rates[0], seconds, marks, count=EVALUATIONS),
            learning_rate=rates[0],
            parameters=sum(p.numel() for p in self.network().parameters()),
            batch_pixels=self.batch_pixels,
        )

    def _train(self, rate: float, seconds: float, marks: Sequence[float], *, count: int) -> list[Point]:
        network = self.network()
        optimizer = torch.optim.Adam(network.parameters(), lr=rate)
        draw = generator(self.seed, f"{self.name} batches", self.device)
        clock, step, shown = 0.0, 0, 0.0
        points: list[Point] = []
        self.progress.start(f"{self.peer.title}, rate {rate:g}, {seconds:.3g} s")
        try:
            for due in evaluation_times(seconds, marks, count):
                if clock >= due:  # a slow step has gone past several at once
                    continue
                self._wait_for_device()
                began = time.perf_counter()
                while clock + time.perf_counter() - began < due:
                    self._step(network, optimizer, draw)
                    step += 1
                    now = time.perf_counter()
                    if now - shown >= UPDATE_SECONDS:
                        shown = now
                        self._show(step, (clock + now - began) / seconds, points)
                self._wait_for_device()
                clock += time.perf_counter() - began
                points.append(Point(clock, step, self._psnr(network)))
            self._show(step, 1.0, points)
        finally:
            self.progress.finish()
        return points

    def _step(self, network: nn.Module, optimizer: torch.optim.Optimizer, draw: torch.Generator) -> None:
        coordinates, target = self.coordinates, self.target
        if self.batch_pixels < len(target):
            index = torch.randint(len(target), (self.batch_pixels,), generator=draw, device=self.device)
            coordinates, target = coordinates[index], target[index]
        loss = (network(coordinates) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    @torch.no_grad()
    def _psnr(self, network: nn.Module) -> float:
        values = torch.cat([network(part).clamp(0, 1).cpu() for part in self.coordinates.split(CHUNK_PIXELS)])
        return psnr(self.truth, values.reshape(self.truth.shape))

    def _wait_for_device(self) -> None:
        if self.device.type != "cpu":
            torch.accelerator.synchronize(self.device)

    def _show(self, step: int, fraction: float, points: Sequence[Point]) -> None:
        quality = f"psnr {points[-1].psnr:.2f}" if points else None
        self.progress.update(step=step, fraction=min(fraction, 1.0), loss=None, quality=quality)
