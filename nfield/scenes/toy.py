"""Toy scenes: objects, clouds, lamps and a background, of which everything is known exactly.

Lengths are the world's, z points upwards. Radiance is in [0, 1] as pictures show it, without gamma, and clipped at 1 on
every ray. All functions keep the points' dtype and device.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nfield.core.blocks import blocks
from nfield.core.checks import UserError
from nfield.core.views import Box
from nfield.scenes.blobs import Blob, march_blobs
from nfield.scenes.lighting import Background, Lamp, ambient_share
from nfield.scenes.placed import Placed
from nfield.scenes.shape import Bounds
from nfield.scenes.tracing import clip, one_thread

AT_ONCE = 1 << 17
"""Rays traced together, which bounds the memory."""
LIFT = 1e-3
"""Length by which rays to the lamps start above the surface, lest it should hide itself."""
BLOB_REACH = 3.0
"""Standard deviations of a blob that the box holds."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Traced:
    """What comes back along rays."""

    colour: Float[Tensor, "n 3"]
    """Light of objects and blobs, with black behind them: premultiplied by the opacity."""
    opacity: Float[Tensor, " n"]
    """Share of the background that is hidden."""
    depth: Float[Tensor, " n"]
    """Distance at which half of the light is lost: to the surface, or into the blobs; infinite where it never is."""
    normal: Float[Tensor, "n 3"]
    """Outward unit normal of the surface that the ray ends on, zero where there is none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ToyScene:
    """A scene whose truth is known."""

    name: str
    about: str = ""
    objects: tuple[Placed, ...] = ()
    blobs: tuple[Blob, ...] = ()
    lamps: tuple[Lamp, ...] = (Lamp(),)
    ambient: float = 0.35
    background: Background = field(default_factory=Background)
    room: Box | None = None
    """A box given by hand instead of the one around everything."""

    def __post_init__(self) -> None:
        ambient_share(self.ambient)
        if not self.objects and not self.blobs:
            raise UserError(f"The scene '{self.name}' is empty. Give some objects or blobs.")
        if self.room is None and not self._corners:
            raise UserError(f"The scene '{self.name}' has no end. Give a box.")

    @property
    def up(self) -> Float[np.ndarray, "3"]:
        """The upward direction: z."""
        return np.array([0.0, 0.0, 1.0])

    @property
    def unbounded(self) -> bool:
        """Whether it goes on beyond its box."""
        return self.background.sky or any(placed.endless for placed in self.objects)

    @cached_property
    def _corners(self) -> list[np.ndarray]:
        """Lower and upper corners of what ends."""
        found = [corner for placed in self.objects if not placed.endless for corner in placed.bounds]
        for blob in self.blobs:
            centre, reach = np.array(blob.centre), BLOB_REACH * np.array(blob.spread)
            found += [centre - reach, centre + reach]
        return found

    @cached_property
    def box(self) -> Box:
        """The part of the world that holds all that ends, blobs up to three standard deviations."""
        if self.room is not None:
            return self.room
        return Box(low=np.min(self._corners, 0), high=np.max(self._corners, 0))

    @cached_property
    def radius(self) -> float:
        """Radius of a ball around the box's middle that holds all that ends, blobs up to two standard deviations."""
        middle = self.box.middle
        reaches = [placed.reach(middle) for placed in self.objects if not placed.endless]
        reaches += [float(np.linalg.norm(np.array(b.centre) - middle) + 2 * max(b.spread)) for b in self.blobs]
        return max(reaches, default=self.box.half)

    def distance(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Signed distances to the nearest object: negative inside, infinite in a scene of blobs alone.

        Inside of objects that overlap, and around gyroids, they are lower bounds on the distances.
        """
        return self._nearest(points)[0]

    def _nearest(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, " n"], Tensor]:
        """Distances to the nearest object, and its number."""
        best = torch.full_like(points[:, 0], torch.inf)
        which = torch.full_like(best, -1, dtype=torch.int64)
        for number, placed in enumerate(self.objects):
            found = placed.moved(points)
            which = torch.where(found < best, number, which)
            best = torch.minimum(found, best)
        return best, which

    def normal(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Outward unit normals of the nearest object, at points of its surface; zero in a scene of blobs alone."""
        return self._normals(points, self._nearest(points)[1])

    def colour(self, points: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Radiance that leaves points of the surfaces against rays in unit directions, lit and with shadows."""
        which = self._nearest(points)[1]
        return self._shaded(points, directions, self._normals(points, which), which)

    def density(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Density of all blobs: share of the light that is lost per length."""
        return sum((blob.densities(points) for blob in self.blobs), torch.zeros_like(points[:, 0]))

    def trace(self, origins: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]) -> Traced:
        """What comes back along rays with unit directions; surfaces are found to about 1e-5."""
        with one_thread():
            parts = [self._trace(origins[rows], directions[rows]) for rows in blocks(len(origins), AT_ONCE)]
        if not parts:
            empty = origins.new_zeros(0)
            return Traced(colour=origins.new_zeros(0, 3), opacity=empty, depth=empty, normal=origins.new_zeros(0, 3))
        return Traced(
            colour=torch.cat([part.colour for part in parts]),
            opacity=torch.cat([part.opacity for part in parts]),
            depth=torch.cat([part.depth for part in parts]),
            normal=torch.cat([part.normal for part in parts]),
        )

    def depths(self, origins: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """The depths of `trace` alone, without the cost of shading."""
        parts = []
        with one_thread():
            for rows in blocks(len(origins), AT_ONCE):
                met, _ = self._meet(origins[rows], directions[rows])
                if self.blobs:
                    met = torch.minimum(met, march_blobs(self.blobs, origins[rows], directions[rows], met)[2])
                parts.append(met)
        return torch.cat(parts) if parts else origins.new_zeros(0)

    def _trace(self, origins: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]) -> Traced:
        met, which = self._meet(origins, directions)
        colour, normal = torch.zeros_like(origins), torch.zeros_like(origins)
        rows = (which >= 0).nonzero()[:, 0]
        if len(rows):
            points = origins[rows] + met[rows, None] * directions[rows]
            normal[rows] = self._normals(points, which[rows])
            colour[rows] = self._shaded(points, directions[rows], normal[rows], which[rows])
        opacity, depth = (which >= 0).to(met.dtype), met
        if self.blobs:
            light, passed, halved = march_blobs(self.blobs, origins, directions, met)
            colour = light + passed[:, None] * colour
            opacity = 1 - passed * (1 - opacity)
            depth = torch.minimum(halved, met)
        return Traced(colour=colour.clamp(0, 1), opacity=opacity, depth=depth, normal=normal)

    def _meet(self, origins: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]) -> tuple[Tensor, Tensor]:
        """Distances to what rays meet first, and its number; infinite and -1 where they meet nothing."""
        best = torch.full_like(origins[:, 0], torch.inf)
        which = torch.full_like(best, -1, dtype=torch.int64)
        if self._hull is not None:
            near, far = clip(self._hull, origins, directions, LIFT)
            inside = (near < far).nonzero()[:, 0]
            parts = origins[inside], directions[inside]
        for number, placed in enumerate(self.objects):
            if placed.endless:
                found = placed.meet(origins, directions, best, _tolerance(origins))
            else:
                found = torch.full_like(best, torch.inf)
                found[inside] = placed.meet(*parts, best[inside], _tolerance(origins))
            closer = found < best
            best, which = torch.where(closer, found, best), torch.where(closer, number, which)
        return best, which

    @cached_property
    def _hull(self) -> Bounds | None:
        """The box around all objects that end; most rays miss it."""
        boxes = [placed.bounds for placed in self.objects if not placed.endless]
        return (np.min([low for low, _ in boxes], 0), np.max([high for _, high in boxes], 0)) if boxes else None

    def _normals(self, points: Float[Tensor, "n 3"], which: Tensor) -> Float[Tensor, "n 3"]:
        normals = torch.zeros_like(points)
        for number, placed in enumerate(self.objects):
            rows = (which == number).nonzero()[:, 0]
            if len(rows):
                normals[rows] = placed.normals(points[rows])
        return normals

    def _shaded(
        self,
        points: Float[Tensor, "n 3"],
        directions: Float[Tensor, "n 3"],
        normals: Float[Tensor, "n 3"],
        which: Tensor,
    ) -> Float[Tensor, "n 3"]:
        """Phong's model, in the notation at the head of lighting.py."""
        rows_of = [(placed, (which == number).nonzero()[:, 0]) for number, placed in enumerate(self.objects)]
        colours = torch.zeros_like(points)
        # Three numbers of the material for every point: diffuse, specular, shininess.
        material = torch.zeros_like(points)
        for placed, rows in rows_of:
            if len(rows):
                made = placed.material
                colours[rows] = placed.colours(points[rows])
                material[rows] = points.new_tensor([made.diffuse, made.specular, made.shininess])
        lit = torch.full_like(points, self.ambient)
        shine = torch.zeros_like(points)
        for lamp in self.lamps:
            towards, light = lamp.direction(points), lamp.light(points)
            facing = normals @ towards
            shown = self._lit(points, normals, facing, towards) if lamp.shadows else facing > 0
            mirrored = 2 * facing[:, None] * normals - towards
            glance = -(mirrored * directions).sum(-1)
            lit = lit + (shown * material[:, 0] * facing)[:, None] * light
            shine = shine + (shown * material[:, 1] * glance.clamp(min=0) ** material[:, 2])[:, None] * light
        return (colours * lit + shine).clamp(0, 1)

    def _lit(
        self, points: Float[Tensor, "n 3"], normals: Float[Tensor, "n 3"], facing: Tensor, towards: Tensor
    ) -> Tensor:
        """Whether each point faces the lamp and no object hides it."""
        lit = facing > 0
        rows = lit.nonzero()[:, 0]
        starts = points[rows] + LIFT * normals[rows]
        for placed in self.objects:
            if placed.endless:
                # Nothing is below the ground, and lamps below it light nothing.
                continue
            if not len(rows):
                break
            endless = torch.full_like(starts[:, 0], torch.inf)
            hidden = placed.meet(starts, towards.expand_as(starts), endless, LIFT / 10).isfinite()
            lit[rows[hidden]] = False
            rows, starts = rows[~hidden], starts[~hidden]
        return lit


def _tolerance(like: Tensor) -> float:
    """How near to a surface rays end: as near as single precision resolves, and nearer in double."""
    return 2e-6 if like.dtype == torch.float32 else 1e-9
