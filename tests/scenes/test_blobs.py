"""Soft clouds. Oracles: closed form through the middle of a ball-shaped cloud, fine quadrature in float64."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.core.checks import UserError
from nfield.scenes.blobs import Blob, march_blobs

DOUBLE = torch.float64
CLOUDS = (
    Blob(centre=(0.0, 0.0, 0.0), spread=(0.2, 0.25, 0.3), density=6.0, colour=(1.0, 0.5, 0.0)),
    Blob(centre=(0.3, 0.1, -0.2), spread=(0.15, 0.3, 0.1), density=5.0, colour=(0.0, 0.4, 1.0)),
    Blob(centre=(-0.2, -0.3, 0.1), spread=(0.1, 0.1, 0.2), density=20.0, colour=(0.2, 0.9, 0.3)),
)


def quadrature(
    clouds: tuple[Blob, ...], origin: torch.Tensor, direction: torch.Tensor, end: float, steps: int = 200_000
) -> tuple[list[float], float, float]:
    """Arriving light, share of light passed and distance at half of it, by the midpoint rule."""
    width = end / steps
    along = (torch.arange(steps, dtype=DOUBLE) + 0.5) * width
    points = origin + along[:, None] * direction
    each = torch.stack([cloud.densities(points) for cloud in clouds], -1) * width
    total = each.sum(-1)
    before = torch.exp(-(total.cumsum(0) - total))
    colours = torch.tensor([cloud.colour for cloud in clouds], dtype=DOUBLE)
    shares = each / total.clamp(min=1e-300)[:, None] @ colours
    light = ((before * (1 - torch.exp(-total)))[:, None] * shares).sum(0)
    passed = torch.exp(-total.sum()).item()
    after = before * torch.exp(-total)
    halved = along[(after <= 0.5).int().argmax()].item() if passed <= 0.5 else math.inf
    return light.tolist(), passed, halved


@pytest.mark.parametrize("end", [6.0, 3.1, 2.8])
def test_marching_agrees_with_fine_quadrature(end: float) -> None:
    draw = torch.Generator().manual_seed(3)
    origins = torch.tensor([[0.5, -3.0, 0.4]], dtype=DOUBLE).expand(12, 3)
    aims = 0.3 * torch.randn(12, 3, generator=draw, dtype=DOUBLE)
    directions = torch.nn.functional.normalize(aims - origins, dim=-1)
    light, passed, halved = march_blobs(CLOUDS, origins, directions, torch.full((12,), end, dtype=DOUBLE))
    for row in range(12):
        wanted = quadrature(CLOUDS, origins[row], directions[row], end)
        assert passed[row].item() == pytest.approx(wanted[1], abs=1e-7)
        assert halved[row].item() == pytest.approx(wanted[2], abs=1e-4)
        # Colours mix within the pieces of a ray: below a quarter of a step of 8 bits.
        assert light[row].tolist() == pytest.approx(wanted[0], abs=1e-3)


@given(spread=st.floats(0.02, 2), density=st.floats(0.01, 100), offset=st.floats(0, 3), far=st.floats(5, 1000))
@settings(max_examples=60, deadline=None)
def test_round_clouds_have_the_textbook_optical_depth(spread: float, density: float, offset: float, far: float) -> None:
    """Past a ball-shaped cloud at distance b: ρ s √(2π) exp(-b²/2s²), however far away the viewer stands."""
    cloud = Blob(spread=(spread,) * 3, density=density)
    origin = torch.tensor([[offset * spread, 0.0, 30 * spread + far]], dtype=DOUBLE)
    down = torch.tensor([[0.0, 0.0, -1.0]], dtype=DOUBLE)
    _, passed, _ = march_blobs((cloud,), origin, down, torch.tensor([torch.inf], dtype=DOUBLE))
    depth = density * spread * math.sqrt(2 * math.pi) * math.exp(-(offset**2) / 2)
    assert passed.item() == pytest.approx(math.exp(-depth), abs=1e-9)


def test_single_precision_and_infinite_ends_stay_finite() -> None:
    origins = torch.tensor([[0.5, -3.0, 0.4], [50.0, 50.0, 50.0], [0.0, 0.0, 0.0]])
    directions = torch.nn.functional.normalize(
        torch.tensor([[-0.4, 3.0, -0.3], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]), dim=-1
    )
    light, passed, halved = march_blobs(CLOUDS, origins, directions, torch.full((3,), torch.inf))
    assert light.isfinite().all()
    assert passed[1] == 1
    assert halved[1] == torch.inf
    assert light[1].tolist() == [0, 0, 0]
    # From the middle of the first cloud only half of it is passed.
    assert 0 < passed[2] < 1


def test_what_glows_in_one_colour_arrives_in_that_colour() -> None:
    cloud = Blob(colour=(0.2, 0.4, 0.8), density=3.0)
    light, passed, _ = march_blobs(
        (cloud,), torch.tensor([[0.1, 0.0, 2.0]]), torch.tensor([[0.0, 0.0, -1.0]]), torch.tensor([torch.inf])
    )
    assert light[0].tolist() == pytest.approx([c * (1 - passed.item()) for c in cloud.colour], abs=1e-6)


def test_impossible_clouds_are_refused() -> None:
    with pytest.raises(UserError, match="spread must be a positive number, but is -1"):
        Blob(spread=(0.1, -1.0, 0.1))
    with pytest.raises(UserError, match="density must be a positive number"):
        Blob(density=0.0)
    with pytest.raises(UserError, match="centre must be finite"):
        Blob(centre=(0.0, math.nan, 0.0))
