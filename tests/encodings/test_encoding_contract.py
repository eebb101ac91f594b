"""What every encoding in the table promises, tested on every row."""

import math

import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy.signal.windows import kaiser

from nfield.core.checks import UserError
from nfield.core.device import available_devices
from nfield.core.seeding import generator
from nfield.encodings import ENCODINGS, AbstractEncoding

DIMENSIONS = {"spherical_harmonics": (3,)}
DRAWS_NOTHING = {"identity", "basic", "positional", "nerf", "spherical_harmonics", "tones"}
CASES = [(name, d) for name in ENCODINGS for d in DIMENSIONS.get(name, (1, 2, 3))]
every_case = pytest.mark.parametrize(("name", "d"), CASES)


def build(name: str, d: int, seed: int = 0) -> AbstractEncoding:
    return ENCODINGS[name]().build(d, generator(seed, "encoding"))


def points(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=generator(seed, "points"), dtype=dtype) * 2 - 1


def weighted_sum(encoding: AbstractEncoding, x: torch.Tensor) -> torch.Tensor:
    """A scalar per point that all features enter; the last term keeps even linear features in the graph."""
    weights = torch.randn(encoding.out_dim, generator=generator(0, "mix"), dtype=x.dtype)
    return encoding(x) @ weights + 0 * (x**3).sum(-1)


def gradient(encoding: AbstractEncoding, x: torch.Tensor, create_graph: bool = False) -> torch.Tensor:
    if not x.requires_grad:
        x = x.requires_grad_()
    return torch.autograd.grad(weighted_sum(encoding, x).sum(), x, create_graph=create_graph)[0]


@every_case
@pytest.mark.parametrize("device", available_devices())
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_dtype_device(name: str, d: int, device: str, dtype: torch.dtype) -> None:
    encoding = build(name, d).to(device=device, dtype=dtype)
    assert encoding.in_dim == d
    for batch in [(), (5,), (2, 3), (0,), (2, 0)]:
        features = encoding(points(*batch, d).to(device=device, dtype=dtype))
        assert features.shape == (*batch, encoding.out_dim)
        assert features.dtype == dtype
        assert features.device.type == device


@every_case
def test_on_grid_equals_forward_on_the_meshgrid(name: str, d: int) -> None:
    encoding = build(name, d).double()
    axes = tuple(points(n, seed=n) for n in (5, 4, 3)[:d])
    direct = encoding(torch.stack(torch.meshgrid(*axes, indexing="ij"), -1))
    grid = encoding.on_grid(axes)
    assert grid.shape == (*(len(a) for a in axes), encoding.out_dim)
    torch.testing.assert_close(grid, direct, rtol=1e-10, atol=1e-12)
    empty = encoding.on_grid((axes[0][:0], *axes[1:]))
    assert empty.shape == (0, *grid.shape[1:])


@every_case
def test_seed_decides_the_tensors(name: str, d: int) -> None:
    first, same, other = (build(name, d, seed).state_dict() for seed in (0, 0, 1))
    assert first.keys() == same.keys()
    assert all(torch.equal(first[key], same[key]) for key in first)
    assert all(torch.equal(first[key], other[key]) for key in first) == (name in DRAWS_NOTHING)


@every_case
def test_global_random_state_is_untouched(name: str, d: int) -> None:
    before = torch.random.get_rng_state()
    build(name, d)
    assert torch.equal(before, torch.random.get_rng_state())


@every_case
def test_save_and_load(name: str, d: int, tmp_path) -> None:
    encoding, other = build(name, d, 0), build(name, d, 1)
    save_file(encoding.state_dict(), tmp_path / "weights.safetensors")
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    x = points(7, d, dtype=torch.float32)
    assert torch.equal(other(x), encoding(x))
    assert other.band_limit == encoding.band_limit


@every_case
def test_first_derivatives_match_finite_differences(name: str, d: int) -> None:
    encoding = build(name, d).double()
    x, v = points(30, d), points(30, d, seed=1)
    h = 1e-6
    measured = (weighted_sum(encoding, x + h * v) - weighted_sum(encoding, x - h * v)) / (2 * h)
    exact = (gradient(encoding, x) * v).sum(-1)
    assert encoding.derivative_order >= 1
    torch.testing.assert_close(exact, measured.detach(), rtol=0, atol=1e-5 * float(exact.abs().max()))


@every_case
def test_second_derivatives_match_finite_differences_where_declared(name: str, d: int) -> None:
    encoding = build(name, d).double()
    if encoding.derivative_order < 2:
        pytest.skip("declares first derivatives only")
    x, v = points(30, d), points(30, d, seed=1)
    h = 1e-6
    measured = (gradient(encoding, x + h * v) - gradient(encoding, x - h * v)) / (2 * h)
    x.requires_grad_()
    along = (gradient(encoding, x, create_graph=True) * v).sum()
    exact = torch.autograd.grad(along, x)[0]
    torch.testing.assert_close(exact, measured, rtol=0, atol=1e-5 * float(exact.abs().max()) + 1e-12)


@every_case
def test_gradients_are_finite(name: str, d: int) -> None:
    encoding = build(name, d)
    corners = torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0])] * d).reshape(-1, d).requires_grad_()
    (encoding(corners) ** 2).sum().backward()
    assert corners.grad is not None
    for tensor in [corners.grad, *(p.grad for p in encoding.parameters())]:
        assert tensor is not None
        assert bool(torch.isfinite(tensor).all())


@every_case
def test_nothing_above_the_declared_band_limit(name: str, d: int) -> None:
    """Along a line through the domain, the windowed spectrum is empty above the limit, and in 1-D reaches it."""
    encoding = build(name, d).double()
    limit = encoding.band_limit
    if limit is None:
        pytest.skip("declares no band limit")
    count, spacing = 2048, 1 / (4 * limit)
    direction = torch.nn.functional.normalize(points(d, seed=2), dim=0)
    line = torch.arange(count, dtype=torch.float64)[:, None] * spacing * direction
    window = torch.from_numpy(kaiser(count, 30.0))
    spectrum = torch.fft.rfft(encoding(line) * window[:, None], dim=0).abs().amax(1)
    frequency = torch.fft.rfftfreq(count, spacing, dtype=torch.float64)
    assert spectrum[frequency > 1.03 * limit].max() < 1e-9 * spectrum.max()
    if d == 1:
        assert spectrum[frequency > 0.98 * limit].max() > 0.1 * spectrum.max()


@every_case
def test_wrong_dimension_is_refused(name: str, d: int) -> None:
    encoding = build(name, d)
    with pytest.raises(UserError, match="dimension"):
        encoding.on_grid((torch.zeros(2),) * (d + 1))


@pytest.mark.parametrize("name", ENCODINGS)
def test_zero_dimensions_are_refused(name: str) -> None:
    with pytest.raises(UserError, match="0"):
        build(name, 0)


def test_smooth_encodings_say_so() -> None:
    assert build("gaussian", 2).derivative_order == math.inf
    assert build("hash", 2).derivative_order == 1


@every_case
def test_finer_features_change_faster(name: str, d: int) -> None:
    """Octaves are logarithms of how fast features change: by mean squares of derivatives, over random parameters."""
    encoding = build(name, d).double()
    draw = generator(1, "parameters")
    with torch.no_grad():
        for values in encoding.parameters():
            values.copy_(torch.randn(values.shape, generator=draw, dtype=values.dtype))
    octaves = encoding.octaves()
    assert octaves.shape == (encoding.out_dim,)
    assert octaves.isfinite().all()
    # Waves longer than the domain look flatter or steeper by where they are met.
    known = octaves >= 0
    if len(octaves[known].unique()) < 2:
        return
    x = points(4000, d)
    # Differences, as the Jacobian of a thousand features would take half a minute.
    steps = 1e-6 * torch.eye(d, dtype=torch.float64)
    with torch.no_grad():
        slopes = torch.stack([(encoding(x + step) - encoding(x - step)) / 2e-6 for step in steps])
    steepness = slopes.square().sum(0).mean(0).sqrt().log2()
    # Hash tables that are too small for a level mix its nodes, which changes no slope by more than a constant.
    assert torch.corrcoef(torch.stack([octaves.double(), steepness])[:, known])[0, 1] > 0.95
