"""Features that come in from coarse to fine, and cameras that are found out, in a radiance field."""

import torch

from nfield.backbones.mlp import MLPConfig
from nfield.core.seeding import generator
from nfield.encodings import HashGridConfig, NeRFConfig, SphericalHarmonicsConfig
from nfield.fields.camera_corrections import CameraCorrections
from nfield.fields.radiance import RadianceField
from nfield.rendering.occupancy import OccupancyGrid


def field(*, coarse_first: bool = True, cameras: CameraCorrections | None = None, nerf: bool = True) -> RadianceField:
    draw = generator(0, "weights")
    encoding = NeRFConfig(octaves=5).build(3, draw) if nerf else HashGridConfig(levels=3).build(3, draw)
    backbone = MLPConfig(width=16, depth=1).build(encoding.out_dim, 4, draw)
    directions = SphericalHarmonicsConfig(degree=1).build(3, draw)
    head = MLPConfig(width=8, depth=1).build(3 + directions.out_dim, 3, draw)
    grid = OccupancyGrid(8)
    return RadianceField(encoding, backbone, directions, head, grid, cameras=cameras, coarse_first=coarse_first)


def test_octaves_come_in_one_after_the_other() -> None:
    """Five octaves: at the shares k / 4 the first k + 1 are there, between them one is coming in by a raised cosine."""
    found = field()
    assert found.shown is not None
    octaves = found.encoding.octaves()
    for k in range(5):
        found.show(k / 4)
        torch.testing.assert_close(found.shown, (octaves <= octaves.min() + k).float())
    found.show(2.5 / 4)
    coming = found.shown[octaves == octaves.min() + 3]
    torch.testing.assert_close(coming, torch.full_like(coming, 0.5))
    found.show(0.0)
    early = found.density(torch.rand(50, 3, generator=generator(0, "points")) * 2 - 1)
    # The coarsest octave has the period 2 along each axis: finer ones are not seen yet.
    places = torch.rand(50, 3, generator=generator(0, "points")) * 2 - 1
    torch.testing.assert_close(found.density(places - 2 * places.sign()), early, atol=1e-5, rtol=1e-4)


def test_all_at_once_is_the_field_as_it_was() -> None:
    places, along = torch.rand(20, 3) * 2 - 1, torch.nn.functional.normalize(torch.randn(20, 3), dim=-1)
    late, plain = field(), field(coarse_first=False)
    late.show(1.0)
    assert plain.shown is None
    assert "shown" not in plain.state_dict()
    for one, other in zip(late(places, along), plain(places, along), strict=True):
        torch.testing.assert_close(one, other)


def test_groups_hold_every_parameter_once() -> None:
    cameras = CameraCorrections(4, exposure=True, poses=True)
    found = field(cameras=cameras, nerf=False)
    groups = found.parameter_groups()
    assert [group["name"] for group in groups] == ["network", "features", "poses", "exposures"]
    ids = [id(p) for group in groups for p in group["params"]]
    assert sorted(ids) == sorted(id(p) for p in found.parameters())
    assert groups[2]["rate"] < 0.1, "poses move slowly"
