"""Profiles of surfaces and what fields are like along them. Oracle: spheres with and without ripples."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch

from nfield.core.mesh import Mesh
from nfield.jobs.surface.profile_probe import FRACTIONS, OBLIQUE, ProfileProbe, cut_profiles, reach, settled
from nfield.meshing.extraction import extract_surface

CPU = torch.device("cpu")
RADIUS = 0.4
DIAGONAL = 2 * RADIUS * 3**0.5


def ball(*ripples: tuple[int, float], radius: float = RADIUS) -> Callable[[torch.Tensor], torch.Tensor]:
    """`|x| − R − Σ a sin(kx/R) sin(ky/R) sin(kz/R)`, as a network: values of shape (..., 1)."""

    def value(x: torch.Tensor) -> torch.Tensor:
        wave = sum((a * torch.sin(k * x / RADIUS + 0.5).prod(-1) for k, a in ripples), torch.zeros(()))
        return (x.norm(dim=-1) - radius - wave)[..., None]

    return value


def mesh_of(network: Callable[[torch.Tensor], torch.Tensor], cells: int = 256) -> Mesh:
    return extract_surface(lambda x: network(x)[..., 0], np.full(3, -0.5), np.full(3, 0.5), cells)


COARSE, FINE = (3, 0.02), (24, 0.004)
RIPPLED = ball(COARSE, FINE)


@pytest.fixture(scope="module")
def probe() -> ProfileProbe:
    return ProfileProbe(cut_profiles(mesh_of(RIPPLED)), DIAGONAL)


def test_samples_are_even_and_shared_by_length(probe: ProfileProbe) -> None:
    profiles = cut_profiles(mesh_of(RIPPLED))
    assert len(profiles) == 3 * len(FRACTIONS) + len(OBLIQUE) == probe.count
    assert abs(probe.samples - 4096) < 20
    spacings = [profile.spacing for profile in profiles]
    assert max(spacings) == pytest.approx(min(spacings), rel=0.02)
    for profile in profiles:
        steps = np.linalg.norm(np.roll(profile.points, -1, axis=0) - profile.points, axis=1)
        assert steps == pytest.approx(profile.spacing, rel=0.05)
        assert np.abs((profile.points - profile.points[0]) @ profile.plane).max() < 1e-9
        assert np.abs(profile.across @ profile.plane).max() < 1e-9


def test_the_reference_itself_has_no_error_and_no_surface_has_error_one(probe: ProfileProbe) -> None:
    found, missing = probe.errors(RIPPLED, CPU)
    assert missing == 0
    assert all(one is None or one < 0.03 for one in found)
    nothing, missing = probe.errors(lambda x: torch.ones(*x.shape[:-1], 1), CPU)
    assert missing == 1
    assert nothing == [None if one is None else pytest.approx(1) for one in found]
    broken, missing = probe.errors(lambda x: torch.full((*x.shape[:-1], 1), torch.nan), CPU)
    assert (broken, missing) == (nothing, 1)


def test_a_field_without_the_fine_ripple_errs_in_its_bands_only(probe: ProfileProbe) -> None:
    found, missing = probe.errors(ball(COARSE), CPU)
    told = dict(zip([low for low, _ in probe.bands.bands], found, strict=True))
    assert missing == 0
    # sin 24x/R has 24/(2π) waves per R, and a diagonal is 3.46 R: 13.2 cycles along an axis, and up to √2 times as many
    # in a plane across one.
    assert told[8.0] == pytest.approx(1, abs=0.1)
    assert told[16.0] == pytest.approx(1, abs=0.1)
    assert told[0.0] < 0.01
    assert told[1.0] < 0.1


def test_a_field_without_any_ripple_errs_in_both(probe: ProfileProbe) -> None:
    found, _ = probe.errors(ball(), CPU)
    told = dict(zip([low for low, _ in probe.bands.bands], found, strict=True))
    # Not 1 exactly: along the curve itself the ripple moves points, too, and a tenth of the radius is no small ripple.
    for low in (1.0, 2.0, 8.0, 16.0):
        assert 0.9 < told[low] < 1.4
    assert told[0.0] < 0.02


def test_a_larger_ball_is_wrong_in_size_alone() -> None:
    """A plane at height h cuts the spheres R and R + d in circles of radius √(R² − h²) and √((R + d)² − h²)."""
    probe = ProfileProbe(cut_profiles(mesh_of(ball())), DIAGONAL)
    found, _ = probe.errors(ball(radius=RADIUS + 0.01), CPU)
    radii = [np.sqrt(RADIUS**2 - h**2) for h in ((2 * f - 1) * RADIUS for f in FRACTIONS) for _ in range(3)]
    oblique = [(2 * FRACTIONS[1] - 1) * RADIUS * sum(normal) / 3**0.5 for normal in OBLIQUE]
    radii += [np.sqrt(RADIUS**2 - h**2) for h in oblique]
    r = np.array(radii)
    moved = np.sqrt((RADIUS + 0.01) ** 2 - RADIUS**2 + r**2) - r
    assert found[0] == pytest.approx(np.sqrt((r * moved**2).sum() / (r * r**2).sum()), rel=0.01)
    assert found[1:] == [None] * (len(found) - 1)


@pytest.mark.parametrize(("scale", "shift"), [(1e-3, 0.0), (1.0, 3.0)])
def test_scale_and_place_do_not_matter(probe: ProfileProbe, scale: float, shift: float) -> None:
    mesh = mesh_of(RIPPLED)
    moved = dataclasses.replace(mesh, vertices=mesh.vertices * scale + shift)
    other = ProfileProbe(cut_profiles(moved), DIAGONAL * scale)
    field = lambda x: scale * ball(COARSE)((x - shift) / scale)  # noqa: E731
    expected, _ = probe.errors(ball(COARSE), CPU)
    found, _ = other.errors(field, CPU)
    assert other.bands.energy == pytest.approx(probe.bands.energy, rel=1e-3)
    assert found == [None if one is None else pytest.approx(one, rel=0.02, abs=2e-3) for one in expected]


def test_answers_repeat_bit_for_bit(probe: ProfileProbe) -> None:
    again = ProfileProbe(cut_profiles(mesh_of(RIPPLED)), DIAGONAL)
    assert again.errors(ball(COARSE), CPU) == probe.errors(ball(COARSE), CPU)


def test_the_turn_of_the_curve_and_the_sign_of_the_field_do_not_matter(probe: ProfileProbe) -> None:
    mesh = mesh_of(RIPPLED)
    turned = ProfileProbe(cut_profiles(dataclasses.replace(mesh, faces=mesh.faces[:, ::-1].copy())), DIAGONAL)
    expected, _ = probe.errors(ball(COARSE), CPU)
    approx = [None if one is None else pytest.approx(one, rel=1e-3, abs=1e-5) for one in expected]
    assert turned.errors(ball(COARSE), CPU)[0] == approx
    assert probe.errors(lambda x: -ball(COARSE)(x), CPU)[0] == approx


def test_profiles_are_settled_onto_the_zeros_of_a_network() -> None:
    """A mesh of few cells has facets; moved onto the sphere's zeros its curves are circles."""
    rough = cut_profiles(mesh_of(ball(), cells=20))
    smooth = ProfileProbe(settled(rough, ball(), 0.06 * DIAGONAL, DIAGONAL, CPU), DIAGONAL)
    assert smooth.errors(ball(), CPU)[0][0] == pytest.approx(0, abs=1e-6)
    assert sum(one is not None for one in ProfileProbe(rough, DIAGONAL).errors(ball(), CPU)[0]) > 1
    assert smooth.errors(ball(), CPU)[0][1:] == [None] * (len(smooth.bands.bands) - 1)


def test_where_the_mesh_leaves_the_zeros_the_profile_is_unknown() -> None:
    """A tube that the box cuts off: its caps are faces of the mesh and no zeros, for the tube's field as for others."""
    tube = lambda x: (x[..., :2].norm(dim=-1) - 0.2)[..., None]  # noqa: E731
    profiles = settled(cut_profiles(mesh_of(tube, cells=64)), tube, 1 / 64, DIAGONAL, CPU)
    whole = [profile for profile in profiles if profile.known is None or profile.known.all()]
    assert 3 <= len(whole) < len(profiles)
    for profile in profiles:
        on_cap = np.abs(np.abs(profile.points[:, 2]) - 0.5) < 1e-9
        inner = np.abs(profile.points[:, 2]) < 0.5 - 3 / 64
        assert profile.known is not None
        assert profile.known[inner].all()
        assert not profile.known[on_cap].any()
        radius = np.linalg.norm(profile.points[profile.known, :2], axis=1)
        assert radius == pytest.approx(0.2, abs=1e-5)
    found, missing = ProfileProbe(profiles, DIAGONAL).errors(tube, CPU)
    assert missing == 0
    assert all(one is None or one < 1e-4 for one in found)
    # A field without any surface misses all that is known, and nothing else.
    moved, missing = ProfileProbe(profiles, DIAGONAL).displacements(lambda x: torch.ones(*x.shape[:-1], 1), CPU)
    known = np.concatenate([profile.known for profile in profiles])
    assert missing == 1
    assert (np.linalg.norm(moved, axis=1) > 0).tolist() == known.tolist()


def test_a_gap_thinner_than_the_search_makes_profiles_unknown_and_no_errors() -> None:
    """Balls whose gap is a fifth of the search's step: along the axis through both no change of sign is seen."""

    def twins(x: torch.Tensor) -> torch.Tensor:
        away = torch.tensor([0.2013, 0.0, 0.0])
        return torch.minimum((x - away).norm(dim=-1), (x + away).norm(dim=-1))[..., None] - 0.2

    profiles = settled(cut_profiles(mesh_of(twins)), twins, 1 / 256, DIAGONAL, CPU)
    known = np.concatenate([profile.known for profile in profiles if profile.known is not None])
    assert 0.9 < known.mean() < 1
    found, missing = ProfileProbe(profiles, DIAGONAL).errors(twins, CPU)
    assert missing == 0
    assert all(one is None or one < 1e-3 for one in found)


def test_the_nearest_zero_is_found_and_none_beyond_reach() -> None:
    """Along x from the origin: zeros at −0.02 and 0.03; from 0.2 none within 0.1; from 0.03 at once."""
    points = torch.tensor([[0.0, 0, 0], [0.2, 0, 0], [0.03, 0, 0], [0.1, 0, 0]])
    across = torch.tensor([[1.0, 0, 0]]).expand(4, 3).contiguous()
    network = lambda x: ((x[..., 0] + 0.02) * (0.03 - x[..., 0]) * (1 + x[..., 0]))[..., None]  # noqa: E731
    way = reach(network, points, across, 0.1)
    assert way[[0, 2, 3]] == pytest.approx([-0.02, 0, -0.07], abs=1e-6)
    assert np.isnan(way[1])


def test_nothing_is_cut_where_there_is_nothing() -> None:
    assert cut_profiles(Mesh(vertices=np.zeros((0, 3)), faces=np.zeros((0, 3), np.int64))) == []
    flat = Mesh(vertices=np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]), faces=np.array([[0, 1, 2]]))
    assert cut_profiles(flat) == []
