"""Extracted surfaces against closed forms, against themselves in other blocks, and against what they may cost."""

import math

import numpy as np
import pytest
import torch

from nfield.core.checks import RunError, UserError
from nfield.meshing import search
from nfield.meshing.checks import describe
from nfield.meshing.evaluation import Effort
from nfield.meshing.extraction import extract_surface

LOW, HIGH = np.full(3, -1.0), np.full(3, 1.0)


def ordered(mesh):
    """Vertices in an order of their own, and faces as a sorted list of them, each from its least vertex."""
    order = np.lexsort(mesh.vertices.T)
    place = np.argsort(order)
    faces = place[mesh.faces]
    faces = np.stack([np.roll(f, -int(f.argmin())) for f in faces])
    return mesh.vertices[order], faces[np.lexsort(faces.T)]


@pytest.mark.parametrize(
    ("name", "area", "volume", "euler"),
    [
        ("ball", 4 * math.pi * 0.49, 4 / 3 * math.pi * 0.343, 2),
        ("torus", 4 * math.pi**2 * 0.6 * 0.25, 2 * math.pi**2 * 0.6 * 0.0625, 0),
        ("capsule", 4 * math.pi * 0.09 + 2 * math.pi * 0.3 * 0.8, 4 / 3 * math.pi * 0.027 + math.pi * 0.09 * 0.8, 2),
    ],
)
def test_area_and_volume_converge_at_second_order(shapes, name, area, volume, euler) -> None:
    """Linear crossings lie within O(h²) of a smooth surface, and so do the chords between them."""
    errors = []
    for cells in (20, 40, 80):
        found = describe(extract_surface(getattr(shapes, name)(), LOW, HIGH, cells, dtype=torch.float64))
        assert found.watertight
        assert found.outward
        assert found.components == 1
        assert found.euler_characteristic == euler
        assert found.degenerate_faces == 0
        errors.append((abs(found.area / area - 1), abs(found.volume / volume - 1)))
    rates = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert (rates.mean(0) > 1.8).all()
    assert max(errors[-1]) < 2.5e-3


def test_a_box_whose_faces_lie_on_nodes(shapes) -> None:
    """Exact zeros count as outside: faces lie a thousandth of a cell inside, and a triangle is cut off along edges."""
    found = describe(extract_surface(shapes.box((0.5, 0.25, 0.25)), LOW, HIGH, 32))
    assert found.watertight
    assert found.degenerate_faces == 0
    assert found.euler_characteristic == 2
    step, edges = 2 / 32, 4 * (1 + 0.5 + 0.5)
    assert found.volume == pytest.approx(0.25 - edges * step**2 / 2, rel=1e-2)


@pytest.mark.parametrize("block", [1, 2, 3, 4, 7, 16, 40])
def test_random_fields_close_in_every_block_size(shapes, block) -> None:
    """Waves down to four cells, cut by the box on all sides: any crack or double face would show."""
    field = shapes.random_waves(seed=5, highest=2 * math.pi / (4 * 2 / 24))
    mesh = extract_surface(field, LOW, HIGH, 24, block=block)
    found = describe(mesh)
    assert found.watertight
    assert found.outward
    assert found.degenerate_faces == 0
    assert found.unused_vertices == 0
    vertices, faces = ordered(mesh)
    expected_vertices, expected_faces = ordered(extract_surface(field, LOW, HIGH, 24, block=5))
    np.testing.assert_array_equal(vertices, expected_vertices)
    np.testing.assert_array_equal(faces, expected_faces)


@pytest.mark.parametrize("seed", range(6))
def test_noise_closes(seed) -> None:
    """Random signs at every node, with exact zeros among them: every one of the 256 cases occurs."""
    draw = torch.Generator().manual_seed(seed)
    noise = torch.randint(-2, 3, (17, 17, 17), generator=draw).float()

    def field(x):
        i, j, k = ((x + 1) * 8).round().long().unbind(-1)
        return noise[i, j, k]

    found = describe(extract_surface(field, LOW, HIGH, 16, slope=1e3))
    assert found.watertight
    assert found.degenerate_faces == 0


def test_all_of_a_random_field_is_found(shapes) -> None:
    """A grid small enough to be visited whole, in one block, has no more surface than the search finds."""
    for seed in range(5):
        field = shapes.random_waves(seed, highest=12.0)
        searched = extract_surface(field, LOW, HIGH, 48)
        whole = extract_surface(field, LOW, HIGH, 48, slope=1e6)
        assert len(searched.faces) == len(whole.faces)


def test_a_node_that_answers_differently_in_another_batch_leaves_no_crack(shapes) -> None:
    """Networks do: their last digits depend on the batch. Here they differ in more than the last."""
    draw = torch.Generator().manual_seed(0)

    def field(x):
        return shapes.ball()(x) + 0.02 * torch.rand(len(x), generator=draw)

    found = describe(extract_surface(field, LOW, HIGH, 40, batch=3000))
    assert found.watertight


@pytest.mark.parametrize("cells", [1, 2, 3, 5])
def test_few_cells(cells) -> None:
    """A slab through the whole box: its share of the box's volume, whatever the number of cells."""
    found = describe(extract_surface(lambda x: x[:, 2] - 0.25, LOW, HIGH, cells))
    assert found.watertight
    assert found.volume == pytest.approx(8 * 1.25 / 2, rel=5e-3)


def test_an_oblong_box_has_cubic_cells_that_cover_it(shapes) -> None:
    effort = Effort()
    mesh = extract_surface(shapes.ball(0.3), np.array([-1, -0.4, -0.35]), np.array([1, 0.4, 0.35]), 64, effort=effort)
    assert describe(mesh).volume == pytest.approx(4 / 3 * math.pi * 0.027, rel=1e-2)


def test_the_box_cuts_and_closes(shapes) -> None:
    """A ball of radius 1.2 about a corner of the box: an eighth of it lies inside."""
    ball = shapes.ball(1.2, (-1.0, -1.0, -1.0))
    found = describe(extract_surface(ball, LOW, HIGH, 50))
    assert found.watertight
    assert found.volume == pytest.approx(4 / 3 * math.pi * 1.2**3 / 8, rel=3e-3)
    assert found.area == pytest.approx(4 * math.pi * 1.44 / 8 + 3 * math.pi * 1.44 / 4, rel=3e-3)


def test_an_open_box_leaves_the_surface_open(shapes) -> None:
    mesh = extract_surface(shapes.ball(1.2, (-1.0, -1.0, -1.0)), LOW, HIGH, 50, closed=False)
    found = describe(mesh)
    assert not found.watertight
    assert found.crowded_edges == found.turned_edges == 0
    assert found.area == pytest.approx(4 * math.pi * 1.44 / 8, rel=3e-3)
    assert (np.abs(mesh.vertices) <= 1).all()


def test_a_cavity_in_a_full_box(shapes) -> None:
    """Outside and inside are swapped: the box's faces are the outer surface, the sphere a bubble."""
    found = describe(extract_surface(lambda x: -shapes.ball(0.5)(x), LOW, HIGH, 80))
    assert found.watertight
    assert found.components == 2
    assert found.volume == pytest.approx(8 - 4 / 3 * math.pi * 0.125, rel=2e-3)


def test_components_with_and_without_seeds(shapes) -> None:
    """Two balls far apart: seeds reach only the one that they lie on, the search finds both."""
    two = shapes.union(shapes.ball(0.2, (-0.6, 0.0, 0.0)), shapes.ball(0.25, (0.6, 0.1, 0.0)))
    both = describe(extract_surface(two, LOW, HIGH, 100))
    assert both.components == 2
    assert both.volume == pytest.approx(4 / 3 * math.pi * (0.2**3 + 0.25**3), rel=1e-2)
    one = extract_surface(two, LOW, HIGH, 100, seeds=np.array([[-0.41, 0.0, 0.0], [5.0, 0.0, 0.0]]))
    assert describe(one).components == 1
    assert describe(one).volume == pytest.approx(4 / 3 * math.pi * 0.2**3, rel=1e-2)


def test_seeds_beside_the_surface_are_pulled_to_it(shapes) -> None:
    mesh = extract_surface(shapes.ball(), LOW, HIGH, 128, seeds=np.array([[0.85, 0.1, 0.0]]))
    assert describe(mesh).euler_characteristic == 2


def test_gyroid_is_one_surface_through_many_blocks(shapes) -> None:
    """In whole periods a gyroid halves the volume; the box is moved so that its corners hold no lone speck."""
    found = describe(extract_surface(shapes.gyroid(), LOW + 0.03, HIGH + 0.03, 64))
    assert found.watertight
    assert found.components == 1
    assert found.volume == pytest.approx(4, rel=5e-3)


def test_levels_other_than_zero(shapes) -> None:
    """The level 0.2 of a distance is the ball that is larger by as much; a level of 1e4 loses no digits."""
    larger = describe(extract_surface(shapes.ball(0.5), LOW, HIGH, 40, level=0.2))
    same = describe(extract_surface(shapes.ball(0.7), LOW, HIGH, 40))
    assert larger.volume == pytest.approx(same.volume, rel=1e-5)
    raised = extract_surface(lambda x: shapes.ball(0.7)(x) + 1e4, LOW, HIGH, 40, level=1e4, dtype=torch.float64)
    assert describe(raised).volume == pytest.approx(same.volume, rel=1e-5)


@pytest.mark.parametrize("block", [12, 20, 64])
def test_large_blocks_find_the_surface(shapes, block) -> None:
    """Few blocks tell nothing of the field's slope."""
    mesh = extract_surface(shapes.ball(0.2, (0.5, 0.5, 0.5)), LOW, HIGH, 60, block=block)
    assert len(mesh.faces) == len(extract_surface(shapes.ball(0.2, (0.5, 0.5, 0.5)), LOW, HIGH, 60).faces)


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_the_scale_of_the_field_does_not_matter(shapes, scale) -> None:
    effort, usual = Effort(), Effort()
    mesh = extract_surface(lambda x: scale * shapes.ball()(x), LOW, HIGH, 80, effort=effort)
    same = extract_surface(shapes.ball(), LOW, HIGH, 80, effort=usual)
    assert len(mesh.faces) == len(same.faces)
    assert effort.evaluations == pytest.approx(usual.evaluations, rel=0.05)


def test_evaluations_grow_with_the_area(shapes) -> None:
    """Less than 12 for every cell's worth of area: 4 million of the 134 million nodes at 512 cells."""
    effort = Effort()
    told = []
    extract_surface(shapes.ball(), LOW, HIGH, 512, effort=effort, progress=lambda e: told.append((e.blocks, e.waiting)))
    assert effort.evaluations < 12 * 4 * math.pi * (0.7 * 256) ** 2
    assert effort.evaluations < 0.04 * 512**3
    assert told[-1][0] == effort.blocks
    assert told[-1][1] == 0


def test_batches_bound_the_positions_in_one_call(shapes) -> None:
    most = []

    def field(x):
        most.append(len(x))
        return shapes.ball()(x)

    extract_surface(field, LOW, HIGH, 60, batch=1000)
    assert max(most) <= 1000


def test_no_surface_is_told(shapes) -> None:
    for field, side in ((lambda x: x[:, 0] + 3, "above"), (lambda x: x[:, 0] - 3, "below")):
        for cells in (1, 20, 100):
            with pytest.raises(UserError, match=f"No surface inside the box: the field is {side} the level 0.0"):
                extract_surface(field, LOW, HIGH, cells)
    with pytest.raises(UserError, match="near the seeds"):
        extract_surface(lambda x: x[:, 0] + 3, LOW, HIGH, 40, seeds=np.zeros((1, 3)))
    with pytest.raises(UserError, match="None of the seeds lies in the box"):
        extract_surface(shapes.ball(), LOW, HIGH, 40, seeds=np.full((1, 3), 7.0))


def test_mistakes_are_told(shapes) -> None:
    with pytest.raises(UserError, match="has no volume"):
        extract_surface(shapes.ball(), LOW, LOW, 10)
    with pytest.raises(UserError, match="number of cells must be at least 1"):
        extract_surface(shapes.ball(), LOW, HIGH, 0)
    with pytest.raises(RunError, match="not finite"):
        extract_surface(lambda x: x[:, 0] / 0, LOW, HIGH, 10)
    with pytest.raises(RunError, match=r"shape \(\d+, 1\)"):
        extract_surface(lambda x: x[:, :1], LOW, HIGH, 10)


def test_a_field_that_is_near_its_level_everywhere_is_told(shapes, monkeypatch) -> None:
    """The search would hold the whole box in memory: it stops at a fixed number of cubes."""
    monkeypatch.setattr(search, "MOST_CUBES", 2**16)
    with pytest.raises(UserError, match="Give seeds"):
        extract_surface(shapes.ball(), LOW, HIGH, 512, slope=1e9)


def test_noisy_seeds_cost_little_beyond_the_surface(shapes) -> None:
    """Points with noise of many blocks: they are moved to the surface, not visited where they are."""
    draw = np.random.default_rng(0)
    points = draw.normal(size=(20_000, 3))
    points *= (0.7 + 0.05 * draw.normal(size=(20_000, 1))) / np.linalg.norm(points, axis=1, keepdims=True)
    few, many = Effort(), Effort()
    one = extract_surface(shapes.ball(), LOW, HIGH, 256, seeds=np.array([[0.7, 0.0, 0.0]]), effort=few)
    all_of_them = extract_surface(shapes.ball(), LOW, HIGH, 256, seeds=points, effort=many)
    assert len(one.faces) == len(all_of_them.faces)
    assert many.evaluations < 1.35 * few.evaluations


@pytest.mark.parametrize("height", [0.0, 0.25, 1e-7, -1e-7])
def test_seeds_on_a_surface_between_blocks(height) -> None:
    """A plane along the faces of blocks, up to rounding: its seeds may fall into blocks that it does not pass."""
    seeds = np.array([[0.1, 0.2, height]])
    found = describe(extract_surface(lambda x: x[:, 2] - height, LOW, HIGH, 64, seeds=seeds))
    assert found.volume == pytest.approx(4 * (1 + height), rel=1e-2)
