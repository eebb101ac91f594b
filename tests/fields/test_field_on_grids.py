"""Fields on grids, in parts that memory and cache bound, against the same field at scattered points."""

import pytest
import torch

from nfield.backbones.mlp import MLPConfig
from nfield.core.seeding import generator
from nfield.encodings.gaussian import GaussianConfig
from nfield.fields import base
from nfield.fields.base import Field


def make(dimension: int) -> Field:
    draw = generator(0, "weights")
    encoding = GaussianConfig(scale=1.0, frequencies=8).build(dimension, draw)
    return Field(encoding, MLPConfig(width=16, depth=2).build(encoding.out_dim, 3, draw), offset=0.25).eval()


@pytest.mark.parametrize("shape", [(7,), (7, 5), (4, 3, 5), (0, 5), (5, 0)])
@pytest.mark.parametrize("features", [1, 200, 1 << 22])
def test_grids_are_evaluated_in_parts_of_few_features(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], features: int
) -> None:
    monkeypatch.setattr(base, "FEATURES_PER_CHUNK", features)
    field = make(len(shape))
    sizes: list[int] = []
    whole = field.encoding.on_grid

    def on_grid(axes: tuple[torch.Tensor, ...]) -> torch.Tensor:
        made = whole(axes)
        sizes.append(made.numel())
        return made

    monkeypatch.setattr(field.encoding, "on_grid", on_grid)
    axes = [torch.linspace(-1, 1, n) for n in shape]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)
    with torch.no_grad():
        values = field.on_grid(axes)
        torch.testing.assert_close(values, field(points), atol=2e-6, rtol=0)
    row = field.encoding.out_dim * (points[0].numel() // len(shape) if len(points) else 0)
    assert max(sizes) <= max(features, row)
    gradients = field.on_grid(axes)
    torch.testing.assert_close(gradients, values, atol=2e-6, rtol=0)
