"""Domains: membership, normals, evenness and the functions that vanish on boundaries, against formulas."""

import math

import pytest
import torch
from scipy.stats import qmc

from nfield.core.checks import UserError
from nfield.core.seeding import generator
from nfield.equations import Box, Disk, Union
from nfield.equations.domains import AbstractDomain
from nfield.equations.sampling import SAMPLERS, adaptive_choice, unit_points

DOMAINS: dict[str, AbstractDomain] = {
    "interval": Box(-1, 3),
    "rectangle": Box((0, -1), (2, 0)),
    "brick": Box((0, 0, 0), (1, 2, 3)),
    "disk": Disk((1, 0), 2),
    "ball": Disk((0, 0, 1), 0.5),
    "two disks": Union(Disk((0, 0), 1), Disk((1, 0), 1)),
    "key": Union(Box((0, -0.2), (2, 0.2)), Disk((2, 0), 0.5)),
}
every_domain = pytest.mark.parametrize("name", DOMAINS)


@every_domain
@pytest.mark.parametrize("kind", SAMPLERS)
def test_points_lie_where_they_should(name: str, kind: str) -> None:
    domain = DOMAINS[name]
    unit = unit_points(kind, 257, domain.dimension, generator(0))
    inside = domain.interior(unit)
    assert inside.shape == unit.shape
    assert bool(domain.contains(inside).all())
    assert bool((domain.vanishing(inside) >= 0).all())
    assert float(domain.vanishing(inside).max()) <= 1 + 1e-12
    points, normals = domain.boundary(unit)
    assert float(domain.vanishing(points).abs().max()) < 1e-7
    assert torch.allclose(normals.norm(dim=1), torch.ones(257, dtype=torch.float64))
    step = 1e-3 * normals
    # Beside a corner that points inwards, the next part is that near.
    assert float(domain.contains(points + step).double().mean()) < 0.02
    assert bool(domain.contains(points - step).all())


@pytest.mark.parametrize("name", ["rectangle", "disk", "ball", "two disks", "key"])
def test_points_are_spread_evenly(name: str) -> None:
    """Oracle: the share of points within a small cube is that of fresh uniform points of the box kept by `contains`."""
    domain = DOMAINS[name]
    inside = domain.interior(unit_points("uniform", 20_000, domain.dimension, generator(0)))
    low, high = torch.tensor(domain.low).double(), torch.tensor(domain.high).double()
    draw = torch.rand(60_000, domain.dimension, generator=generator(1), dtype=torch.float64)
    wanted = low + (high - low) * draw
    wanted = wanted[domain.contains(wanted)]
    for place in (0.3, 0.5, 0.7):
        left, right = low + (place - 0.15) * (high - low), low + (place + 0.15) * (high - low)
        shares = [float(((p > left) & (p < right)).all(1).double().mean()) for p in (inside, wanted)]
        assert shares[0] == pytest.approx(shares[1], abs=0.015)


def test_measures_are_those_of_the_formulas() -> None:
    assert DOMAINS["brick"].measure == 6
    assert DOMAINS["brick"].boundary_measure == 22
    assert DOMAINS["disk"].measure == pytest.approx(4 * math.pi)
    assert DOMAINS["ball"].boundary_measure == pytest.approx(math.pi)
    assert DOMAINS["interval"].boundary_measure == 2


def test_boundary_points_of_a_box_share_faces_by_length() -> None:
    points, _ = Box((0, 0), (3, 1)).boundary(unit_points("sobol", 4096, 2, generator(0)))
    on_long = ((points[:, 1] == 0) | (points[:, 1] == 1)).double().mean()
    assert float(on_long) == pytest.approx(6 / 8, abs=0.01)


def test_sobol_points_are_more_even_than_uniform_ones() -> None:
    """Oracle: scipy's centred discrepancy."""
    found = {kind: qmc.discrepancy(unit_points(kind, 512, 2, generator(3)).numpy()) for kind in ("sobol", "uniform")}
    assert found["sobol"] < found["uniform"] / 10


def test_stratified_points_have_one_in_each_cell_of_each_axis() -> None:
    points = unit_points("stratified", 100, 3, generator(0))
    for axis in range(3):
        assert sorted((100 * points[:, axis]).long().tolist()) == list(range(100))


def test_adaptive_choice_follows_its_distribution() -> None:
    """One of two kinds of candidates has weight 1 + 4/2.5, the other 1 + 1/2.5, as its formula says."""
    residuals = torch.tensor([4.0, 1.0]).repeat(5000)
    noise = torch.rand(10_000, generator=generator(0), dtype=torch.float64)
    chosen = adaptive_choice(residuals, noise, 200)
    assert len(set(chosen.tolist())) == 200
    share = float((residuals[chosen] == 4).double().mean())
    assert share == pytest.approx(2.6 / 4.0, abs=0.1)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Box(1, 1), "has no size"),
        (lambda: Box((0, 0), (1, -1)), "has no size"),
        (lambda: Box((0, 0), 1), "as many lower as upper"),
        (lambda: Disk((0, 0), 0), "no size"),
        (lambda: Disk((0,), 1), "2 or 3 finite"),
        (lambda: Union(Box(0, 1)), "two or more"),
        (lambda: Box(0, float("nan")), "has no size"),
    ],
)
def test_domains_without_size_are_refused(make: object, told: str) -> None:
    with pytest.raises(UserError, match=told):
        make()  # type: ignore[operator]
