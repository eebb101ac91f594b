"""What every backbone in the table promises, tested on every row."""

import dataclasses
from itertools import product
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from nfield.backbones import ACTIVATIONS, BACKBONES, AbstractBackbone
from nfield.core.checks import UserError
from nfield.core.device import available_devices
from nfield.core.seeding import generator

every_name = pytest.mark.parametrize("name", BACKBONES)
CONFIGS: dict[str, Any] = dict(BACKBONES)
LOW: dict[str, dict[str, Any]] = {
    "fourier": {"scales": (0.2, 0.5)},
    "spacetime": {"space_scales": (0.2, 0.5), "time_scales": (0.2, 0.5)},
}
"""Low frequencies keep the chance small that a finite difference steps over a kink."""
LEARNS_AT_ONCE: dict[str, dict[str, Any]] = {"multistage": {"stages": 1}}
"""Settings with which all weights learn: stages that are not open have no part in the values."""
HAS_ACTIVATION = [n for n, kind in CONFIGS.items() if "activation" in {f.name for f in dataclasses.fields(kind)}]


def bounded(name: str, activation: str) -> bool:
    """Behind a large scale, activations without bound give large values: their networks are left to the user."""
    return not (name.startswith("mscale") and activation in ("relu", "gelu", "softplus"))


def build(name: str, d: int = 2, out: int = 3, seed: int = 0, **settings: Any) -> AbstractBackbone:
    return BACKBONES[name](**{"width": 16, "depth": 2, **settings}).build(d, out, generator(seed, "backbone"))


def points(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=generator(seed, "points"), dtype=dtype) * 2 - 1


def weighted_sum(backbone: AbstractBackbone, x: torch.Tensor) -> torch.Tensor:
    return backbone(x) @ torch.tensor([0.7, -1.3, 0.4], dtype=x.dtype) + 0 * (x**3).sum(-1)


def gradient(backbone: AbstractBackbone, x: torch.Tensor, create_graph: bool = False) -> torch.Tensor:
    if not x.requires_grad:
        x = x.requires_grad_()
    return torch.autograd.grad(weighted_sum(backbone, x).sum(), x, create_graph=create_graph)[0]


def check_derivatives(backbone: AbstractBackbone, d: int) -> None:
    """First and, where declared, second derivatives along a direction against central differences in float64."""
    x, v, h = points(20, d), points(20, d, seed=1), 1e-6
    measured = (weighted_sum(backbone, x + h * v) - weighted_sum(backbone, x - h * v)) / (2 * h)
    exact = (gradient(backbone, x) * v).sum(-1)
    assert backbone.derivative_order >= 1
    torch.testing.assert_close(exact, measured.detach(), rtol=0, atol=1e-5 * float(exact.abs().max()))
    if backbone.derivative_order >= 2:
        measured = (gradient(backbone, x + h * v) - gradient(backbone, x - h * v)) / (2 * h)
        x.requires_grad_()
        along = (gradient(backbone, x, create_graph=True) * v).sum()
        exact = torch.autograd.grad(along, x)[0]
        assert float(exact.abs().max()) > 0
        torch.testing.assert_close(exact, measured, rtol=0, atol=1e-5 * float(exact.abs().max()))


@every_name
@pytest.mark.parametrize("device", available_devices())
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("d", "out"), [(1, 1), (2, 3), (3, 4)])
def test_shape_dtype_device(name: str, device: str, dtype: torch.dtype, d: int, out: int) -> None:
    backbone = build(name, d, out).to(device=device, dtype=dtype)
    assert (backbone.in_dim, backbone.out_dim) == (d, out)
    for batch in [(), (5,), (2, 3), (0,), (2, 0)]:
        values = backbone(points(*batch, d).to(device=device, dtype=dtype))
        assert values.shape == (*batch, out)
        assert values.dtype == dtype
        assert values.device.type == device


@every_name
def test_default_settings_build(name: str) -> None:
    assert BACKBONES[name]().build(2, 1, generator(0))(torch.zeros(4, 2)).shape == (4, 1)


@every_name
def test_points_are_independent(name: str) -> None:
    backbone, x = build(name).double(), points(2, 3, 2)
    torch.testing.assert_close(backbone(x)[1, 2], backbone(x[1, 2]))


@every_name
def test_seed_decides_the_weights(name: str) -> None:
    first, same, other = (build(name, seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[key], same[key]) for key in first)
    for key in first:
        fixed = key in ("scales", "kappas", "group", "shifts") or key.startswith("frequencies_")
        assert torch.equal(first[key], other[key]) == fixed, key


@every_name
def test_global_random_state_is_untouched(name: str) -> None:
    before = torch.random.get_rng_state()
    build(name)
    assert torch.equal(before, torch.random.get_rng_state())


@every_name
@pytest.mark.parametrize("scope", [None, "global", "layer", "neuron"])
def test_save_and_load(name: str, scope: str | None, tmp_path) -> None:
    settings: dict[str, Any] = {"adaptive": scope} if name in HAS_ACTIVATION else {}
    backbone, other = build(name, seed=0, **settings), build(name, seed=1, **settings)
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter.add_(0.01)
    save_file(backbone.state_dict(), tmp_path / "weights.safetensors")
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    x = points(7, 2, dtype=torch.float32)
    assert torch.equal(other(x), backbone(x))


@every_name
@pytest.mark.parametrize("d", [1, 2, 3])
def test_derivatives_match_finite_differences(name: str, d: int) -> None:
    check_derivatives(build(name, d, **LOW.get(name, {})).double(), d)


@pytest.mark.parametrize("name", HAS_ACTIVATION)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_derivatives_with_every_activation(name: str, activation: str) -> None:
    backbone = build(name, 2, activation=activation, adaptive="neuron", **LOW.get(name, {})).double()
    assert backbone.derivative_order == ACTIVATIONS[activation].derivative_order
    check_derivatives(backbone, 2)


@every_name
def test_every_parameter_gets_a_finite_gradient(name: str) -> None:
    settings: dict[str, Any] = {"adaptive": "neuron"} if name in HAS_ACTIVATION else LEARNS_AT_ONCE.get(name, {})
    backbone = build(name, **settings)
    (backbone(points(64, 2, dtype=torch.float32)) ** 2).sum().backward()
    for key, parameter in backbone.named_parameters():
        assert parameter.grad is not None, key
        assert bool(torch.isfinite(parameter.grad).all()), key
        assert float(parameter.grad.abs().max()) > 0, key


@every_name
def test_torch_func_gives_the_same_jacobian_as_row_by_row(name: str) -> None:
    """Tangent kernels need the Jacobian by all weights; `torch.func` takes it under vmap."""
    backbone, x = build(name, **LEARNS_AT_ONCE.get(name, {})).double(), points(4, 2)
    weights = {key: p.detach() for key, p in backbone.named_parameters()}
    batched = torch.func.jacrev(lambda w: torch.func.functional_call(backbone, w, (x,))[:, 0])(weights)
    for i, value in enumerate(backbone(x)[:, 0]):
        rows = torch.autograd.grad(value, list(backbone.parameters()), retain_graph=True)
        for key, row in zip(weights, rows, strict=True):
            torch.testing.assert_close(batched[key][i], row)


@pytest.mark.parametrize("name", HAS_ACTIVATION)
@pytest.mark.parametrize("scope", ["global", "layer", "neuron"])
def test_adaptive_networks_start_as_plain_ones(name: str, scope: str) -> None:
    x = points(20, 2, dtype=torch.float32)
    adaptive = build(name, adaptive=scope, adaptive_factor=4.0)
    assert torch.equal(adaptive(x), build(name)(x))
    slopes = [p for key, p in adaptive.named_parameters() if "slopes" in key]
    assert len(slopes) == (1 if scope == "global" else 2)
    assert all(float(p.detach().flatten()[0]) == 0.25 for p in slopes)


@pytest.mark.parametrize(("name", "activation"), [c for c in product(HAS_ACTIVATION, ACTIVATIONS) if bounded(*c)])
def test_outputs_start_at_the_size_of_the_data(name: str, activation: str) -> None:
    """Neither vanishing nor exploding through four layers."""
    backbone = build(name, 2, 8, depth=4, width=64, activation=activation)
    spread = float(backbone(points(500, 2, dtype=torch.float32)).detach().std())
    assert 1e-5 < spread < 1


@every_name
def test_bad_settings_are_refused(name: str) -> None:
    with pytest.raises(UserError, match="width must be at least 1, but is 0"):
        build(name, width=0)
    with pytest.raises(UserError, match="depth must be at least 1, but is 0"):
        build(name, depth=0)
    with pytest.raises(UserError, match="at least 1 input and 1 output, but was asked for 2 and 0"):
        build(name, out=0)


@pytest.mark.parametrize("name", HAS_ACTIVATION)
def test_bad_activations_are_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"Unknown activation 'relo'\. Did you mean 'relu'\?"):
        build(name, activation="relo")
    with pytest.raises(UserError, match=r"adaptive_factor must be at least 1, but is 0\.5"):
        build(name, adaptive_factor=0.5)


@pytest.mark.parametrize("name", ["fourier", "mscale1", "mscale2"])
@pytest.mark.parametrize("scales", [(), (1.0, -2.0), (float("inf"),)])
def test_bad_scales_are_refused(name: str, scales: tuple[float, ...]) -> None:
    with pytest.raises(UserError, match="scales must be one or more positive numbers"):
        build(name, scales=scales)
