"""One method on one scan in a process of its own: `python -m nfield.bench.worker MODULE FOLDER`.

The folder holds the points and settings; each mesh is written there as soon as it is made, so that a method stopped
on the way keeps those.
"""

import importlib
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from nfield.bench.meshes.made import Made, load_all
from nfield.bench.process import run_module
from nfield.core.checks import UserError

POINTS, SETTINGS = "points.npy", "settings.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What came of a method."""

    made: list[Made]
    """All meshes that were finished."""
    why: str | None = None
    """What went wrong, as a sentence without its subject; None where nothing did."""


def run_worker(
    module: str, points: Float64[np.ndarray, "n 3"], settings: dict[str, Any], *, limit: float | None
) -> Outcome:
    """Run `module.solve(points, settings)` in a process of its own, for `limit` seconds at the most.

    Nothing that goes wrong in there is raised here.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        np.save(folder / POINTS, points)
        (folder / SETTINGS).write_text(json.dumps(settings))
        why = run_module("nfield.bench.worker", [module, place], limit=limit)
        return Outcome(made=load_all(folder), why=why)


def main(module: str, place: str) -> int:
    """What the process does; returns its exit code."""
    folder = Path(place)
    settings = json.loads((folder / SETTINGS).read_text())
    try:
        made = importlib.import_module(module).solve(np.load(folder / POINTS), settings)
        for number, one in enumerate(made):
            one.save(folder, number)
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
