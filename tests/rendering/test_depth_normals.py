"""Normals from depths, against those of a plane and a ball."""

import math

import torch

from nfield.core.lens import Lens
from nfield.rendering.depth_normals import normals_of_places

LENS = Lens.of_angle(64, 64, 40.0)


def rays() -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    return LENS.directions(torch.stack([columns, rows], -1).double() + 0.5)


def test_a_plane_has_its_normal_everywhere() -> None:
    normal = torch.tensor([0.3, -0.2, 0.9], dtype=torch.float64)
    normal = normal / normal.norm()
    directions = rays()
    depth = -3.0 / (directions @ normal)  # of the plane x . n = -3, before the camera at the origin
    found = normals_of_places(depth[..., None] * directions, directions)
    torch.testing.assert_close(found, normal.expand_as(found))


def test_a_ball_before_nothing() -> None:
    """Radial normals within the angle that the span subtends, up to the silhouette, and zero beside it."""
    directions, centre = rays(), torch.tensor([0.0, 0.0, -4.0], dtype=torch.float64)
    along = directions @ centre
    root = 1 - 16 + along**2
    depth = torch.where(root > 0, along - root.clamp(min=0).sqrt(), torch.inf)
    places = depth[..., None] * directions
    found = normals_of_places(places, directions)
    seen = depth.isfinite()
    assert (found[~seen] == 0).all()
    truth = places[seen] - centre
    known = found[seen].norm(dim=-1) > 0.5
    assert known.double().mean() > 0.99
    cosine = (found[seen] * truth).sum(-1)[known]
    # Where the surface is seen from straight before, a pixel is 0.034 of the radius long.
    facing = (-(directions[seen] * truth).sum(-1) > 0.5)[known]
    assert cosine[facing].min() > math.cos(0.15)
    assert (cosine > 0).all(), "turned towards the camera"


def test_no_difference_reaches_across_an_edge() -> None:
    """Two planes square to the axis at different depths: the normal is the axis on both sides of the edge."""
    directions = rays()
    height = torch.where(torch.arange(64) < 30, 2.0, 5.0)[None, :].expand(64, 64).double()
    places = directions * (height / -directions[..., 2])[..., None]
    found = normals_of_places(places, directions)
    torch.testing.assert_close(found, torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64).expand_as(found))


def test_a_single_row_has_none() -> None:
    assert (normals_of_places(torch.ones(1, 5, 3), torch.ones(1, 5, 3)) == 0).all()
