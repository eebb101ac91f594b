"""What a method made of a scan, on its way from the process that made it to the one that judges it."""

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float64, Int64

from nfield.bench.memory import peak_mib
from nfield.core.mesh import Mesh


@dataclass(frozen=True, kw_only=True, eq=False)
class Made:
    """A mesh with what it cost, and the oriented normals that it was made from."""

    vertices: Float64[np.ndarray, "v 3"]
    """In input units."""
    faces: Int64[np.ndarray, "f 3"]
    points: Float64[np.ndarray, "n 3"]
    """The points that were used, in input units."""
    normals: Float[np.ndarray, "n 3"]
    """Their normals as the method oriented them: unit length, or zero where unknown."""
    seconds: float
    """From the points to this mesh; without starting the interpreter and loading libraries."""
    peak_mib: float | None
    """Peak resident memory up to this mesh, interpreter and libraries included."""
    start_mib: float | None
    """The same before the work began."""
    depth: int | None = None
    """Of the octree, for screened Poisson."""

    def mesh(self, source: str) -> Mesh:
        """The mesh, without normals of its own."""
        return Mesh(vertices=self.vertices, faces=self.faces, source=source)

    def save(self, folder: Path, number: int) -> None:
        """Write it to a folder as the file of that number; it appears whole or not at all."""
        facts = {name: getattr(self, name) for name in ("seconds", "peak_mib", "start_mib", "depth")}
        temporary = folder / f"unfinished_{number}.npz"
        np.savez(
            temporary,
            vertices=self.vertices,
            faces=self.faces,
            points=self.points,
            normals=self.normals,
            facts=np.array(json.dumps(facts)),
        )
        os.replace(temporary, folder / f"made_{number:02d}.npz")


def by_depth(
    points: Float64[np.ndarray, "n 3"],
    normals: Float[np.ndarray, "n 3"],
    depths: Sequence[int],
    reconstruct: Callable[[int], tuple[Float64[np.ndarray, "v 3"], Int64[np.ndarray, "f 3"]]],
    *,
    oriented: float,
    start: float | None,
) -> Iterator[Made]:
    """Vertices and faces that `reconstruct` makes at each depth, with their costs.

    Depths should rise, so that the peak memory is mostly that of the last one. `oriented` are the seconds that
    normals took, which every depth needs, and `start` is the peak memory before the work began.
    """
    for depth in depths:
        began = time.perf_counter()
        vertices, faces = reconstruct(depth)
        seconds = oriented + time.perf_counter() - began
        yield Made(
            vertices=vertices, faces=faces, points=points, normals=normals, seconds=seconds, peak_mib=peak_mib(),
            start_mib=start, depth=depth,
        )  # fmt: skip


def load_all(folder: Path) -> list[Made]:
    """All that a process wrote to the folder, in its order."""
    found = []
    for path in sorted(folder.glob("made_*.npz")):
        with np.load(path) as data:
            arrays = {name: data[name] for name in ("vertices", "faces", "points", "normals")}
            found.append(Made(**arrays, **json.loads(str(data["facts"]))))
    return found
