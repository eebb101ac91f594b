"""Image: values, ranges and refusals. Oracles: arithmetic by hand, numpy indexing, round trips."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.core.checks import UserError
from nfield.core.image import Image

DTYPES = [np.uint8, np.uint16, np.float32]


def random_pixels(seed: int, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    random = np.random.default_rng(seed)
    if dtype == np.float32:
        return random.normal(size=shape).astype(np.float32)
    return random.integers(0, np.iinfo(dtype).max + 1, shape, dtype)


def resident_megabytes() -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("this system does not tell the resident memory in /proc")
    return int(status.read_text().split("VmRSS:")[1].split()[0]) / 1024


def test_integers_span_zero_to_one_and_floats_their_own_range():
    assert Image.from_array(np.array([[0, 51, 255]], np.uint8)).full().ravel().tolist() == pytest.approx([0, 0.2, 1])
    assert Image.from_array(np.array([[0, 13107, 65535]], np.uint16)).full().ravel().tolist() == (
        pytest.approx([0, 0.2, 1])
    )
    assert Image.from_array(np.array([[False, True]])).full().ravel().tolist() == [0, 1]
    hdr = Image.from_array(np.array([[-2.0, 0.0, 6.0]], np.float32))
    assert hdr.full().ravel().tolist() == pytest.approx([0, 0.25, 1])
    assert (hdr.offset, hdr.scale) == (-2, 8)
    assert "[-2, 6]" in hdr.notes[0]
    assert Image.from_array(np.array([[-0.5, 0.5]], np.float32)).full().ravel().tolist() == [0, 1]
    inside = Image.from_array(np.array([[0.25, 0.5]], np.float32))
    assert inside.full().ravel().tolist() == [0.25, 0.5]
    assert inside.notes == ()


def test_wide_integers_and_doubles_become_float32_and_say_so():
    image = Image.from_array(np.array([[-100, 300]], np.int64))
    assert image.full().ravel().tolist() == [0, 1]
    assert image.stored_dtype == np.float32
    assert any("int64" in note for note in image.notes)
    assert any("float64" in note for note in Image.from_array(np.array([[0.5]])).notes)


def test_hdr_alpha_is_left_out_of_the_range():
    image = Image.from_array(np.array([[[0, 5, 10, 0.5]]], np.float32))
    assert image.full().ravel().tolist() == pytest.approx([0, 0.5, 1, 0.5])
    stored = image.to_stored(np.array([[[0, 0.5, 1.1, 1.5]]], np.float32))
    assert stored.ravel().tolist() == pytest.approx([0, 5, 11, 1])
    with pytest.raises(UserError, match="alpha channel leaves"):
        Image.from_array(np.array([[[0, 5, 10, 2.0]]], np.float32))


def test_every_16_bit_number_survives():
    numbers = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    image = Image.from_array(numbers)
    np.testing.assert_array_equal(image.to_stored(image.full())[..., 0], numbers)


def test_constant_floats_have_scale_one():
    image = Image.from_array(np.full((2, 3), 7.0, np.float32))
    assert (image.offset, image.scale) == (7, 1)
    assert (image.full() == 0).all()
    assert (image.to_stored(image.full()) == 7).all()


@pytest.mark.parametrize("dtype", DTYPES)
@given(
    seed=st.integers(0, 999),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    channels=st.sampled_from([1, 3, 4]),
)
@settings(deadline=None, max_examples=25)
def test_reading_then_storing_gives_the_same_numbers(dtype, seed, height, width, channels):
    pixels = random_pixels(seed, (height, width, channels), dtype)
    if channels == 4 and dtype == np.float32:
        pixels[..., 3] = np.abs(np.tanh(pixels[..., 3]))
    image = Image.from_array(pixels)
    stored = image.to_stored(torch.from_numpy(image.full()))
    assert stored.dtype == dtype
    if dtype == np.float32:
        np.testing.assert_allclose(stored, pixels, atol=1e-6)
    else:
        np.testing.assert_array_equal(stored, pixels)


@given(data=st.data())
@settings(deadline=None, max_examples=50)
def test_values_at_and_crop_agree_with_numpy_indexing(data):
    height, width = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 8))
    image = Image.from_array(random_pixels(1, (height, width, 3), np.uint16))
    full = image.full()

    def indices(size: int) -> list[int]:
        runs = st.builds(lambda a, s: list(range(a, size, s)), st.integers(0, size - 1), st.integers(1, 3))
        return data.draw(st.one_of(st.lists(st.integers(0, size - 1), max_size=6), runs))

    rows, columns = indices(height), indices(width)
    expected = full[np.array(rows, int)][:, np.array(columns, int)]
    np.testing.assert_array_equal(image.values(np.array(rows, int), torch.tensor(columns).long()), expected)
    count = min(len(rows), len(columns))
    points = image.at(torch.tensor(rows[:count]).long(), torch.tensor(columns[:count]).long())
    expected = np.array([full[r, c] for r, c in zip(rows[:count], columns[:count], strict=True)])
    np.testing.assert_array_equal(points, expected.reshape(count, 3))
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    crop = image.crop(top, left, height - top, width - left)
    np.testing.assert_array_equal(crop.full(), full[top:, left:])


def test_indices_may_count_from_the_end():
    image = Image.from_array(random_pixels(0, (5, 4, 3), np.uint8))
    np.testing.assert_array_equal(image.values([-2, -1], [0, 1, 2, 3]), image.full()[-2:])


def test_points_of_a_mapped_image_come_in_the_order_asked_for(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("nfield.core.image.MAPPED_POINTS", 3)
    pixels = random_pixels(0, (5, 4, 3), np.uint8)
    np.save(tmp_path / "a.npy", pixels)
    image = Image.from_array(np.load(tmp_path / "a.npy", mmap_mode="r"))
    rows, columns = np.random.default_rng(1).integers(0, 4, (2, 5, 7))
    np.testing.assert_array_equal(image.at(rows, columns), (pixels[rows, columns] / 255).astype(np.float32))


def test_values_do_not_alias_the_pixels():
    pixels = np.full((2, 2), 0.5, np.float32)
    Image.from_array(pixels).full()[:] = 0
    assert (pixels == 0.5).all()


def test_crop_outside_is_refused_with_the_sizes():
    image = Image.from_array(np.zeros((4, 5), np.uint8))
    for bad in [(0, 0, 5, 5), (-1, 0, 2, 2), (0, 3, 2, 3), (0, 0, 0, 2)]:
        with pytest.raises(UserError, match=r"4 x 5 \(height x width\)"):
            image.crop(*bad)


def test_to_stored_clips_integers_and_checks_channels():
    image = Image.from_array(np.zeros((1, 1), np.uint8))
    assert image.to_stored(np.array([[[-0.1], [0.5], [1.7]]])).ravel().tolist() == [0, 128, 255]
    with pytest.raises(ValueError, match="1 channels"):
        image.to_stored(np.zeros((2, 2, 3)))


def test_eight_bits_of_a_float_image_show_its_values():
    image = Image.from_array(np.array([[-2.0, 0.0, 6.0]], np.float32))
    assert image.to_stored(image.full(), eight_bit=True).ravel().tolist() == [0, 64, 255]


def test_tensors_of_any_kind_are_taken():
    tensor = torch.tensor([[0.0, 0.5]], dtype=torch.bfloat16, requires_grad=True)
    assert Image.from_array(tensor).full().ravel().tolist() == [0, 0.5]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4, 2), np.uint8), "has 2 channels.*Grey with alpha"),
        (np.zeros((4, 4, 5), np.uint8), "has 5 channels"),
        (np.zeros((3, 8, 8), np.uint8), "has 8 channels.*channels seem to come first.*transpose"),
        (np.zeros((0, 4), np.uint8), "has no pixels"),
        (np.zeros(4, np.uint8), r"shape \(4,\) is no image"),
        (np.zeros((1, 2, 3, 4), np.uint8), "is no image"),
        (np.zeros((2, 2), np.complex64), "complex64"),
        (np.full((2, 2), "a"), "no image"),
    ],
)
def test_arrays_that_are_no_images(array, message):
    with pytest.raises(UserError, match=message):
        Image.from_array(array, source="here")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_counted_and_placed(bad, monkeypatch):
    monkeypatch.setattr("nfield.core.image.BLOCK_VALUES", 12)
    pixels = np.zeros((8, 4, 3), np.float32)
    pixels[5, 2, 1] = pixels[5, 3, 0] = pixels[7, 0, 0] = bad
    with pytest.raises(UserError, match=r"3 of its values .* row 5, column 2, channel 1"):
        Image.from_array(pixels)


def test_a_double_beyond_float32_is_not_finite():
    with pytest.raises(UserError, match="1 of its values"):
        Image.from_array(np.array([[0.0, 1e300]]))


def test_a_large_mapped_array_is_read_in_parts(tmp_path: Path):
    # 400 MB that take no room on the disk; one pixel is set.
    path = tmp_path / "large.npy"
    mapped = np.lib.format.open_memmap(path, "w+", np.uint8, (20000, 20000))
    mapped[19999, 12345] = 51
    mapped.flush()
    del mapped
    image = Image.from_array(np.load(path, mmap_mode="r"))
    assert isinstance(image.pixels, np.memmap)
    before = resident_megabytes()
    random = np.random.default_rng(0)
    image.at(random.integers(0, 20000, 20000), random.integers(0, 20000, 20000))
    assert image.at([19999], [12345]).item() == pytest.approx(0.2)
    crop = image.crop(19900, 12300, 100, 100)
    assert crop.full()[99, 45, 0] == pytest.approx(0.2)
    assert resident_megabytes() - before < 32


def test_searching_a_mapped_float_array_for_nan_holds_one_block(tmp_path: Path):
    path = tmp_path / "floats.npy"
    np.lib.format.open_memmap(path, "w+", np.float32, (2000, 16000)).flush()
    before = resident_megabytes()
    image = Image.from_array(np.load(path, mmap_mode="r"))
    assert isinstance(image.pixels, np.memmap)
    assert resident_megabytes() - before < 64
