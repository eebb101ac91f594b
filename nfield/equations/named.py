"""Problems by name, most of them those on which the frequency principle was studied, with the papers' numbers.

Forcing and boundary values follow from the exact solutions. `frequencies` states only what theory gives before anything
is solved: an operator's own wave number, or the dispersion relation of a wave.
"""

import math
from collections.abc import Callable

import torch

from nfield.core.checks import choice
from nfield.equations.closed_forms import burgers_solution, helmholtz_solution
from nfield.equations.conditions import Dirichlet, Initial, Periodic
from nfield.equations.derivatives import Derivatives
from nfield.equations.domains import Box
from nfield.equations.problem import Problem
from nfield.equations.references import allen_cahn_reference

Tensor = torch.Tensor


def poisson_two_scale() -> Problem:
    """-u'' = f on [0, 1] with u = sin 2πx + 0.1 sin 50πx (Wang, Wang, Perdikaris, 2012.10047, section 2)."""

    def residual(u: Tensor, at: Derivatives) -> Tensor:
        a, b = 2 * math.pi, 50 * math.pi
        return at(u, "xx") + a**2 * (a * at.x).sin() + 0.1 * b**2 * (b * at.x).sin()

    return Problem(
        domain=Box(0, 1),
        residual=residual,
        conditions=(Dirichlet(),),
        exact=lambda x: (2 * math.pi * x).sin() + 0.1 * (50 * math.pi * x).sin(),
        grid=(2048,),
        equation="u'' = -(2π)² sin 2πx - 0.1 (50π)² sin 50πx, u(0) = u(1) = 0",
    )


def poisson_many_scale() -> Problem:
    """Δu = f on [-1, 1]² with u = N⁻² Σ e^{sin πmx} e^{cos πny}, N = 20 (a test of MscaleDNN, 2007.11207)."""
    orders = math.pi * torch.arange(1, 21, dtype=torch.float64)

    def factors(points: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Sums over m and n, and their second derivatives: (e^{sin s})'' = (cos² s − sin s) e^{sin s}."""
        k = orders.to(points)
        s, c = k * points[:, :1], k * points[:, 1:2]
        along, across = s.sin().exp(), c.cos().exp()
        along2 = k.square() * (s.cos().square() - s.sin()) * along
        across2 = k.square() * (c.sin().square() - c.cos()) * across
        mean = (each.mean(1, keepdim=True) for each in (along, across, along2, across2))
        return tuple(mean)  # type: ignore[return-value]

    def exact(points: Tensor) -> Tensor:
        x, y, _, _ = factors(points)
        return x * y

    def residual(u: Tensor, at: Derivatives) -> Tensor:
        x, y, x2, y2 = factors(at.points.detach())
        return at.laplacian(u) - (x2 * y + x * y2)

    return Problem(
        domain=Box((-1, -1), (1, 1)),
        residual=residual,
        conditions=(Dirichlet(value=exact),),
        exact=exact,
        grid=(384, 384),
        equation="Δu = f, u given on the boundary; u = N⁻² Σ e^{sin πmx} e^{cos πny}, m, n ≤ 20",
    )


def mscale_ritz() -> Problem:
    """-u'' = μ² sin μx on [-1, 1], μ = 6π, by the Ritz energy ½u'² − fu (the example of MscaleDNN's authors)."""
    mu = 6 * math.pi

    def forcing(at: Derivatives) -> Tensor:
        return mu**2 * (mu * at.x).sin()

    return Problem(
        domain=Box(-1, 1),
        residual=lambda u, at: at(u, "xx") + forcing(at),
        energy=lambda u, at: at(u, "x").square() / 2 - forcing(at) * u,
        conditions=(Dirichlet(),),
        exact=lambda x: (mu * x).sin(),
        grid=(2048,),
        equation="least ∫ ½u'² - (6π)² sin(6πx) u dx, u(±1) = 0",
    )


def helmholtz() -> Problem:
    """u'' + λ²u = sin μx, u(±1) = 0, λ = 205, μ = 3 (PhaseDNN, Cai, Li, Liu, 1909.11759)."""
    wave, mu = 205.0, 3.0

    return Problem(
        domain=Box(-1, 1),
        residual=lambda u, at: at(u, "xx") + wave**2 * u - (mu * at.x).sin(),
        conditions=(Dirichlet(),),
        exact=lambda x: helmholtz_solution(x, wave, mu),
        frequencies={"x": (mu / (2 * math.pi), wave / (2 * math.pi))},
        size=1 / (wave**2 - mu**2),
        grid=(4096,),
        equation="u'' + 205² u = sin 3x, u(±1) = 0",
    )


def heat() -> Problem:
    """u_t = u_xx/(500π)² with u = e^{-t} sin 500πx (2012.10047, section 4.2): 250 waves across [0, 1]."""
    k = 500 * math.pi

    def start(points: Tensor) -> Tensor:
        return (k * points[:, :1]).sin()

    return Problem(
        domain=Box(0, 1),
        time=(0.0, 1.0),
        # Scaled so that both terms are of the solution's size.
        residual=lambda u, at: at(u, "t") - at(u, "xx") / k**2,
        conditions=(Dirichlet(), Initial(value=start)),
        exact=lambda points: (-points[:, 1:]).exp() * start(points),
        grid=(2500, 12),
        equation="u_t = u_xx / (500π)², u(x, 0) = sin 500πx, u = 0 at both ends",
    )


def wave() -> Problem:
    """u_tt = 100 u_xx with u = sin πx cos 10πt + sin 2πx cos 20πt (2012.10047, section 4.3)."""
    speed = 10.0

    def start(points: Tensor) -> Tensor:
        return (math.pi * points[:, :1]).sin() + (2 * math.pi * points[:, :1]).sin()

    def exact(points: Tensor) -> Tensor:
        x, t = math.pi * points[:, :1], math.pi * speed * points[:, 1:]
        return x.sin() * t.cos() + (2 * x).sin() * (2 * t).cos()

    return Problem(
        domain=Box(0, 1),
        time=(0.0, 1.0),
        residual=lambda u, at: at(u, "tt") - speed**2 * at(u, "xx"),
        conditions=(Dirichlet(), Initial(value=start), Initial(value=0.0, order=1)),
        exact=exact,
        # Dispersion: waves of 1/2 and 1 cycles per unit of x turn at c times that.
        frequencies={"x": (0.5, 1.0), "t": (0.5 * speed, 1.0 * speed)},
        grid=(256, 256),
        equation="u_tt = 100 u_xx, u(x, 0) = sin πx + sin 2πx, u_t(x, 0) = 0, u = 0 at both ends",
    )


def advection() -> Problem:
    """u_t + 30 u_x = 0 on a circle of length 2π, u = sin(x − 30t) (Krishnapriyan et al., 2109.01050)."""
    speed = 30.0

    return Problem(
        domain=Box(0, 2 * math.pi),
        time=(0.0, 1.0),
        residual=lambda u, at: at(u, "t") + speed * at(u, "x"),
        conditions=(Periodic(axis="x"), Initial(value=lambda points: points[:, :1].sin())),
        exact=lambda points: (points[:, :1] - speed * points[:, 1:]).sin(),
        frequencies={"t": (speed / (2 * math.pi),)},
        order=1,
        grid=(256, 256),
        equation="u_t + 30 u_x = 0, u(x, 0) = sin x, periodic",
    )


def burgers() -> Problem:
    """u_t + u u_x = (0.01/π) u_xx, u(x, 0) = −sin πx (Raissi, Perdikaris, Karniadakis 2019); truth by Cole-Hopf."""
    viscosity = 0.01 / math.pi

    return Problem(
        domain=Box(-1, 1),
        time=(0.0, 1.0),
        residual=lambda u, at: at(u, "t") + u * at(u, "x") - viscosity * at(u, "xx"),
        conditions=(Dirichlet(), Initial(value=lambda points: -(math.pi * points[:, :1]).sin())),
        exact=lambda points: burgers_solution(points, viscosity),
        grid=(512, 64),
        equation="u_t + u u_x = (0.01/π) u_xx, u(x, 0) = -sin πx, u(±1, t) = 0",
    )


def allen_cahn() -> Problem:
    """u_t = 0.0001 u_xx + 5u − 5u³, u(x, 0) = x² cos πx, periodic (Raissi et al. 2019); truth by a spectral solver."""

    def start(points: Tensor) -> Tensor:
        return points[:, :1].square() * (math.pi * points[:, :1]).cos()

    return Problem(
        domain=Box(-1, 1),
        time=(0.0, 1.0),
        residual=lambda u, at: at(u, "t") - 1e-4 * at(u, "xx") + 5 * (u**3 - u),
        conditions=(Periodic(axis="x"), Initial(value=start)),
        exact=allen_cahn_reference,
        grid=(512, 64),
        equation="u_t = 0.0001 u_xx + 5u - 5u³, u(x, 0) = x² cos πx, periodic",
    )


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "poisson-two-scale": poisson_two_scale,
    "poisson-many-scale": poisson_many_scale,
    "mscale-ritz": mscale_ritz,
    "helmholtz": helmholtz,
    "heat": heat,
    "wave": wave,
    "advection": advection,
    "burgers": burgers,
    "allen-cahn": allen_cahn,
}
"""Every named problem, as the command line, tests and documents read it."""


def named_problem(name: str) -> Problem:
    """The problem of that name. Raises UserError with the nearest name where there is none."""
    return PROBLEMS[choice(name, PROBLEMS, "problem")]()
