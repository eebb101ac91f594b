"""The truth of toy scenes. Oracles: closed forms of spheres, planes, shadows and highlights."""

import math

import numpy as np
import pytest
import torch

from nfield.core.checks import UserError
from nfield.core.views import Box as WorldBox
from nfield.scenes.blobs import Blob
from nfield.scenes.lighting import Background, Fade, Lamp, Material
from nfield.scenes.patterns import Solid
from nfield.scenes.placed import Placed
from nfield.scenes.shape import Ground
from nfield.scenes.shapes import Sphere, Torus
from nfield.scenes.toy import ToyScene

RED = Solid(colour=(0.8, 0.2, 0.1))
ABOVE = Lamp(towards=(0.0, 0.0, 3.0), strength=0.5)
DOUBLE = torch.float64


def two_balls() -> ToyScene:
    return ToyScene(
        name="balls",
        objects=(
            Placed(shape=Sphere(radius=0.5), pattern=RED),
            Placed(shape=Sphere(radius=0.3), shift=(1.5, 0.0, 0.0), scale=2.0),
        ),
        ambient=0.2,
        lamps=(ABOVE,),
    )


def test_distances_and_normals_are_those_of_the_nearest_ball() -> None:
    draw = torch.Generator().manual_seed(0)
    points = 4 * torch.rand(500, 3, generator=draw, dtype=DOUBLE) - 2
    centres = torch.tensor([[0, 0, 0], [1.5, 0, 0]], dtype=DOUBLE)
    each = torch.cdist(points, centres) - torch.tensor([0.5, 0.6], dtype=DOUBLE)
    scene = two_balls()
    assert torch.allclose(scene.distance(points), each.amin(-1))
    towards = torch.nn.functional.normalize(points - centres[each.argmin(-1)], dim=-1)
    assert torch.allclose(scene.normal(points), towards)


def test_box_and_radius_hold_both_balls() -> None:
    scene = two_balls()
    assert scene.box.low.tolist() == pytest.approx([-0.5, -0.6, -0.6])
    assert scene.box.high.tolist() == pytest.approx([2.1, 0.6, 0.6])
    assert scene.radius == pytest.approx(1.3)
    assert scene.up.tolist() == [0, 0, 1]
    assert not scene.unbounded


def test_traced_rays_bring_depth_normal_opacity_and_colour() -> None:
    origins = torch.tensor([[0.0, 0.0, 3.0], [0.0, -3.0, 0.0], [0.0, -3.0, 2.0]], dtype=DOUBLE)
    directions = torch.tensor([[0, 0, -1], [0, 1, 0], [0, 1, 0]], dtype=DOUBLE)
    found = two_balls().trace(origins, directions)
    assert found.depth.tolist() == pytest.approx([2.5, 2.5, math.inf])
    assert found.opacity.tolist() == [1, 1, 0]
    assert torch.allclose(found.normal, torch.tensor([[0, 0, 1.0], [0, -1, 0], [0, 0, 0]], dtype=DOUBLE), atol=1e-6)
    # Lit from above: ambient 0.2 and lamp 0.5 on top, ambient alone at the side, where the lamp's light slides past.
    red = torch.tensor([0.8, 0.2, 0.1], dtype=DOUBLE)
    assert torch.allclose(found.colour, torch.stack([0.7 * red, 0.2 * red, 0 * red]), atol=1e-6)


def test_no_rays_give_empty_answers() -> None:
    found = two_balls().trace(torch.zeros(0, 3), torch.zeros(0, 3))
    assert found.colour.shape == (0, 3)
    assert found.depth.shape == found.opacity.shape == (0,)
    assert two_balls().depths(torch.zeros(0, 3), torch.zeros(0, 3)).shape == (0,)


def test_colour_at_points_is_what_rays_bring() -> None:
    draw = torch.Generator().manual_seed(2)
    aims = torch.randn(300, 3, generator=draw, dtype=DOUBLE) * 0.3
    origins = torch.tensor([1.0, -3.0, 1.0], dtype=DOUBLE).expand(300, 3)
    directions = torch.nn.functional.normalize(aims - origins, dim=-1)
    scene = two_balls()
    found = scene.trace(origins, directions)
    hits = found.depth.isfinite()
    points = (origins + found.depth[:, None] * directions)[hits]
    assert 50 < len(points) < 300
    assert scene.distance(points).abs().max() < 1e-8
    assert torch.allclose(scene.colour(points, directions[hits]), found.colour[hits], atol=1e-6)


def on_ground(x: torch.Tensor, y: torch.Tensor, *lamps: Lamp) -> torch.Tensor:
    """Brightness of white ground at z = 0, below a ball of radius 0.5 at height 2."""
    ball = Placed(shape=Sphere(radius=0.5), shift=(0.0, 0.0, 2.0))
    ground = Placed(shape=Ground(), pattern=Solid(colour=(1.0, 1.0, 1.0)))
    scene = ToyScene(name="shadow", objects=(ground, ball), ambient=0.25, lamps=lamps)
    points = torch.stack([x, y, torch.zeros_like(x)], -1)
    down = torch.tensor([0.0, 0.0, -1.0], dtype=DOUBLE).expand_as(points)
    return scene.colour(points, down)[:, 0]


def test_the_shadow_of_a_ball_under_a_slanted_lamp_is_an_ellipse() -> None:
    """Light at 45° from +x moves the shadow by the height, and draws it out by 1/sin 45° along x."""
    x, y = (axis.flatten() for axis in torch.meshgrid(*[torch.linspace(-4, 2, 121, dtype=DOUBLE)] * 2, indexing="ij"))
    found = on_ground(x, y, Lamp(towards=(1.0, 0.0, 1.0), strength=0.6))
    inside = ((x + 2) * math.sqrt(0.5)).square() + y.square()
    lit = 0.25 + 0.6 * math.sqrt(0.5)
    assert torch.allclose(found[inside < 0.245], torch.tensor(0.25, dtype=DOUBLE))
    assert torch.allclose(found[inside > 0.255], torch.tensor(lit, dtype=DOUBLE))
    assert int((inside < 0.245).sum()) > 100


def test_lamps_add_up_and_those_without_shadows_shine_through() -> None:
    at = torch.zeros(1, dtype=DOUBLE)
    through = Lamp(towards=(0.0, 0.0, 1.0), strength=0.3, shadows=False)
    assert on_ground(at, at, ABOVE).item() == pytest.approx(0.25)
    assert on_ground(at, at, ABOVE, through).item() == pytest.approx(0.55)
    assert on_ground(at + 3, at, ABOVE, through).item() == pytest.approx(1.0)


def test_highlights_are_brightest_where_the_lamp_is_mirrored() -> None:
    """On level ground a lamp at 45° is mirrored towards 45° on the other side; 10° off it is cos(10°)^shininess."""
    shiny = Placed(
        shape=Ground(), pattern=Solid(colour=(0.0, 0.0, 0.0)), material=Material(specular=0.8, shininess=40.0)
    )
    lamp = Lamp(towards=(-1.0, 0.0, 1.0), strength=1.0, colour=(1.0, 0.5, 0.25))
    scene = ToyScene(name="shiny", objects=(shiny,), lamps=(lamp,), room=WorldBox(low=-np.ones(3), high=np.ones(3)))
    angles = torch.tensor([45.0, 55.0, 135.0], dtype=DOUBLE).deg2rad()
    towards_viewer = torch.stack([angles.cos(), 0 * angles, angles.sin()], -1)
    found = scene.colour(torch.zeros(3, 3, dtype=DOUBLE), -towards_viewer)
    expected = 0.8 * math.cos(math.radians(10)) ** 40
    assert found[:, 0].tolist() == pytest.approx([0.8, expected, 0.0], abs=1e-9)
    assert found[0].tolist() == pytest.approx([0.8, 0.4, 0.2])


def test_radiance_is_clipped_at_one() -> None:
    bright = ToyScene(
        name="bright", objects=(Placed(shape=Sphere()),), ambient=1.0, lamps=(Lamp(strength=5.0, shadows=False),)
    )
    found = bright.trace(
        torch.tensor([[1.0, -1.0, 2.0]]) * 3, torch.nn.functional.normalize(-torch.tensor([[1.0, -1.0, 2.0]]))
    )
    assert found.colour.tolist() == [[1.0, 1.0, 1.0]]


def test_fading_ground_takes_the_other_colour_far_away() -> None:
    fade = Fade(colour=(0.0, 0.0, 1.0), radius=2.0)
    ground = Placed(shape=Ground(), pattern=Solid(colour=(1.0, 0.0, 0.0)), fade=fade)
    found = ground.colours(torch.tensor([[0.0, 0, 0], [2.0, 0, 0], [100.0, 0, 0]], dtype=DOUBLE))
    kept = math.exp(-1)
    wanted = [[1.0, 0, 0], [kept, 0, 1 - kept], [0, 0, 1.0]]
    assert torch.allclose(found, torch.tensor(wanted, dtype=DOUBLE), atol=1e-12)


def test_skies_go_from_the_horizon_to_the_zenith_and_make_scenes_unbounded() -> None:
    sky = Background(horizon=(1.0, 1.0, 1.0), zenith=(0.0, 0.0, 1.0))
    found = sky.seen(torch.tensor([[1.0, 0, 0], [0, 0, 1.0], [0, 0.0, -1.0], [0.0, math.sqrt(15) / 4, 0.25]]))
    assert found.tolist() == [[1, 1, 1], [0, 0, 1], [1, 1, 1], [0.5, 0.5, 1]]
    assert ToyScene(name="sky", objects=(Placed(shape=Sphere()),), background=sky).unbounded
    assert not sky.transparent
    assert Background().transparent


def test_blobs_hide_surfaces_behind_them_in_part() -> None:
    """One blob of optical depth ln 4 before a ball: a quarter of its colour arrives, and the depth is in the blob."""
    spread = 0.1
    density = math.log(4) / (spread * math.sqrt(2 * math.pi))
    blob = Blob(centre=(0.0, 0.0, 2.0), spread=(spread,) * 3, density=density, colour=(0.0, 0.0, 1.0))
    ball = Placed(shape=Sphere(radius=0.5), pattern=Solid(colour=(1.0, 0.0, 0.0)))
    scene = ToyScene(name="both", objects=(ball,), blobs=(blob,), ambient=1.0, lamps=())
    found = scene.trace(torch.tensor([[0, 0, 4.0]], dtype=DOUBLE), torch.tensor([[0, 0, -1.0]], dtype=DOUBLE))
    assert found.colour[0].tolist() == pytest.approx([0.25, 0.0, 0.75], abs=1e-6)
    assert found.opacity.item() == 1
    # Half of the light is lost after half of the optical depth, in the blob's middle.
    assert found.depth.item() == pytest.approx(2.0, abs=1e-6)
    assert scene.density(torch.tensor([[0, 0, 2.0], [0.1, 0, 2.0]], dtype=DOUBLE)).tolist() == pytest.approx(
        [density, density * math.exp(-0.5)]
    )
    assert scene.box.high.tolist() == pytest.approx([0.5, 0.5, 2.3])


def test_scenes_without_anything_or_without_end_are_refused() -> None:
    with pytest.raises(UserError, match="is empty"):
        ToyScene(name="nothing")
    with pytest.raises(UserError, match="has no end"):
        ToyScene(name="endless", objects=(Placed(shape=Ground()),))
    with pytest.raises(UserError, match="ambient light must lie between 0 and 1"):
        ToyScene(name="bright", objects=(Placed(shape=Torus()),), ambient=1.5)
