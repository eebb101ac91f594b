"""Corrections of cameras: rotations against SciPy's, means left out, gradients in float64."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from nfield.fields.camera_corrections import CameraCorrections


@pytest.fixture
def cameras() -> CameraCorrections:
    found = CameraCorrections(4, exposure=True, poses=True).double()
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for values in found.parameters():
            values.copy_(torch.randn(4, 3, generator=draw, dtype=torch.float64) / 5)
    return found


def test_rays_are_turned_about_their_cameras_and_shifted(cameras: CameraCorrections) -> None:
    picture = torch.tensor([2, 0, 3])
    origin, direction = torch.randn(2, 3, 3, dtype=torch.float64)
    assert cameras.turns is not None
    assert cameras.shifts is not None
    moved, turned = cameras.rays(picture, origin, direction, 10.0)
    vectors = (cameras.turns - cameras.turns.mean(0)).detach()[picture].numpy()
    np.testing.assert_allclose(turned.detach(), Rotation.from_rotvec(vectors).apply(direction.numpy()), atol=1e-12)
    shifts = (cameras.shifts - cameras.shifts.mean(0))[picture]
    torch.testing.assert_close(moved - origin, 10 * shifts)


def test_what_is_not_asked_for_changes_nothing() -> None:
    poses, exposure = (CameraCorrections(2, exposure=e, poses=not e) for e in (False, True))
    picture, colour = torch.tensor([0, 1]), torch.rand(2, 3)
    assert poses.exposed(picture, colour) is colour
    assert exposure.rays(picture, colour, colour, 1.0) == (colour, colour)
    assert [g["name"] for g in poses.parameter_groups() + exposure.parameter_groups()] == ["poses", "exposures"]


def test_the_mean_of_all_pictures_is_left_out(cameras: CameraCorrections) -> None:
    """The geometric mean of the gains is 1, and adding one number to all changes nothing."""
    gains = cameras.gain_factors()
    torch.testing.assert_close(gains.log().mean(0), torch.zeros(3, dtype=torch.float64))
    with torch.no_grad():
        for values in cameras.parameters():
            values += 0.7
    torch.testing.assert_close(cameras.gain_factors(), gains)
    _, shifts = cameras.motions()
    torch.testing.assert_close(shifts.mean(0), torch.zeros(3, dtype=torch.float64))


def test_gradients(cameras: CameraCorrections) -> None:
    picture = torch.tensor([0, 1, 2, 3])
    origin, direction, colour = torch.rand(3, 4, 3, dtype=torch.float64)

    def seen(*values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        names = dict(zip(dict(cameras.named_parameters()), values, strict=True))
        rays = torch.func.functional_call(cameras, names, ())
        return rays

    cameras.forward = lambda: (  # type: ignore[method-assign]
        *cameras.rays(picture, origin, direction, 2.0),
        cameras.exposed(picture, colour),
        cameras.penalty(),
    )
    assert torch.autograd.gradcheck(seen, tuple(p.detach().requires_grad_() for p in cameras.parameters()))
