"""Pictures and views of toy scenes. Oracles: silhouettes and depths of a sphere, the area below a known edge."""

import math

import numpy as np
import pytest
import torch

from nfield.core.checks import UserError
from nfield.core.lens import Lens
from nfield.core.views import pixel_rays
from nfield.scenes import toy_views as module
from nfield.scenes.lighting import Background
from nfield.scenes.patterns import Solid
from nfield.scenes.pictures import render
from nfield.scenes.placed import Placed
from nfield.scenes.scene_files import load_scene
from nfield.scenes.shapes import Box, Sphere
from nfield.scenes.toy import ToyScene
from nfield.scenes.toy_views import toy_views

BALL = ToyScene(
    name="ball",
    objects=(Placed(shape=Sphere(radius=0.5), pattern=Solid(colour=(0.2, 0.6, 0.4))),),
    ambient=1.0,
    lamps=(),
)


def pose_above(height: float) -> np.ndarray:
    """A camera at this height that looks down, with its right along x and its up along y."""
    pose = np.eye(4)
    pose[2, 3] = height
    return pose


@pytest.mark.parametrize("aside", [0.0, 0.3])
def test_the_silhouette_of_a_ball_has_the_area_of_its_ellipse(aside: float) -> None:
    """A ball of radius r at depth d, aside by x, is seen as an ellipse: with the cone's half angle β and the axis at
    angle γ from the picture's, semi-axes f sin β cos β / (cos²γ - sin²β) and f sin β / √(cos²γ - sin²β)."""
    lens = Lens.of_angle(128, 128, 50)
    pose = pose_above(2.0)
    pose[0, 3] = -aside
    rgba, _ = render(BALL, pose, lens, supersample=4)
    distance = math.hypot(2, aside)
    sine, cosine = 0.5 / distance, 2 / distance
    left = cosine**2 - sine**2
    ellipse = math.pi * lens.fx**2 * sine**2 * math.sqrt(1 - sine**2) / left**1.5
    assert rgba[..., 3].sum() == pytest.approx(ellipse, rel=2e-3)
    # All that is seen of it has its colour, also at the edge.
    seen = rgba[rgba[..., 3] > 0]
    assert np.allclose(seen[:, :3], [0.2, 0.6, 0.4], atol=1e-5)
    assert (rgba[rgba[..., 3] == 0] == 0).all()


@pytest.mark.parametrize("supersample", [1, 2, 3])
def test_depths_are_those_of_rays_through_the_middles_of_pixels(supersample: int) -> None:
    view = toy_views(BALL, size=31, train=3, test=0, supersample=supersample, seed=5).views[1]
    rows, columns = torch.meshgrid(torch.arange(31), torch.arange(31), indexing="ij")
    origins, directions = pixel_rays(view, rows, columns)
    b = (origins * directions).sum(-1)
    squared = b.square() - origins.square().sum(-1) + 0.25
    wanted = torch.where(squared > 0, -b - squared.clamp(min=0).sqrt(), torch.inf).numpy()
    found = view.read_depth()  # type: ignore[misc]
    assert found.dtype == np.float32
    clear = squared.abs().numpy() > 0.01
    assert 100 < (clear & np.isfinite(wanted)).sum() < 900
    assert np.array_equal(np.isfinite(found)[clear], np.isfinite(wanted)[clear])
    both = clear & np.isfinite(wanted)
    assert np.abs(found[both] - wanted[both]).max() < 1e-4


@pytest.mark.parametrize("supersample", [1, 3, 4])
def test_a_pixel_holds_the_share_that_an_edge_leaves(supersample: int) -> None:
    """A slab seen from above whose edge cuts 30 % off a pixel's column: as many of its columns of rays are covered."""
    lens = Lens(width=8, height=8, fx=8.0, fy=8.0, cx=4.0, cy=4.0)
    # At depth 1 a pixel is 1/8 wide; the edge lies at 0.7 of the sixth column.
    edge = 1.7 / 8
    slab = Placed(shape=Box(half=(1.0, 1.0, 0.5)), shift=(edge - 1, 0.0, -0.5), pattern=Solid(colour=(1.0, 0.5, 0.0)))
    scene = ToyScene(name="slab", objects=(slab,), ambient=1.0, lamps=())
    rgba, depth = render(scene, pose_above(1.0), lens, supersample)
    covered = np.mean((np.arange(supersample) + 0.5) / supersample < 0.7)
    assert rgba[:, 5, 3] == pytest.approx(np.full(8, covered))
    assert rgba[:, 4, 3].tolist() == [1.0] * 8
    assert rgba[:, 6, 3].tolist() == [0.0] * 8
    assert np.allclose(rgba[:, :6, :3], [1.0, 0.5, 0.0])
    assert np.isfinite(depth[:, 5]).all()


def test_backgrounds_with_a_colour_are_seen_through_edges() -> None:
    lens = Lens.of_angle(40, 30, 50)
    clear, _ = render(BALL, pose_above(2.0), lens)
    plain = ToyScene(
        name="plain", objects=BALL.objects, ambient=1.0, lamps=(), background=Background(horizon=(1.0, 0.0, 0.0))
    )
    opaque, _ = render(plain, pose_above(2.0), lens)
    assert (opaque[..., 3] == 1).all()
    over = clear[..., 3:] * clear[..., :3] + (1 - clear[..., 3:]) * np.array([1.0, 0, 0])
    assert np.allclose(opaque[..., :3], over, atol=1e-6)


def test_rendering_twice_gives_the_same_and_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = load_scene("fuzzy-volume")
    lens = Lens.of_angle(20, 15, 40)
    pose = toy_views(scene, train=1, test=0).views[0].camera_to_world
    first, second = render(scene, pose, lens), render(scene, pose, lens)
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    monkeypatch.setattr("nfield.scenes.pictures.AT_ONCE", 100)
    third = render(scene, pose, lens)
    assert np.allclose(first[0], third[0], atol=1e-6)


def test_views_render_once_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(*arguments: object) -> object:
        calls.append(arguments)
        return render(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "render", counted)
    views = toy_views(BALL, size=8, train=3, test=2)
    assert not calls
    view = views.of("test")[1]
    pixels = view.pixels()
    assert pixels.shape == (8, 8, 4)
    assert pixels.dtype == np.uint8
    assert view.pixels() is pixels
    assert view.read_depth().shape == (8, 8)  # type: ignore[misc]
    assert len(calls) == 1


def test_sets_of_views_tell_what_is_known_of_the_scene() -> None:
    views = toy_views(load_scene("unbounded-ground"), size=8, train=4, test=2)
    assert [view.name for view in views.of("train")] == [f"train-{number:03}" for number in range(4)]
    assert [view.name for view in views.of("test")] == ["test-000", "test-001"]
    assert views.source == "unbounded-ground"
    assert views.unbounded
    assert views.background is None
    assert views.views[0].pixels().shape == (8, 8, 3)
    assert views.up is not None
    assert views.box is not None
    assert views.up.tolist() == [0, 0, 1]
    assert len(views.lenses) == 1
    for view in views.views:
        aside = np.cross(views.box.middle - view.position, view.forward)
        assert np.abs(aside).max() < 1e-9


def test_the_whole_scene_fits_into_every_picture() -> None:
    for view in toy_views(load_scene("text"), size=24, train=6, test=2, seed=2).views:
        alpha = view.pixels()[..., 3]
        assert alpha[0].max() == alpha[-1].max() == alpha[:, 0].max() == alpha[:, -1].max() == 0


def test_impossible_views_are_refused() -> None:
    with pytest.raises(UserError, match="size of the pictures must be at least 1"):
        toy_views(BALL, size=0)
    with pytest.raises(UserError, match="number of views for training must be at least 1"):
        toy_views(BALL, train=0)
    with pytest.raises(UserError, match="radius of the rig must be a positive number"):
        toy_views(BALL, radius=-2.0)
