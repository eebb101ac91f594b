"""Proof that the nets catch something: shapes, lint, types, warnings."""

import subprocess
import sys
import warnings
from pathlib import Path

import jaxtyping
import pytest
import torch

from nfield.kernels.interpolation import spline_weights

ROOT = Path(__file__).parents[1]


def test_wrong_shapes_are_caught() -> None:
    with pytest.raises(jaxtyping.TypeCheckError):
        spline_weights(torch.zeros(2, 3), 4, 1)


def test_wrong_dtypes_are_caught() -> None:
    with pytest.raises(jaxtyping.TypeCheckError):
        spline_weights(torch.zeros(3, dtype=torch.long), 4, 1)


def test_warnings_are_errors() -> None:
    with pytest.raises(UserWarning, match="canary"):
        warnings.warn("canary", UserWarning, stacklevel=1)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("import torch\n\nx = torch.empty(3)\n", "TID251"),
        ("import torch\n\ntorch.manual_seed(0)\n", "TID251"),
        ("print('debug')\n", "T201"),
        ("try:\n    pass\nexcept BaseException:\n    pass\n", "BLE001"),
        ("from . import checks\n", "TID252"),
        ('def area() -> float:\n    """Of what?"""\n    return width * 2.0\n', "F821"),
    ],
)
def test_lint_catches(line: str, rule: str) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--stdin-filename", "nfield/core/canary.py", "-"]
    done = subprocess.run(command, input=line, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert rule in done.stdout


def test_lint_passes() -> None:
    for command in (["ruff", "check", "."], ["ruff", "format", "--check", "."]):
        done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, cwd=ROOT, check=False)
        assert done.returncode == 0, done.stdout
