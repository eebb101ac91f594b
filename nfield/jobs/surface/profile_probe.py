"""Which frequencies of the surface itself a field has: band errors along the profiles of a reference surface.

A profile is a closed curve c(s) in which a plane cuts the reference. In that plane and across the curve points the unit
vector m(s). The field's own profile lies at c + u m, where u is the signed way along m to the field's nearest zero, and
its error is the displacement e = u m. Where there is no zero within `SEARCH`, the field gives nothing: e = c̄ − c, as if
the curve had shrunk to its mean c̄ there, so that a field without any surface has the error 1 in every band. Bands,
pooling and relative error are those of `nfield.spectral.curves`, in cycles per diagonal of the points' box.

Displacements are taken within the plane and not along the surface's normal, so that a detail that the field lacks is
missed by as much as the reference has of it, also where the plane cuts the surface at a small angle.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64

from nfield.core.mesh import Mesh
from nfield.meshing.sections import closed_sections
from nfield.spectral.curves import CurveBandErrors, evenly

Network = Callable[[torch.Tensor], torch.Tensor]

FRACTIONS = (0.23, 0.49, 0.74)
"""Where planes cross each axis of the reference's box: off the middle, where symmetric shapes have edges and faces."""
OBLIQUE = ((1, 1, 1), (1, 1, -1), (1, -1, 1), (-1, 1, 1))
"""Normals of the planes through the place at the middle fraction of all axes."""
SAMPLES = 4096
"""On all profiles together."""
LEAST_SAMPLES = 16
"""On a profile; shorter ones are left out."""
SEARCH = 0.06
"""How far from a profile a zero is looked for, both ways, in diagonals."""
RINGS = 6
"""Steps of that search, from the profile outwards."""
REFINEMENTS = 4
"""Secants within the step that holds the zero."""
SETTLED = 0.01
"""Most that a curve moved onto a network's zeros may be off them, in the distance that it was allowed to move."""
LEAST_KNOWN = 0.5
"""Share of a profile's samples that must lie on the reference."""
CHUNK = 1 << 15
NO_PROFILES = "no plane cut the reference surface in a closed curve long enough to be measured"


@dataclass(frozen=True, kw_only=True, eq=False)
class Profile:
    """A closed curve, sampled evenly by its arc length, and the plane that it lies in."""

    points: Float64[np.ndarray, "n 3"]
    plane: Float64[np.ndarray, "3"]
    """Unit normal of the plane."""
    spacing: float
    """Distance of neighbouring samples along the curve."""
    known: Bool[np.ndarray, " n"] | None = None
    """Samples that lie on the surface that is the reference; all of them where this is None."""

    @property
    def across(self) -> Float64[np.ndarray, "n 3"]:
        """Unit vectors in the plane and across the curve; which of both ways does not matter."""
        tangent = np.roll(self.points, -1, axis=0) - np.roll(self.points, 1, axis=0)
        found = np.cross(tangent, self.plane)
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-300)


def cut_profiles(mesh: Mesh, samples: int = SAMPLES) -> list[Profile]:
    """Profiles of a mesh with about so many samples in all, in the mesh's units; none where no plane meets it.

    Planes: across each axis at `FRACTIONS` of the box, and four oblique ones.
    """
    if not len(mesh.faces):
        return []
    used = mesh.vertices[mesh.used]
    low, high = used.min(0), used.max(0)
    planes = [(low + fraction * (high - low), axis) for fraction in FRACTIONS for axis in np.eye(3)]
    middle = low + FRACTIONS[len(FRACTIONS) // 2] * (high - low)
    planes += [(middle, np.array(normal) / np.sqrt(3)) for normal in OBLIQUE]
    loops = [(loop, normal) for origin, normal in planes for loop in closed_sections(mesh, origin, normal)]
    lengths = [float(np.linalg.norm(np.roll(loop, -1, axis=0) - loop, axis=1).sum()) for loop, _ in loops]
    spacing = sum(lengths) / samples
    profiles = []
    for (loop, normal), length in zip(loops, lengths, strict=True):
        count = round(length / spacing) if spacing > 0 else 0
        if count >= LEAST_SAMPLES:
            profiles.append(Profile(points=evenly(loop, count), plane=normal, spacing=length / count))
    return profiles


def reach(
    network: Network, points: Float32[torch.Tensor, "p 3"], across: Float32[torch.Tensor, "p 3"], furthest: float
) -> Float64[np.ndarray, " p"]:
    """Signed way from each point along `across` to the network's nearest zero, NaN where none is within `furthest`.

    Rings of growing distance are looked at on both sides until the sign changes; then secants, halved where they keep
    an end (the Illinois method), close in on the zero.
    """
    step = furthest / RINGS
    start = _values(network, points)
    found = torch.zeros(len(points), dtype=torch.bool, device=points.device)
    # Bracket of each zero: ways a and b with values of different signs.
    a, b, at_a, at_b = torch.full((4, len(points)), torch.nan, dtype=torch.float64, device=points.device)
    ends = {side: start.clone() for side in (1, -1)}
    for ring in range(1, RINGS + 1):
        rows = (~found).nonzero()[:, 0]
        if not len(rows):
            break
        nearest = torch.full((len(rows),), torch.inf, dtype=torch.float64, device=points.device)
        for side in (1, -1):
            near, far = side * (ring - 1) * step, side * ring * step
            inner = ends[side][rows]
            outer = _values(network, points[rows] + far * across[rows])
            ends[side][rows] = outer
            way = abs(near) + step * inner.abs() / (inner - outer).abs().clamp(min=1e-300)
            # Comparisons with NaN are false; a change to or from infinity is no zero.
            better = ((inner <= 0) != (outer <= 0)) & torch.isfinite(inner - outer) & (way < nearest)
            chosen = rows[better]
            nearest[better] = way[better]
            a[chosen], b[chosen], at_a[chosen], at_b[chosen] = near, far, inner[better], outer[better]
            found[chosen] = True
    rows = found.nonzero()[:, 0]
    if len(rows):
        a[rows] = _closed_in(network, points[rows], across[rows], a[rows], b[rows], at_a[rows], at_b[rows])
    return a.cpu().numpy()


def _closed_in(
    network: Network,
    points: Float32[torch.Tensor, "r 3"],
    across: Float32[torch.Tensor, "r 3"],
    a: Float64[torch.Tensor, " r"],
    b: Float64[torch.Tensor, " r"],
    at_a: Float64[torch.Tensor, " r"],
    at_b: Float64[torch.Tensor, " r"],
) -> Float64[torch.Tensor, " r"]:
    """Ways to the zeros within brackets."""

    def secant() -> torch.Tensor:
        rise = at_b - at_a
        return torch.where(rise == 0, a, a - at_a * (b - a) / torch.where(rise == 0, 1, rise))

    for _ in range(REFINEMENTS):
        way = secant()
        value = _values(network, points + way[:, None].to(points.dtype) * across)
        value = torch.where(torch.isfinite(value), value, at_b)
        turned = (value <= 0) != (at_b <= 0)
        # The newest end is always b; an end that is kept twice counts half, or the other would creep.
        a, at_a = torch.where(turned, b, a), torch.where(turned, at_b, at_a / 2)
        b, at_b = way, value
    return secant()


def _values(network: Network, points: Float32[torch.Tensor, "p 3"]) -> Float64[torch.Tensor, " p"]:
    with torch.no_grad():
        return torch.cat([network(part)[..., 0].double() for part in points.split(CHUNK)])


class ProfileProbe:
    """Band errors of fields along the profiles of one reference; cut once, then cheap to ask in training.

    Positions are those of the field's network, the data within [−1/2, 1/2]³. An answer takes about seven evaluations
    for each of about 4,096 samples.
    """

    def __init__(self, profiles: Sequence[Profile], diagonal: float) -> None:
        """`diagonal` is that of the points' box, in the profiles' unit. At least one profile is needed."""
        self.diagonal = diagonal
        self.count = len(profiles)
        self.bands = CurveBandErrors(
            [profile.points / diagonal for profile in profiles], [profile.spacing / diagonal for profile in profiles]
        )
        self._points = torch.from_numpy(np.concatenate([profile.points for profile in profiles])).float()
        self._across = torch.from_numpy(np.concatenate([profile.across for profile in profiles])).float()
        self._nothing = np.concatenate([profile.points.mean(0) - profile.points for profile in profiles])
        self._known = np.concatenate([_known(profile) for profile in profiles])

    @property
    def samples(self) -> int:
        """On all profiles."""
        return len(self._points)

    def displacements(self, network: Network, device: torch.device) -> tuple[Float64[np.ndarray, "p 3"], float]:
        """The error e of each sample, in the profiles' unit, and the share of samples that have no zero near.

        Samples that are not known to lie on the reference have no error.
        """
        across = self._across.to(device)
        way = reach(network, self._points.to(device), across, SEARCH * self.diagonal)
        missing = np.isnan(way) & self._known
        moved = np.where(missing | ~self._known, 0, way)[:, None] * self._across.double().numpy()
        return np.where(missing[:, None], self._nothing, moved), float(missing.sum() / self._known.sum())

    def errors(self, network: Network, device: torch.device) -> tuple[list[float | None], float]:
        """Relative error of every band, and the share of samples that have no zero near."""
        moved, missing = self.displacements(network, device)
        return self.bands(moved / self.diagonal), missing


def settled(
    profiles: Sequence[Profile], network: Network, furthest: float, diagonal: float, device: torch.device
) -> list[Profile]:
    """Profiles of a network's mesh moved onto its own zeros, so that the mesh's facets are no part of the reference.

    `furthest` is how far a sample may move, `diagonal` as in `ProfileProbe`. Where the network has no zero so near (the
    mesh's cut at the edge of the box), or where the search does not find the moved sample's own zero (a sheet or a gap
    thinner than its step), samples become unknown: the very network they were cut from would miss them. Profiles
    that are unknown for the most part are left out.
    """
    found = []
    for profile in profiles:
        way = _ways(network, profile, furthest, device)
        met = np.isfinite(way)
        points: Float[np.ndarray, "n 3"] = profile.points + np.where(met, way, 0)[:, None] * profile.across
        moved = replace(profile, points=points)
        again = _ways(network, moved, SEARCH * diagonal, device)
        known = met & (np.abs(again) < SETTLED * furthest)
        if known.mean() >= LEAST_KNOWN:
            found.append(replace(moved, known=known))
    return found


def _known(profile: Profile) -> Bool[np.ndarray, " n"]:
    return np.ones(len(profile.points), dtype=bool) if profile.known is None else profile.known


def _ways(network: Network, profile: Profile, furthest: float, device: torch.device) -> Float64[np.ndarray, " n"]:
    points, across = (torch.from_numpy(array).float().to(device) for array in (profile.points, profile.across))
    return reach(network, points, across, furthest)
