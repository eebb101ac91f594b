"""Pictures of views as bytes: every kind of file, averaged over areas. Oracles: the arrays written; exact fractions."""

import pickle
from fractions import Fraction
from pathlib import Path

import imageio.v3
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from posed_scenes import write_blender, write_nerfstudio

from nfield.core.checks import UserError
from nfield.io.cameras.posed import load_views
from nfield.io.cameras.view_pictures import averaged, read_view_pixels, size_and_orientation

RANDOM = np.random.default_rng(0)


def pixels_of(path: Path, width: int = 8, height: int = 6) -> np.ndarray:
    return read_view_pixels(path, (8, 6), width, height)


def test_all_kinds_of_pictures_become_bytes(tmp_path: Path):
    rgb = RANDOM.integers(0, 256, (6, 8, 3), np.uint8)
    rgba = RANDOM.integers(0, 256, (6, 8, 4), np.uint8)
    grey, grey_alpha = rgb[..., 0], rgba[..., [0, 3]]
    Image.fromarray(rgb).save(tmp_path / "rgb.png")
    Image.fromarray(rgba).save(tmp_path / "rgba.png")
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(grey_alpha).save(tmp_path / "grey_alpha.png")
    np.testing.assert_array_equal(pixels_of(tmp_path / "rgb.png"), rgb)
    np.testing.assert_array_equal(pixels_of(tmp_path / "rgba.png"), rgba)
    np.testing.assert_array_equal(pixels_of(tmp_path / "grey.png"), np.stack([grey] * 3, -1))
    np.testing.assert_array_equal(pixels_of(tmp_path / "grey_alpha.png"), rgba[..., [0, 0, 0, 3]])


def test_sixteen_bits_become_eight(tmp_path: Path):
    deep = RANDOM.integers(0, 65536, (6, 8, 3), np.uint16)
    deep[0, 0] = (0, 65535, 257 * 100)
    imageio.v3.imwrite(tmp_path / "deep.png", deep[..., 0])
    tifffile.imwrite(tmp_path / "deep.tif", deep, photometric="rgb")
    wanted = np.rint(deep / 257).astype(np.uint8)
    np.testing.assert_array_equal(pixels_of(tmp_path / "deep.png"), np.stack([wanted[..., 0]] * 3, -1))
    np.testing.assert_array_equal(pixels_of(tmp_path / "deep.tif"), wanted)
    assert wanted[0, 0].tolist() == [0, 255, 100]


def test_sizes_of_other_files(tmp_path: Path):
    array = RANDOM.integers(0, 256, (6, 8, 3), np.uint8)
    np.save(tmp_path / "a.npy", array)
    assert size_and_orientation(tmp_path / "a.npy") == (8, 6, 1)
    np.testing.assert_array_equal(pixels_of(tmp_path / "a.npy"), array)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extratags=[(274, "H", 1, 6, True)])
    assert size_and_orientation(tmp_path / "a.tif") == (8, 6, 6)
    np.testing.assert_array_equal(pixels_of(tmp_path / "a.tif"), array)


@given(st.integers(1, 12), st.integers(1, 12))
def test_averages_over_areas_are_exact(old: int, new: int):
    """Oracle: overlaps of intervals as fractions."""
    new = min(old, new)
    row = RANDOM.integers(0, 256, old)
    step = Fraction(old, new)
    wanted = []
    for index in range(new):
        low, high = index * step, (index + 1) * step
        parts = [max(Fraction(0), min(high, Fraction(k + 1)) - max(low, Fraction(k))) for k in range(old)]
        wanted.append(float(sum(part * int(value) for part, value in zip(parts, row, strict=True)) / step))
    values = np.broadcast_to(row.astype(np.float32)[None, :, None], (3, old, 2))
    found = averaged(np.ascontiguousarray(values), new, 3)
    np.testing.assert_allclose(
        found, np.broadcast_to(np.array(wanted)[None, :, None], (3, new, 2)), rtol=1e-5, atol=1e-4
    )
    found = averaged(np.ascontiguousarray(values.transpose(1, 0, 2)), 3, new)
    np.testing.assert_allclose(found[:, 0, 0], wanted, rtol=1e-5, atol=1e-4)


def test_hidden_colours_do_not_bleed(tmp_path: Path):
    """Half of each new pixel is opaque red, half transparent green: it becomes half opaque, and red."""
    picture = np.zeros((6, 8, 4), np.uint8)
    picture[:, ::2] = (200, 0, 0, 255)
    picture[:, 1::2] = (0, 255, 0, 0)
    picture[4:] = (0, 255, 0, 0)
    Image.fromarray(picture).save(tmp_path / "a.png")
    found = pixels_of(tmp_path / "a.png", 4, 3)
    assert found[0, 0].tolist() == [200, 0, 0, 128]
    assert found[2, 0].tolist() == [0, 0, 0, 0]


def test_downscaled_views_have_the_lens_of_the_new_size(tmp_path: Path):
    """8 x 6 pixels by 1.5 are 5 x 4: the lens is scaled by 5/8 and 4/6, not by 1/1.5."""
    view = load_views(write_nerfstudio(tmp_path), downscale=1.5).views[0]
    lens = view.lens
    assert (lens.width, lens.height) == (5, 4)
    assert (lens.fx, lens.fy, lens.cx, lens.cy) == pytest.approx((10 * 5 / 8, 10 * 4 / 6, 2.5, 2))
    assert view.pixels().shape == (4, 5, 3)
    assert load_views(tmp_path, downscale=1000).views[0].pixels().shape == (1, 1, 3)


def test_opacity_without_colour_is_refused(tmp_path: Path):
    picture = np.zeros((6, 8, 4), np.uint8)
    Image.fromarray(picture).save(tmp_path / "empty.png")
    assert not pixels_of(tmp_path / "empty.png").any()
    picture[2, 2, 3] = 255
    Image.fromarray(picture).save(tmp_path / "mask.png")
    with pytest.raises(UserError, match=r"mask\.png' has opacity but no colour"):
        pixels_of(tmp_path / "mask.png")


def test_a_picture_that_changed_meanwhile_is_noticed(tmp_path: Path):
    view = load_views(write_nerfstudio(tmp_path)).views[0]
    Image.new("RGB", (4, 4)).save(tmp_path / "images" / "p0.png")
    with pytest.raises(UserError, match=r"p0\.png' has 4 x 4 pixels .*, but had 8 x 6"):
        view.pixels()


def test_views_travel_between_processes(tmp_path: Path):
    view = load_views(write_blender(tmp_path)).views[2]
    again = pickle.loads(pickle.dumps(view))
    np.testing.assert_array_equal(again.pixels(), view.pixels())


def test_alpha_is_kept(tmp_path: Path):
    write_blender(tmp_path)
    picture = RANDOM.integers(0, 256, (6, 8, 4), np.uint8)
    Image.fromarray(picture).save(tmp_path / "train" / "p0.png")
    np.testing.assert_array_equal(load_views(tmp_path).views[0].pixels(), picture)
