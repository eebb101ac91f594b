"""One method on one scan in a process of its own: `python -m nfield.bench.worker MODULE FOLDER`.

So its peak memory is its own, it can be stopped, and a crash in a library ends nothing else. The folder holds the
points and settings; each mesh is written there as soon as it is made, so that a method stopped on the way keeps those.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

import nfield
from nfield.bench.made import Made, load_all
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

    The limit counts everything, also starting the interpreter. Nothing that goes wrong in there is raised here.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        np.save(folder / POINTS, points)
        (folder / SETTINGS).write_text(json.dumps(settings))
        # The nfield that is running here, also where another one is installed.
        paths = [os.fspath(Path(nfield.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        command = [sys.executable, "-m", "nfield.bench.worker", module, place]
        with open(folder / "errors.txt", "w+b") as errors:
            try:
                code = subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    env=environment,
                    timeout=limit,
                    check=False,
                ).returncode
                errors.seek(0)
                why = _failure(code, errors.read().decode(errors="replace"))
            except subprocess.TimeoutExpired:
                why = f"was stopped after {limit:g} s"
        return Outcome(made=load_all(folder), why=why)


def _failure(code: int, errors: str) -> str | None:
    if code == 0:
        return None
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        hint = ", perhaps for lack of memory" if name == "SIGKILL" else ""
        return f"crashed ({name}{hint})"
    told = errors.strip().splitlines()
    return f"failed: {told[-1].strip().rstrip('.')}" if told else f"failed with exit code {code}"


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
