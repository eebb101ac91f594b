"""Positions must not move in low precision. Oracle: points that bfloat16 cannot tell apart, and float32."""

import pytest
import torch

from nfield.backbones import BACKBONES
from nfield.encodings import ENCODINGS


@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_points_that_are_one_in_bfloat16_keep_apart(name):
    network = BACKBONES[name]().build(2, 1, torch.Generator().manual_seed(0))
    places = (torch.rand(256, 2, generator=torch.Generator().manual_seed(1)) * 2 - 1).bfloat16().float()
    near = places * (1 + 2.0**-10)
    assert torch.equal(near.bfloat16(), places.bfloat16())
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        # Steep enough for the eight digits of the other layers to show it.
        next(network.parameters()).mul_(10)
        moved = network(near).float() - network(places).float()
    assert moved.count_nonzero() > 16


@pytest.mark.parametrize("name", ["gaussian", "multiscale_gaussian"])
def test_phases_are_those_of_float32(name):
    encoding = ENCODINGS[name]().build(2, torch.Generator().manual_seed(0))
    points = torch.rand(500, 2, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.autocast("cpu", torch.bfloat16):
        low = encoding(points)
    torch.testing.assert_close(low.float(), encoding(points), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_features_that_come_in_low_precision_are_taken(name):
    network = BACKBONES[name]().build(2, 1, torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.isfinite(network(torch.rand(5, 2).bfloat16())).all()
