"""Writing and reading images. Oracles: the numbers written, Pillow, tifffile, numpy, and a slow PNG encoder."""

import struct
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from nfield.core.checks import UserError
from nfield.core.image import Image
from nfield.core.libraries import open3d
from nfield.io.images import png
from nfield.io.images.images import load_image, open_image_writer, save_image

ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
"""Column and row where each pass starts, and their steps, as in the standard."""


def make(seed: int, height: int, width: int, channels: int, dtype: type) -> Image:
    random = np.random.default_rng(seed)
    if dtype == np.float32:
        pixels = random.random((height, width, channels), np.float32) * 3 - 1
        if channels in (2, 4):
            pixels[..., -1] = random.random((height, width), np.float32)
    else:
        # Slopes with a little noise, so that each of the PNG filters is the best one somewhere.
        slope = np.add.outer(np.arange(height) * 3, np.arange(width) * 2)[..., None] * np.arange(1, channels + 1)
        pixels = (slope * 200 + random.integers(0, 40, slope.shape)).astype(dtype)
    return Image.from_array(pixels, alpha=channels in (2, 4))


def slow_png(pixels: np.ndarray, colour_type: int, filters: list[int], interlaced: bool, extra: bytes) -> bytes:
    """A PNG of uint16 pixels, byte by byte after the standard, with the row filters given (in turn)."""
    height, width, channels = pixels.shape
    size, plain, row_number = 2 * channels, bytearray(), 0
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    for left, top, right, down in passes:
        part = pixels[top::down, left::right]
        if not part.size:
            continue
        above = bytes(part.shape[1] * size)
        for row in part:
            line = row.astype(">u2").tobytes()
            number = filters[row_number % len(filters)]
            row_number += 1
            plain.append(number)
            for i, byte in enumerate(line):
                a = line[i - size] if i >= size else 0
                b, c = above[i], above[i - size] if i >= size else 0
                estimate = a + b - c
                paeth = sorted((abs(estimate - value), order) for order, value in enumerate((a, b, c)))[0][1]
                plain.append((byte - (0, a, b, (a + b) // 2, (a, b, c)[paeth])[number]) % 256)
            above = line

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, interlaced)
    packed = zlib.compress(bytes(plain))
    pieces = [packed[i : i + 50] for i in range(0, len(packed), 50)]
    body = b"".join(chunk(b"IDAT", piece) for piece in pieces)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + body + chunk(b"IEND", b"")


@given(
    seed=st.integers(0, 999),
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    colour_type=st.sampled_from([0, 2, 4, 6]),
    filters=st.lists(st.integers(0, 4), min_size=1, max_size=7),
    interlaced=st.booleans(),
)
@settings(deadline=None, max_examples=50)
def test_png16_reader_undoes_the_slow_encoder(tmp_path_factory, seed, height, width, colour_type, filters, interlaced):
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour_type]
    pixels = np.random.default_rng(seed).integers(0, 65536, (height, width, channels), np.uint16)
    path = tmp_path_factory.mktemp("png") / "image.png"
    path.write_bytes(slow_png(pixels, colour_type, filters, interlaced, b""))
    image = load_image(path)
    np.testing.assert_array_equal(image.pixels, pixels)
    assert image.alpha == (channels in (2, 4))


def test_png16_reader_works_in_blocks_of_rows(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(png, "BLOCK_BYTES", 1)
    monkeypatch.setattr(png, "PIECE", 16)
    pixels = np.random.default_rng(0).integers(0, 65536, (40, 3, 3), np.uint16)
    (tmp_path / "image.png").write_bytes(slow_png(pixels, 2, [4, 3, 2, 1], False, b""))
    np.testing.assert_array_equal(load_image(tmp_path / "image.png").pixels, pixels)


def test_png16_transparent_colour_becomes_alpha(tmp_path: Path):
    pixels = np.array([[[1, 2, 3], [1, 2, 4]]], np.uint16)
    body = struct.pack(">3H", 1, 2, 3)
    extra = struct.pack(">I", 6) + b"tRNS" + body + struct.pack(">I", zlib.crc32(b"tRNS" + body))
    (tmp_path / "image.png").write_bytes(slow_png(pixels, 2, [0], False, extra))
    image = load_image(tmp_path / "image.png")
    assert image.alpha
    assert image.pixels[0].tolist() == [[1, 2, 3, 0], [1, 2, 4, 65535]]


@pytest.mark.parametrize("count", [0, 1, 2, 5, 2**19 + 1])
def test_png16_transparent_colours_of_another_length(tmp_path: Path, count: int):
    pixels = np.array([[[1, 2, 3], [1, 2, 4]]], np.uint16)
    body = bytes(2 * count)
    extra = struct.pack(">I", len(body)) + b"tRNS" + body + struct.pack(">I", zlib.crc32(b"tRNS" + body))
    (tmp_path / "image.png").write_bytes(slow_png(pixels, 2, [0], False, extra))
    if count < 3:
        with pytest.raises(UserError, match="damaged"):
            load_image(tmp_path / "image.png")
    else:
        np.testing.assert_array_equal(load_image(tmp_path / "image.png").pixels, pixels)


def test_png16_is_turned_upright(tmp_path: Path):
    exif = Pillow.Exif()
    exif[0x0112] = 6
    body = exif.tobytes().removeprefix(b"Exif\0\0")
    extra = struct.pack(">I", len(body)) + b"eXIf" + body + struct.pack(">I", zlib.crc32(b"eXIf" + body))
    pixels = np.random.default_rng(0).integers(0, 65536, (2, 3, 3), np.uint16)
    (tmp_path / "image.png").write_bytes(slow_png(pixels, 2, [0], False, extra))
    np.testing.assert_array_equal(load_image(tmp_path / "image.png").pixels, np.rot90(pixels, -1))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@given(
    seed=st.integers(0, 999),
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    channels=st.sampled_from([1, 2, 3, 4]),
)
@settings(deadline=None, max_examples=20)
def test_saved_images_load_the_same(tmp_path_factory, suffix, dtype, seed, height, width, channels):
    if suffix == ".npy" and channels == 2:
        channels = 1  # an array cannot say that its second channel is alpha
    image = make(seed, height, width, channels, dtype)
    path = tmp_path_factory.mktemp("saved") / f"image{suffix}"
    exact = save_image(path, torch.from_numpy(image.full()), image)[0]
    assert exact.suffix == (".tif" if dtype == np.float32 and suffix == ".png" else suffix)
    loaded = load_image(exact)
    assert (loaded.colour, loaded.alpha, loaded.pixels.dtype) == (image.colour, image.alpha, dtype)
    if dtype == np.float32:
        np.testing.assert_allclose(loaded.pixels, image.pixels, atol=1e-6)
    else:
        np.testing.assert_array_equal(loaded.pixels, image.pixels)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "LA"), (3, "RGB"), (4, "RGBA")])
def test_others_read_our_pngs(tmp_path: Path, channels: int, mode: str):
    image = make(3, 33, 21, channels, np.uint8)
    save_image(tmp_path / "image.png", image.full(), image)
    with Pillow.open(tmp_path / "image.png") as picture:
        assert picture.mode == mode
        np.testing.assert_array_equal(np.asarray(picture).reshape(image.pixels.shape), image.pixels)
    image = make(3, 33, 21, channels, np.uint16)
    save_image(tmp_path / "deep.png", image.full(), image)
    with Pillow.open(tmp_path / "deep.png") as picture:
        # Pillow keeps 16 bits of grey only; of other colours it gives the upper 8.
        pixels = image.pixels if channels == 1 else (image.pixels >> 8)
        np.testing.assert_array_equal(np.asarray(picture).reshape(33, 21, -1)[..., -1], pixels[..., -1])


@pytest.mark.parametrize("channels", [1, 3])
def test_open3d_reads_all_16_bits_of_our_pngs(tmp_path: Path, channels: int):
    image = make(3, 33, 21, channels, np.uint16)
    save_image(tmp_path / "deep.png", image.full(), image)
    read = open3d().t.io.read_image(str(tmp_path / "deep.png")).as_tensor().numpy()
    np.testing.assert_array_equal(read, image.pixels)


def test_others_read_our_tiffs(tmp_path: Path):
    for channels in (1, 3, 4):
        image = make(3, 5, 7, channels, np.float32)
        save_image(tmp_path / "image.tif", image.full(), image)
        read = tifffile.imread(tmp_path / "image.tif")
        assert read.shape == ((5, 7) if channels == 1 else (5, 7, channels))
        np.testing.assert_allclose(read.reshape(5, 7, channels), image.pixels, atol=1e-6)


def test_every_png_filter_is_chosen_somewhere_and_shrinks_a_photograph_like_pillow(tmp_path: Path):
    from skimage import data

    image = Image.from_array(data.camera())
    save_image(tmp_path / "ours.png", image.full(), image)
    Pillow.fromarray(data.camera()).save(tmp_path / "pillow.png")
    ours = (tmp_path / "ours.png").stat().st_size
    assert ours < 1.1 * (tmp_path / "pillow.png").stat().st_size
    header = png.read_png_header(tmp_path / "ours.png")
    content = (tmp_path / "ours.png").read_bytes()
    plain = zlib.decompress(b"".join(content[start : start + length] for start, length in header.data))
    assert set(plain[:: 1 + 512]) >= {1, 2, 4}


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy", ".bmp", ".webp"])
@given(cuts=st.lists(st.integers(0, 23), max_size=5))
@settings(deadline=None, max_examples=15)
def test_rows_written_in_any_blocks_give_the_same_file(tmp_path_factory, suffix, cuts):
    folder = tmp_path_factory.mktemp("blocks")
    image = make(5, 23, 9, 3, np.uint8)
    whole, blocks = folder / f"whole{suffix}", folder / f"blocks{suffix}"
    save_image(whole, image.full(), image)
    edges = [0, *sorted(cuts), 23]
    with open_image_writer(blocks, 23, 9, image) as writer:
        for top, bottom in pairwise(edges):
            writer.write(image.full()[top:bottom])
    np.testing.assert_array_equal(load_image(blocks).pixels, load_image(whole).pixels)
    np.testing.assert_array_equal(load_image(blocks).pixels, image.pixels)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy", ".jpg"])
@pytest.mark.parametrize(
    ("blocks", "message"), [([2], "only 2 of 4 rows"), ([3, 2], "2 rows of 4 pixels do not fit"), ([4, None], "stop")]
)
def test_an_incomplete_file_leaves_nothing_behind(tmp_path: Path, suffix: str, blocks: list, message: str):
    image = make(0, 4, 4, 1, np.uint8)

    def write() -> None:
        with open_image_writer(tmp_path / f"a{suffix}", 4, 4, image) as writer:
            for rows in blocks:
                if rows is None:
                    raise RuntimeError("stop")
                writer.write(np.zeros((rows, 4, 1), np.float32))

    with pytest.raises((ValueError, RuntimeError), match=message):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_float_image_named_png_gets_its_numbers_beside(tmp_path: Path):
    image = Image.from_array(np.array([[-2.0, 0.0, 6.0]], np.float32))
    assert save_image(tmp_path / "a.png", image.full(), image) == (tmp_path / "a.tif", tmp_path / "a.png")
    assert load_image(tmp_path / "a.png").pixels.ravel().tolist() == [0, 64, 255]
    assert tifffile.imread(tmp_path / "a.tif").ravel().tolist() == [-2, 0, 6]


def test_eight_bit_previews_of_deep_images(tmp_path: Path):
    image = Image.from_array(np.array([[0, 32768, 65535]], np.uint16))
    with open_image_writer(tmp_path / "a.png", 1, 3, image, eight_bit=True) as writer:
        writer.write(image.full())
    assert load_image(tmp_path / "a.png").pixels.dtype == np.uint8
    assert load_image(tmp_path / "a.png").pixels.ravel().tolist() == [0, 128, 255]


def test_jpeg_is_near_the_values(tmp_path: Path):
    image = make(0, 16, 16, 1, np.uint8)
    smooth = np.full((16, 16, 1), 0.5, np.float32)
    save_image(tmp_path / "a.jpg", smooth, image)
    assert np.abs(load_image(tmp_path / "a.jpg").pixels.astype(int) - 128).max() <= 1


@pytest.mark.parametrize(
    ("name", "channels", "dtype", "message"),
    [
        ("a.xyz", 3, np.uint8, "names no format.*\\.png"),
        ("a", 3, np.uint8, "names no format"),
        ("a.jpg", 3, np.uint16, "8 bits only.*\\.png"),
        ("a.jpg", 4, np.uint8, "cannot hold .* alpha"),
        ("missing/a.png", 3, np.uint8, "folder does not exist"),
    ],
)
def test_targets_that_cannot_be_written(tmp_path: Path, name, channels, dtype, message):
    image = make(0, 2, 2, channels, dtype)
    with pytest.raises(UserError, match=message):
        save_image(tmp_path / name, image.full(), image)
    assert list(tmp_path.iterdir()) == []


def test_a_side_too_long_for_the_format_is_refused(tmp_path: Path):
    with (
        pytest.raises(UserError, match=r"16383 pixels a side.*20000 x 1"),
        open_image_writer(tmp_path / "a.webp", 20000, 1, make(0, 1, 1, 1, np.uint8)),
    ):
        pass
