"""Clouds of millions of points. Oracles: the same by other means, all points at once; the system's mark of memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nfield.core import blocks
from nfield.core.cloud import PointCloud, first_of_each, unit_normals
from nfield.io.clouds import save_cloud
from nfield.points import normals as normals_module
from nfield.points.neighbours import Neighbourhoods
from nfield.points.normals import best_spread
from nfield.points.understanding import thinning


def noisy_sphere(count: int, noise: float) -> np.ndarray:
    draw = np.random.default_rng(0)
    points = draw.normal(size=(count, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True) + noise * draw.normal(size=(count, 3))


@pytest.mark.parametrize("scale", [1.0, 1e-9, 2.0**40, 0.1])
def test_the_first_of_each_set_of_equal_points_is_kept(scale: float) -> None:
    points = scale * np.random.default_rng(0).integers(-6, 7, (4000, 3)).astype(np.float64)
    points[::7] *= -1  # of zeros, the other one
    _, first = np.unique(points + 0.0, axis=0, return_index=True)
    assert len(first) < len(points)
    np.testing.assert_array_equal(first_of_each(points), np.sort(first))


def test_points_that_share_a_hash_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nfield.core.cloud.HASH_FACTORS", np.zeros(3, np.uint64))
    points = np.array([[0.0, 1, 2], [3, 4, 5], [0, 1, 2], [3, 4, 6]])
    assert first_of_each(points).tolist() == [0, 1, 3]


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    points = noisy_sphere(2000, 0.01)
    lengths = np.linspace(0, 2, len(points))[:, None]

    def found() -> list[np.ndarray]:
        rows = thinning(points, 500)
        assert rows is not None
        unit, unknown = unit_normals(points * lengths)
        return [rows, first_of_each(points), unit, np.array(unknown)]

    whole = found()
    monkeypatch.setattr(blocks, "AT_ONCE", 99)
    for one, other in zip(found(), whole, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_some_points_tell_the_size_of_neighbourhoods(noise: float, monkeypatch: pytest.MonkeyPatch) -> None:
    around = Neighbourhoods(noisy_sphere(6000, noise))
    k, _ = best_spread(around)
    monkeypatch.setattr(normals_module, "JUDGED_POINTS", 1500)
    chosen, spread = best_spread(around)
    assert chosen == k
    np.testing.assert_array_equal(spread.normal, around.spread(k).normal)


WORK = """
import re
from pathlib import Path
import numpy as np
from nfield.io.clouds import load_cloud
from nfield.points.understanding import thinning

def memory(name):
    return 1024 * int(re.search(name + r":\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])

start = memory("VmRSS")
cloud = load_cloud(PATH)
thin = cloud.take(thinning(cloud.points, 200_000))
assert 100_000 < thin.count <= 200_000
print((memory("VmHWM") - start) / cloud.count)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell the resident memory")
def test_memory_of_reading_and_thinning(tmp_path: Path) -> None:
    """Bytes per point, of which position, normal and colour, as they are kept, are 39."""
    points = noisy_sphere(2_000_000, 0.001)
    colours = np.zeros((len(points), 3), np.uint8)
    save_cloud(tmp_path / "c.ply", PointCloud(points=points, normals=points.astype(np.float32), colours=colours))
    code = WORK.replace("PATH", repr(str(tmp_path / "c.ply")))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 200
