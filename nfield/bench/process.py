"""A part of a measurement in a process of its own: its peak memory is its own, it can be stopped, and a crash in a
library ends nothing else.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nfield


def run_module(module: str, arguments: Sequence[str], *, limit: float | None) -> str | None:
    """Run `python -m module` with arguments for `limit` seconds at the most; what went wrong, or None.

    The limit counts everything, also starting the interpreter. What went wrong is a sentence without its subject;
    nothing is raised here.
    """
    # The nfield that is running here, also where another one is installed.
    paths = [os.fspath(Path(nfield.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with tempfile.TemporaryFile() as errors:
        try:
            code = subprocess.run(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=environment,
                timeout=limit,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            return f"was stopped after {limit:g} s"
        errors.seek(0)
        return _failure(code, errors.read().decode(errors="replace"))


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
    lines = errors.strip().splitlines()
    return f"failed: {lines[-1].strip().rstrip('.')}" if lines else f"failed with exit code {code}"
