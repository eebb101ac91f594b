"""Terms of slopes and Hessians against closed forms and finite differences, and the surface job that adds them up.

Notation as in the module: d a distance, H its Hessian; everything in float64.
"""

import math

import numpy as np
import pytest
import torch

from nfield.jobs.surface import task as cloud
from nfield.jobs.surface.distance_losses import (
    SECOND_ORDER,
    annealing,
    divergence,
    eikonal,
    hessian_of,
    singular_hessian,
    smoothness,
    value_and_slope,
)
from nfield.jobs.surface.options import NETWORKS
from nfield.jobs.surface.recipe import CloudScales, build_network, network_recipe
from nfield.jobs.surface.task import CloudTask, VolumeProbe, near_count

SCALES = CloudScales(spacing=0.02, length=0.002, radius=0.4)
SMOOTH_PRESETS = [name for name in NETWORKS if name != "none"]


def points(count: int = 40, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return (torch.rand(count, 3, generator=draw, dtype=torch.float64) - 0.5).requires_grad_(True)


def derivatives(field, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    _, slope = value_and_slope(field, x)
    return slope, hessian_of(slope, x)


def number(term: torch.Tensor) -> float:
    return float(term.detach())


def test_the_distance_of_a_sphere() -> None:
    """Oracle: |∇d| = 1, H = (1 − n nᵀ)/ρ at distance ρ from the centre, so Δd = 2/ρ, det H = 0 and |H|² = 2/ρ²."""
    centre = torch.tensor([0.9, -0.7, 0.8], dtype=torch.float64)
    x = points()
    slope, hessian = derivatives(lambda p: (p - centre).norm(dim=-1, keepdim=True) - 0.3, x)
    rho = (x - centre).norm(dim=-1)
    assert number(eikonal(slope)) < 1e-28
    torch.testing.assert_close(divergence(hessian), (2 / rho).mean())
    assert number(singular_hessian(hessian)) < 1e-14
    torch.testing.assert_close(smoothness(hessian), (2 / rho**2).mean())


def test_the_distance_of_a_cylinder() -> None:
    """Oracle: the one curvature that is not zero is 1/ρ, so Δd = 1/ρ and |H|² = 1/ρ²."""
    x = points()
    slope, hessian = derivatives(lambda p: (p[:, :2] - 2).norm(dim=-1, keepdim=True) - 1, x)
    rho = (x[:, :2] - 2).norm(dim=-1)
    assert number(eikonal(slope)) < 1e-28
    torch.testing.assert_close(divergence(hessian), (1 / rho).mean())
    assert number(singular_hessian(hessian)) < 1e-14
    torch.testing.assert_close(smoothness(hessian), (1 / rho**2).mean())


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_quadratic_has_the_matrix_it_was_made_of(sign: float) -> None:
    """Oracle: numpy's trace, determinant and norm; the sign must not matter for the terms."""
    matrix = np.random.default_rng(3).normal(size=(3, 3))
    matrix = sign * (matrix + matrix.T)
    slope, hessian = derivatives(lambda p: ((p @ torch.from_numpy(matrix)) * p).sum(-1, keepdim=True) / 2, points())
    torch.testing.assert_close(hessian, torch.from_numpy(matrix).expand(40, 3, 3))
    assert number(divergence(hessian)) == pytest.approx(abs(np.trace(matrix)), rel=1e-12)
    assert number(singular_hessian(hessian)) == pytest.approx(abs(np.linalg.det(matrix)), rel=1e-12)
    assert number(smoothness(hessian)) == pytest.approx(np.linalg.norm(matrix) ** 2, rel=1e-12)
    assert number(eikonal(slope)) > 0


def test_a_plane_has_no_second_derivatives() -> None:
    weight = torch.nn.Parameter(torch.tensor([[0.6], [0.0], [0.8]], dtype=torch.float64))
    slope, hessian = derivatives(lambda p: p @ weight, points())
    assert number(eikonal(slope)) < 1e-28
    assert not hessian.any()


def test_lengths_in_input_units_scale_as_told() -> None:
    """The sphere of radius 3 in input units, where the network's unit is `scale`: H in input units is H / scale."""
    scale = 7.0
    x = points()
    _, own = derivatives(lambda p: ((scale * p - 9).norm(dim=-1, keepdim=True) - 3) / scale, x)
    rho = (scale * x - 9).norm(dim=-1)
    torch.testing.assert_close(divergence(own) / scale, (2 / rho).mean())
    torch.testing.assert_close(smoothness(own) / scale**2, (2 / rho**2).mean())


def test_the_determinant_has_a_gradient_where_it_vanishes() -> None:
    """Oracle: the derivative of a determinant is the matrix of cofactors, here all zero but the last."""
    matrix = torch.diag(torch.tensor([2.0, 3.0, 1e-9], dtype=torch.float64))[None].requires_grad_(True)
    singular_hessian(matrix).backward()
    expected = torch.zeros(1, 3, 3, dtype=torch.float64)
    expected[0, 2, 2] = 6.0
    torch.testing.assert_close(matrix.grad, expected, atol=1e-8, rtol=0)
    nothing = torch.zeros(1, 3, 3, requires_grad=True)
    singular_hessian(nothing).backward()
    assert nothing.grad is not None
    assert not nothing.grad.any()


def network(preset: str) -> torch.nn.Module:
    built = build_network(network_recipe(NETWORKS[preset], SCALES), 0).double()
    draw = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in built.parameters():
            # Grids start so close to zero that nothing would be seen of them.
            parameter += 0.05 * torch.randn(parameter.shape, generator=draw, dtype=torch.float64)
    return built


@pytest.mark.parametrize("preset", SMOOTH_PRESETS)
def test_hessians_of_networks_match_finite_differences(preset: str) -> None:
    built, x, step = network(preset), points(12), 1e-6
    _, hessian = derivatives(built, x)
    for axis in range(3):
        shift = torch.zeros(3, dtype=torch.float64)
        shift[axis] = step
        ends = [value_and_slope(built, (x + sign * shift).detach().requires_grad_(True))[1] for sign in (1, -1)]
        expected = (ends[0] - ends[1]) / (2 * step)
        torch.testing.assert_close(hessian[:, axis], expected, rtol=1e-5, atol=1e-5 * number(hessian.abs().max()))


@pytest.mark.parametrize("name", list(SECOND_ORDER))
@pytest.mark.parametrize("preset", SMOOTH_PRESETS)
def test_gradients_with_respect_to_weights_match_finite_differences(preset: str, name: str) -> None:
    """What training uses: the derivative of a term along a direction in the space of all weights."""
    built, x = network(preset), points(12)
    weights = list(built.parameters())
    draw = torch.Generator().manual_seed(9)
    direction = [torch.randn(w.shape, generator=draw, dtype=torch.float64) for w in weights]

    def term() -> torch.Tensor:
        return SECOND_ORDER[name](derivatives(built, x)[1])

    def moved(by: float) -> float:
        with torch.no_grad():
            for weight, along in zip(weights, direction, strict=True):
                weight += by * along
        return number(term())

    # Offsets, such as the bias of the last layer, have no part in second derivatives.
    gradients = torch.autograd.grad(term(), weights, allow_unused=True, materialize_grads=True)
    slope = sum(float((g * along).sum()) for g, along in zip(gradients, direction, strict=True))
    step = 3e-8
    assert (moved(step) - moved(-2 * step)) / (2 * step) == pytest.approx(slope, rel=2e-4)


def test_annealing_holds_and_then_falls_in_a_straight_line() -> None:
    assert [annealing(f, 0.2, 0.6) for f in (0.0, 0.1999, 0.2, 0.6, 0.9, 1.0)] == [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    assert annealing(0.4, 0.2, 0.6) == pytest.approx(0.5)
    assert [annealing(f, 0.3, 0.3) for f in (0.29, 0.3)] == [1.0, 0.0]
    assert [annealing(f, 0.0, 0.0) for f in (0.0, 0.5)] == [0.0, 0.0]
    assert annealing(0.999, 1.0, 1.0) == 1.0


def job(weights: dict[str, float], batch_points: int = 64) -> CloudTask:
    ball = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    normals = ball / ball.norm(dim=-1, keepdim=True)
    return CloudTask(
        normals / 2,
        normals,
        normals[:4] / 2,
        VolumeProbe(math.sqrt(3)),
        diagonal=math.sqrt(3),
        weights={"surface": 1.0, "normal": 1.0, "eikonal": 1.0, "off": 1.0, **weights},
        batch_points=batch_points,
        device=torch.device("cpu"),
    )


def terms_of(task: CloudTask, field: torch.nn.Module, fraction: float = 0.0) -> dict[str, torch.Tensor]:
    task.begin_step(fraction)
    batch = task.batch(torch.Generator().manual_seed(1))
    return task.losses(field, type(batch)(*(part.double() for part in batch)))


def test_terms_of_the_task_are_the_functions_at_its_points() -> None:
    weights = {"divergence": 0.5, "singular_hessian": 2.0, "smoothness": 3.0}
    field, task = network("siren"), job(weights)
    found = terms_of(task, field)
    off = task.batch(torch.Generator().manual_seed(1)).off.double().requires_grad_(True)
    _, hessian = derivatives(field, off)
    near = near_count(len(off))
    assert number(off[:near].norm(dim=-1).sub(0.5).abs().max()) < 0.3
    torch.testing.assert_close(found["divergence"], 0.5 * divergence(hessian))
    torch.testing.assert_close(found["singular_hessian"], 2.0 * singular_hessian(hessian[:near]))
    torch.testing.assert_close(found["smoothness"], 3.0 * smoothness(hessian))


@pytest.mark.parametrize("name", list(SECOND_ORDER))
def test_one_more_term_leaves_the_others_as_they_were(name: str) -> None:
    field = network("siren")
    plain, more = terms_of(job({}), field), terms_of(job({name: 1.0}), field)
    assert list(plain) == ["surface", "normal", "eikonal", "off"]
    assert set(more) == {*plain, name}
    for term, value in plain.items():
        torch.testing.assert_close(more[term], value)


@pytest.mark.parametrize("batch_points", [1, 2, 3])
def test_the_smallest_batches_have_finite_terms(batch_points: int) -> None:
    terms = terms_of(job(dict.fromkeys(SECOND_ORDER, 1.0), batch_points), network("siren"))
    assert all(math.isfinite(number(term)) for term in terms.values())


def test_weights_of_zero_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not asked for, or annealed away: no Hessian is computed at all."""
    field, asked = network("siren"), job({"divergence": 1.0, "singular_hessian": 1.0})
    half = terms_of(asked, field, fraction=0.35)
    full = terms_of(asked, field)
    torch.testing.assert_close(half["divergence"], full["divergence"] / 2)
    torch.testing.assert_close(half["singular_hessian"], full["singular_hessian"] / 2)

    def refuse(*_: torch.Tensor) -> torch.Tensor:
        raise AssertionError("a Hessian was computed")

    monkeypatch.setattr(cloud, "hessian_of", refuse)
    assert set(terms_of(asked, field, fraction=0.5)) == {"surface", "normal", "eikonal", "off"}
    assert set(terms_of(job({"smoothness": 0.0}), field)) == {"surface", "normal", "eikonal", "off"}
    with pytest.raises(AssertionError, match="was computed"):
        terms_of(job({"smoothness": 1.0}), field, fraction=0.9)
