"""Samples in two passes: their number and order, what they cover, and a slab with a closed form."""

import math

import torch

from nfield.core.seeding import generator
from nfield.rendering.composite import composite, weights
from nfield.rendering.contraction import same
from nfield.rendering.hierarchical import hierarchical_samples
from nfield.rendering.march import Rays
from nfield.rendering.spacing import Spacing, stratified_draws

SLAB = (0.30, 0.36)
"""Where the slab lies along x."""


def slab(places: torch.Tensor) -> torch.Tensor:
    """Density 50 within the slab."""
    return 50.0 * ((places[:, 0] > SLAB[0]) & (places[:, 0] < SLAB[1])).to(places.dtype)


def rays(count: int = 200) -> Rays:
    """Rays along x over [-1, 1], the last of which hits nothing."""
    origin = torch.tensor([-1.0, 0.0, 0.0], dtype=torch.float64).expand(count, 3)
    far = torch.full((count,), 2.0, dtype=torch.float64)
    far[-1] = 0.0
    along = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64).expand(count, 3)
    return Rays(origin=origin, direction=along, near=torch.zeros_like(far), far=far)


def draws(coarse: int, fine: int, count: int = 200) -> dict[str, torch.Tensor]:
    draw = generator(0, "draws")
    return {"coarse": torch.rand(count, coarse, generator=draw), "fine": stratified_draws(count, fine, draw)}


def test_number_order_and_cover() -> None:
    found = hierarchical_samples(slab, rays(), Spacing(step=0.1), contract=same, **draws(16, 24))
    counts = torch.bincount(found.ray, minlength=200)
    assert (counts[:-1] == 40).all()
    assert counts[-1] == 0
    distance = found.distance.reshape(199, 40)
    assert (distance.diff(dim=1) >= 0).all()
    torch.testing.assert_close(found.length.reshape(199, 40).sum(1), torch.full((199,), 2.0, dtype=torch.float64))
    assert (found.ray.diff() >= 0).all()


def test_fine_samples_fall_into_the_slab() -> None:
    """Parts of 1/8, of which the slab fills .06: the coarse sample of its part meets it in every second ray, of which
    most fine samples lie there or beside. Even ones would be 1/16.
    """
    found = hierarchical_samples(slab, rays(), Spacing(step=0.1), contract=same, **draws(16, 64))
    inside = (found.distance - 1 > 0.25) & (found.distance - 1 < 0.375)
    assert inside.double().mean() > 0.15


def test_the_opacity_of_a_slab_is_nearer_to_the_closed_form_than_with_even_samples() -> None:
    truth = 1 - math.exp(-50 * (SLAB[1] - SLAB[0]))
    errors = []
    for coarse, fine in ((40, 60), (99, 1)):
        found = hierarchical_samples(slab, rays(), Spacing(step=0.1), contract=same, **draws(coarse, fine))
        weight = weights(slab(rays().at(found)), found)
        opacity = composite(weight, torch.ones(found.count, 1, dtype=torch.float64), found)[1][:-1]
        errors.append(float((opacity - truth).abs().mean()))
    assert errors[0] < 0.05
    assert errors[0] < 0.5 * errors[1]


def test_where_nothing_is_found_the_fine_samples_are_even() -> None:
    nothing = hierarchical_samples(
        lambda places: torch.zeros_like(places[:, 0]), rays(), Spacing(step=0.1), contract=same, **draws(8, 32)
    )
    halves = (nothing.distance < 1).double().mean()
    assert 0.48 < halves < 0.52
