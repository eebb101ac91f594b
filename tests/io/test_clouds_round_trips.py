"""Clouds written and read again. Oracle: the cloud written, to the last bit of its positions."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nfield.core.checks import UserError
from nfield.core.cloud import PointCloud
from nfield.io.geometry.clouds import WRITERS, check_cloud_path, load_cloud, save_cloud

SUFFIXES = sorted(WRITERS)
COORDINATES = st.one_of(
    st.floats(-1e12, 1e12), st.floats(-1e-6, 1e-6), st.floats(1e7, 1e7 + 1), st.integers(-3, 3).map(float)
)


@st.composite
def cloud_arrays(draw) -> tuple[np.ndarray | None, ...]:
    count = draw(st.integers(1, 6))
    points = draw(arrays.arrays(np.float64, (count, 3), elements=COORDINATES))
    normals = draw(st.none() | arrays.arrays(np.float32, (count, 3), elements=st.sampled_from([-1, 0, 0.5, 1])))
    colours = draw(st.none() | arrays.arrays(np.uint8, (count, 3), elements=st.sampled_from([0, 1, 2, 254, 255])))
    return points, normals, colours


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(content=cloud_arrays())
@settings(deadline=None, max_examples=60)
def test_any_cloud_comes_back(tmp_path_factory, suffix: str, content: tuple):
    cloud = PointCloud.from_arrays(*content)
    path = tmp_path_factory.mktemp("cloud") / f"a{suffix}"
    save_cloud(path, cloud)
    back = load_cloud(path)
    np.testing.assert_array_equal(back.points, cloud.points)
    assert (back.normals is None, back.colours is None) == (cloud.normals is None, cloud.colours is None)
    if cloud.normals is not None:
        np.testing.assert_allclose(back.normals, cloud.normals, atol=1e-7)
    if cloud.colours is not None:
        np.testing.assert_array_equal(back.colours, cloud.colours)
    assert back.source == str(path)
    assert not [note for note in back.notes if "dropped" in note]


def test_a_ply_is_no_larger_than_its_points_need(tmp_path: Path):
    exact = PointCloud.from_arrays(np.random.default_rng(0).random((100, 3)).astype(np.float32))
    save_cloud(tmp_path / "single.ply", exact)
    save_cloud(tmp_path / "double.ply", PointCloud.from_arrays(exact.points + 1e7 + 1e-3))
    assert (tmp_path / "double.ply").stat().st_size - (tmp_path / "single.ply").stat().st_size == 1200 + 3


def test_other_extensions_and_missing_folders_are_refused(tmp_path: Path):
    cloud = PointCloud.from_arrays(np.zeros((1, 3)))
    for name, message in {"a.obj": r"ends in one of: \.ply, \.xyz, \.npz", "nowhere/a.ply": "no folder"}.items():
        with pytest.raises(UserError, match=message):
            check_cloud_path(tmp_path / name)
        with pytest.raises(UserError, match=message):
            save_cloud(tmp_path / name, cloud)
