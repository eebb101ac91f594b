"""PhaseDNN in its coupled form: slow networks times fast waves (Cai, Li, Liu, arXiv 1905.01389 and 1909.11759).

Notation: ω_m, wave vectors in radians per unit of x (a wave of k cycles per unit has |ω| = 2πk). A network learns low
frequencies first and well; multiplied by a wave of ω_m, its band lies around ω_m.
The paper has a network for each A_m and B_m. One network that gives them all has fewer numbers to learn, and is linear
in all of them in its last layer, so that methods of second order can be afforded.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float

from nfield.backbones.activations import check_activation
from nfield.backbones.base import AbstractBackbone, check_dims
from nfield.backbones.batched import BatchedMLP
from nfield.backbones.dense import OUTPUT_GAIN
from nfield.backbones.mlp import MLP, MLPConfig
from nfield.core.checks import UserError, at_least, positive
from nfield.encodings.coordinates import MOST_COORDINATES, exact_where_coordinates

Shifts = tuple[tuple[float, ...], ...]
"""Wave vectors, one tuple of d numbers each."""

DEFAULT_OCTAVES = (4.0, 8.0, 16.0, 32.0)
"""Angular frequencies along each axis where no shifts are given: up to ten waves across [-1, 1]."""


@dataclass(frozen=True, kw_only=True)
class PhaseConfig:
    """`f(x) = Σ_m A_m(x) cos(ω_m·x) + B_m(x) sin(ω_m·x)`, A_m and B_m small networks, or outputs of one."""

    shifts: Shifts = ()
    """Wave vectors ω_m in radians per unit of x, a network pair each (the zero vector has no sine, so one network). One
    row of numbers is cut into vectors. None: zero, and 4, 8, 16 and 32 along each axis."""
    shared: bool = False
    """One network gives all A_m and B_m; otherwise each has a network of its own."""
    width: int = 32
    """Neurons per hidden layer of each network."""
    depth: int = 2
    """Number of hidden layers of each network."""
    scale: float = 1.0
    """Factor on the coordinates that the networks see: larger widens the band around each wave vector."""
    activation: str = "sine"
    """Activation by name."""
    adaptive: Literal["global", "layer", "neuron"] | None = None
    """Train the activation's slope: one for all networks, per layer or per neuron; none keeps it plain."""
    adaptive_factor: float = 5.0
    """Fixed factor n of an adaptive activation σ(n a x); larger lets the slope learn faster."""

    def __post_init__(self) -> None:
        for name in ("width", "depth"):
            at_least(getattr(self, name), 1, name)
        positive(self.scale, "scale")
        check_activation(self.activation, self.adaptive, self.adaptive_factor)
        check_finite(self.shifts)

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> "PhaseNetwork":
        """The module for coordinates of dimension `in_dim`, its weights drawn from the generator."""
        return PhaseNetwork(self, in_dim, out_dim, generator)


class PhaseNetwork(AbstractBackbone):
    """A_m for all shifts, then B_m for those that are not zero, each times its wave, summed."""

    def __init__(self, config: PhaseConfig, in_dim: int, out_dim: int, generator: torch.Generator) -> None:
        super().__init__()
        check_dims(in_dim, out_dim)
        self.in_dim, self.out_dim = in_dim, out_dim
        shifts = torch.tensor(shifts_for(config.shifts, in_dim), device=generator.device)
        self.register_buffer("shifts", shifts)
        self.shifts: torch.Tensor
        with_sine = [m for m, shift in enumerate(shifts.tolist()) if any(shift)]
        self.waves = len(shifts) + len(with_sine)
        # A list would be copied to the device at every call.
        places = torch.tensor(with_sine, dtype=torch.int64, device=generator.device)
        self.register_buffer("with_sine", places, persistent=False)
        self.with_sine: torch.Tensor
        same: dict[str, Any] = {
            name: getattr(config, name) for name in ("width", "depth", "activation", "adaptive", "adaptive_factor")
        }
        # The products add up: each amplitude starts with its share of the variance.
        share = self.waves**-0.5
        self.scale = config.scale
        if config.shared:
            self.trunk: MLP | None = MLPConfig(**same).build(in_dim, out_dim * self.waves, generator)
            with torch.no_grad():
                for parameter in self.trunk.output.parameters():
                    parameter.mul_(share)
            self.derivative_order = self.trunk.derivative_order
        else:
            self.trunk = None
            gain = OUTPUT_GAIN * share
            self.networks = BatchedMLP(
                self.waves, in_dim, out_dim, generator, scale=config.scale, output_gain=gain, **same
            )
            self.derivative_order = self.networks.activations.derivative_order

    @property
    def output(self) -> torch.nn.Linear | None:
        """The last layer, in which all amplitudes are linear; None where every amplitude has a network of its own."""
        return None if self.trunk is None else self.trunk.output

    def forward(self, features: Float[torch.Tensor, "*batch n"]) -> Float[torch.Tensor, "*batch c"]:
        """Values of shape (..., out_dim) at coordinates of shape (..., in_dim)."""
        flat = features.reshape(-1, self.in_dim)
        with exact_where_coordinates(flat):
            angles = self.shifts @ flat.T
            waves = torch.cat([angles.cos(), angles[self.with_sine].sin()])
        values = (self.amplitudes(flat) * waves[..., None]).sum(0)
        return values.reshape(*features.shape[:-1], self.out_dim)

    def amplitudes(self, points: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "waves n c"]:
        """A_m and B_m at points of shape (n, in_dim)."""
        if self.trunk is None:
            return self.networks(points)
        return self.trunk(self.scale * points).unflatten(-1, (self.waves, self.out_dim)).transpose(0, 1)


def check_finite(shifts: Sequence[Sequence[float]]) -> None:
    """Raise a `UserError` unless all numbers of all wave vectors are finite."""
    if not all(math.isfinite(number) for shift in shifts for number in shift):
        raise UserError(f"shifts must be finite wave vectors in radians per unit, but are {tuple(shifts)}.")


def shifts_for(shifts: Shifts, dimension: int) -> Shifts:
    """The wave vectors for coordinates of `dimension`; the default ones where there are none.

    Raises UserError where their length is another, and where two are the same or opposite: both have the same waves.
    """
    if not shifts and dimension > MOST_COORDINATES:
        raise UserError(
            f"PhaseDNN shifts the frequencies of coordinates, but here it gets {dimension} features. "
            "Use the encoding identity with it, or give shifts."
        )
    if not shifts:
        return default_shifts(dimension)
    if len(shifts) == 1 and len(shifts[0]) > dimension and len(shifts[0]) % dimension == 0:
        row = shifts[0]
        shifts = tuple(tuple(row[i : i + dimension]) for i in range(0, len(row), dimension))
    for shift in shifts:
        if len(shift) != dimension:
            raise UserError(
                f"Each of the shifts must have {dimension} numbers, as many as a point has coordinates, "
                f"but {tuple(shift)} has {len(shift)}."
            )
    check_finite(shifts)
    for one, two in itertools.combinations(shifts, 2):
        if all(a == b for a, b in zip(one, two, strict=True)) or all(a == -b for a, b in zip(one, two, strict=True)):
            raise UserError(f"The shifts {tuple(one)} and {tuple(two)} stand for the same waves: leave one out.")
    return tuple(tuple(float(number) for number in shift) for shift in shifts)


def lattice(per_axis: Sequence[Sequence[float]]) -> Shifts:
    """All sums of at most one wave vector along each axis, with either sign, and zero: the waves whose span holds every
    product of one wave per axis, each once. `per_axis` are angular frequencies along the axes."""
    found: list[tuple[float, ...]] = [()]
    for frequencies in per_axis:
        # Turned around a vector has the same waves: signs count from the second entry on that is not zero.
        found = [
            (*vector, step)
            for vector in found
            for w in (0.0, *frequencies)
            for step in ((w, -w) if w and any(vector) else (w,))
        ]
    return tuple(found)


def default_shifts(dimension: int) -> Shifts:
    """The zero vector, and `DEFAULT_OCTAVES` along each axis."""
    zero = (0.0,) * dimension
    along = [
        tuple(frequency if i == axis else 0.0 for i in range(dimension))
        for axis in range(dimension)
        for frequency in DEFAULT_OCTAVES
    ]
    return (zero, *along)
