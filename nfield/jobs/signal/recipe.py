"""The plain MLP beside the stages, and how both are built again."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float

from nfield.core.seeding import generator
from nfield.encodings.scales import DataScales
from nfield.fields.base import Field
from nfield.fields.staged import StageConfig, StagedField
from nfield.jobs.recipe import Recipe, Solved, recipe_of
from nfield.jobs.signal.options import PLAIN


class ScaledField(torch.nn.Module):
    """A network whose values are of order one, as values of a signal of any size: `size` times them, in float64."""

    def __init__(self, inner: Field, size: float) -> None:
        super().__init__()
        self.inner = inner.double()
        self.register_buffer("size", torch.tensor(size, dtype=torch.float64))
        self.size: torch.Tensor
        self.in_dim = inner.encoding.in_dim

    def forward(self, points: Float[torch.Tensor, "*batch d"]) -> Float[torch.Tensor, "*batch c"]:
        """Values of shape (..., c) at points of shape (..., d) in [−1, 1]^d."""
        values: torch.Tensor = self.size * self.inner(points)
        return values

    def on_grid(self, axes: Sequence[Float[torch.Tensor, " _"]]) -> Float[torch.Tensor, "..."]:
        """Values of shape (n_1, ..., n_d, c) at the tensor product of coordinates."""
        return self(torch.stack(torch.meshgrid(*axes, indexing="ij"), -1))

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Optimiser groups of the network."""
        return self.inner.parameter_groups()

    def count_parameters(self) -> int:
        """Number of trained numbers."""
        return self.inner.count_parameters()


def stages_recipe() -> Recipe:
    """What stands in config.json for stages."""
    return Recipe(encoding=Solved(name="identity"), backbone=Solved(name="stages of sines"), learning_rate=None)


def plain_recipe(dimension: int) -> Recipe:
    """The plain MLP's."""
    return recipe_of(PLAIN, DataScales(dimension=dimension, highest=1.0))


def build_plain(recipe: Recipe, in_dim: int, out_dim: int, size: float, seed: int) -> ScaledField:
    """The plain MLP with weights drawn from the seed."""
    draw = generator(seed, "weights")
    encoding = recipe.encoding.build(in_dim, draw)
    return ScaledField(Field(encoding, recipe.backbone.build(encoding.out_dim, out_dim, draw)), size or 1.0)


def rebuild(
    config: Mapping[str, Any], name: str, state: dict[str, torch.Tensor], data: Mapping[str, Any]
) -> StagedField | ScaledField:
    """The stages or the plain MLP of a run folder with their weights."""
    if name == "field":
        networks = [StageConfig(**{**one, "scales": tuple(one.get("scales", ()))}) for one in config["networks"]]
        staged = StagedField(config["in_dim"], config["out_dim"], networks)
        staged.load_state_dict(state)
        return staged.requires_grad_(False)
    plain = build_plain(Recipe.of(config["baseline_recipe"]), config["in_dim"], config["out_dim"], 1.0, config["seed"])
    plain.load_state_dict(state)
    return plain
