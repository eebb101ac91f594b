"""Pictures: errors against hand-made ones, round trips through the page's encoding, odd file types."""

import base64
import io
import pathlib

import numpy as np
import pytest
from PIL import Image

from nfield.reports.pictures import (
    LARGEST_PIXELS,
    data_uri,
    enlarged,
    error_maps,
    figure,
    most_detailed_window,
    read_picture,
    scaled,
)


def flat(value: int, size: tuple[int, int] = (8, 6)) -> Image.Image:
    return Image.new("RGB", size, (value, value, value))


def opened(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1])))


def test_errors_share_one_scale():
    maps = error_maps(flat(100), [flat(100), flat(151), flat(49)])
    assert maps.means == pytest.approx([0, 0.2, 0.2])
    assert maps.top == pytest.approx(0.2)
    exact, above, below = (np.asarray(picture) for picture in maps.pictures)
    assert (exact == exact[0, 0]).all()
    assert exact.sum() < above.sum() / 50
    assert (above == below).all()


def test_error_of_a_perfect_picture_is_black_not_noise():
    maps = error_maps(flat(7), [flat(7)])
    assert maps.means == [0]
    assert np.asarray(maps.pictures[0]).max() < 8


def test_alpha_counts_as_a_channel():
    truth = Image.new("RGBA", (4, 4), (10, 20, 30, 255))
    clear = Image.new("RGBA", (4, 4), (10, 20, 30, 0))
    assert error_maps(truth, [clear]).means == pytest.approx([0.25])


def test_window_finds_the_detail():
    picture = np.full((60, 80), 128, dtype=np.uint8)
    picture[40:50:2, 60:70] = 255
    left, top, right, bottom = most_detailed_window(Image.fromarray(picture), 16)
    assert (right - left, bottom - top) == (16, 16)
    assert left <= 60
    assert right >= 70
    assert top <= 40
    assert bottom >= 49  # the last edge lies between rows 48 and 49


def test_window_of_a_picture_smaller_than_itself():
    assert most_detailed_window(flat(3, (5, 4)), 32) == (0, 0, 5, 4)


def test_small_pictures_are_packed_without_loss():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    uri = data_uri(Image.fromarray(pixels))
    assert uri.startswith("data:image/png")
    assert (np.asarray(opened(uri)) == pixels).all()


def test_large_pictures_are_packed_small_and_opaque():
    pixels = np.random.default_rng(0).integers(0, 256, (400, 400, 4), dtype=np.uint8)
    pixels[..., 3] = 0
    uri = data_uri(Image.fromarray(pixels))
    assert uri.startswith("data:image/jpeg")
    shown = np.asarray(opened(uri), dtype=float)
    # What is clear shows the chequered ground (204 and 255), whatever colour hides below it.
    assert shown.shape == (400, 400, 3)
    assert shown.min() > 190
    assert shown.mean() == pytest.approx((204 + 255) / 2, abs=2)


def test_scaling_keeps_shape_and_never_enlarges():
    assert scaled(flat(0, (400, 100)), 200).size == (200, 50)
    assert scaled(flat(0, (400, 1)), 200).size == (200, 1)
    assert scaled(flat(0), 200).size == (8, 6)


def test_enlarging_repeats_pixels():
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    big = np.asarray(enlarged(Image.fromarray(pixels), (1, 0, 3, 2), 3))
    assert (big == np.kron(pixels[0:2, 1:3], np.ones((3, 3), dtype=np.uint8))).all()


def test_sixteen_bits_keep_their_range(tmp_path: pathlib.Path):
    sixteen = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    Image.fromarray(sixteen).save(tmp_path / "deep.png")
    found = read_picture(tmp_path / "deep.png")
    assert found is not None
    assert np.asarray(found)[0, :, 0].tolist() == [0, 1, 128, 255]


def test_float_tiff_keeps_its_range(tmp_path: pathlib.Path):
    Image.fromarray(np.array([[-1.0, 0.0, 0.5, 2.0]], dtype=np.float32)).save(tmp_path / "real.tif")
    found = read_picture(tmp_path / "real.tif")
    assert found is not None
    assert np.asarray(found)[0, :, 0].tolist() == [0, 0, 128, 255]


def test_reading_falls_back_and_gives_up(tmp_path: pathlib.Path):
    (tmp_path / "bad.png").write_text("no picture")
    flat(9).save(tmp_path / "good.png")
    found = read_picture(tmp_path / "bad.png", tmp_path / "good.png")
    assert found is not None
    with Image.open(tmp_path / "good.png") as good:
        assert found.size == good.size
    assert read_picture(tmp_path / "bad.png", tmp_path / "missing.png", tmp_path) is None


def test_huge_pictures_are_not_decoded(tmp_path: pathlib.Path):
    side = int(LARGEST_PIXELS**0.5) + 1
    for name, width in (("large.png", side), ("bomb.png", 4 * side)):
        Image.new("1", (width, side)).save(tmp_path / name)
        assert read_picture(tmp_path / name) is None


def test_few_pixels_are_drawn_as_squares():
    assert 'class="pixels"' in figure(flat(1, (2, 2)), "two by two")
    assert 'class="pixels"' not in figure(flat(1, (200, 200)), "large")


def test_texture_wins_over_outlines_where_contrast_is_bounded():
    grey = np.full((128, 128), 255, dtype=np.uint8)
    grey[:, 64:] = 0
    grey[::2, 96:] = 4
    picture = Image.fromarray(grey).convert("RGB")
    assert most_detailed_window(picture, 32)[0] < 64
    assert most_detailed_window(picture, 32, 12.0)[0] == 96
