"""A linear equation in stages: −u″ = g on [−1, 1] with u given at both ends, for a solution that is known.

What the engine is told of it is a `StageProblem` as of any other job; of the solution itself it is told nothing.
"""

import math
from dataclasses import replace

import torch

from nfield.core.types import Evaluation
from nfield.fields.stage_plan import StagePlan, equation_scale, kappa_of
from nfield.spectral.residual_frequency import grid_frequency
from nfield.tasks.signal_stages import chebyshev_points, samples_per_axis


def solution(x):
    return torch.sin(2 * x + 1) + 0.2 * torch.exp(1.3 * x)


def source(x):
    return 4 * torch.sin(2 * x + 1) - 0.2 * 1.69 * torch.exp(1.3 * x)


def bend(field, x):
    """u″ at points, differentiable by the weights."""
    with torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(field(x).sum(), x, create_graph=True)
        (result,) = torch.autograd.grad(slope.sum(), x, create_graph=True)
    return result


class PoissonTask:
    """−u_n″ ε/ρ = r/ρ inside, ρ the size of the residual r before, and u_n = (what the ends lack)/ε there."""

    quality_name = "residual_db"

    def __init__(self, points, residual, ends, gap, scale):
        self.parts = {"points": points, "residual": residual, "ends": ends, "gap": gap / scale}
        self.size = float(residual.square().mean().sqrt())
        self.scale = scale

    def batch(self, generator):
        return self.parts

    def residuals(self, field, batch):
        inside = bend(field, batch["points"]) * (self.scale / self.size) + batch["residual"] / self.size
        return {"equation": inside, "ends": field(batch["ends"]) - batch["gap"]}

    def losses(self, field, batch):
        return {name: r.square().mean() for name, r in self.residuals(field, batch).items()}

    def evaluate(self, field):
        loss = sum(float(term.detach()) for term in self.losses(field, self.parts).values())
        return Evaluation(quality=-10 * math.log10(loss) if loss > 0 else math.inf, band_errors=[])


class PoissonStages:
    in_dim = out_dim = 1

    def __init__(self):
        self.grid = -1 + 2 * torch.arange(4096, dtype=torch.float64)[:, None] / 4096
        self.ends = torch.tensor([[-1.0], [1.0]], dtype=torch.float64)

    def residual(self, found, x):
        return (source(x) + (bend(found, x) if found.stages else 0.0)).detach()

    def error(self, found):
        """Size of the residual over that of the source."""
        return float(self.residual(found, self.grid).norm() / source(self.grid).norm())

    def plan(self, found, config):
        rest = self.residual(found, self.grid)
        frequency = grid_frequency(rest.numpy(), 2 / 4096, channels_last=True)
        config = replace(config, kappa=kappa_of(frequency))
        side = samples_per_axis(frequency, config.kappa, config.parameters(1, 1), 1)
        points = chebyshev_points(side, 1)
        with torch.no_grad():
            gap = solution(self.ends) - found(self.ends)
        size = float(rest.square().mean().sqrt())
        scale = max(equation_scale(size, config.kappa / (2 * math.pi), 2), float(gap.abs().max()))
        return StagePlan(
            task=PoissonTask(points, self.residual(found, points), self.ends, gap, scale),
            config=config,
            scale=scale,
            frequency=frequency,
            samples=side,
            per_half_wave=side / (4 * max(frequency, 1e-9) * math.pi / 2),
        )
