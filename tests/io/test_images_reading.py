"""Reading files that others wrote, good and bad. Oracles: the arrays written, and Pillow's own conversions."""

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import imageio.v3
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageOps

from nfield.core.checks import UserError
from nfield.core.image import Image
from nfield.io.images.images import load_image, load_mask, save_image

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (13, 17), np.uint8)
RGB = RANDOM.integers(0, 256, (13, 17, 3), np.uint8)
RGBA = RANDOM.integers(0, 256, (13, 17, 4), np.uint8)


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("grey.png", GREY),
        ("rgb.png", RGB),
        ("rgba.png", RGBA),
        ("grey_alpha.png", RGBA[..., :2]),
        ("rgb.bmp", RGB),
        ("rgb.webp", RGB),
        ("rgba.webp", RGBA),
        ("rgb.ppm", RGB),
        ("rgb.tif", RGB),
        ("one_pixel.png", GREY[:1, :1]),
    ],
)
def test_lossless_files_of_pillow_read_exactly(tmp_path: Path, name: str, pixels: np.ndarray):
    options: dict[str, Any] = {"lossless": True, "exact": True} if name.endswith("webp") else {}
    Pillow.fromarray(pixels).save(tmp_path / name, **options)
    image = load_image(tmp_path / name)
    np.testing.assert_array_equal(image.pixels, pixels.reshape(image.pixels.shape))
    assert image.alpha == (pixels.ndim == 3 and pixels.shape[2] in (2, 4))
    assert image.colour == ("grey" if image.channels <= 2 else "rgb")
    assert image.notes == ()
    assert image.source == str(tmp_path / name)


def test_jpeg_of_a_flat_colour(tmp_path: Path):
    Pillow.new("RGB", (16, 16), (200, 100, 50)).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(load_image(tmp_path / "a.jpg").pixels.astype(int) - [200, 100, 50]).max() <= 2


def test_palette_and_one_bit_files(tmp_path: Path):
    picture = Pillow.fromarray(GREY // 128).convert("P")
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.save(tmp_path / "palette.png")
    expected = np.array([[10, 20, 30], [40, 50, 60]], np.uint8)[GREY // 128]
    np.testing.assert_array_equal(load_image(tmp_path / "palette.png").pixels, expected)
    picture.save(tmp_path / "palette.tif")
    np.testing.assert_array_equal(load_image(tmp_path / "palette.tif").pixels, expected)
    picture.save(tmp_path / "clear.png", transparency=1)
    clear = load_image(tmp_path / "clear.png")
    assert clear.alpha
    np.testing.assert_array_equal(clear.pixels[..., 3], np.where(GREY // 128 == 1, 0, 255))
    Pillow.fromarray(GREY > 99).save(tmp_path / "bits.png")
    np.testing.assert_array_equal(load_image(tmp_path / "bits.png").pixels[..., 0], (GREY > 99) * 255)


def test_a_transparent_colour_becomes_alpha(tmp_path: Path):
    Pillow.fromarray(RGB).save(tmp_path / "a.png", transparency=tuple(RGB[2, 3].tolist()))
    image = load_image(tmp_path / "a.png")
    assert image.alpha
    assert image.pixels[2, 3, 3] == 0
    np.testing.assert_array_equal(image.pixels[..., :3], RGB)
    Pillow.fromarray(GREY).save(tmp_path / "b.png", transparency=int(GREY[2, 3]))
    image = load_image(tmp_path / "b.png")
    assert (image.colour, image.alpha) == ("grey", True)
    np.testing.assert_array_equal(image.pixels[..., 1] == 0, GREY[2, 3] == GREY)


def test_deep_and_float_pictures_that_pillow_decodes(tmp_path: Path):
    deep = GREY.astype(np.uint16) * np.uint16(257)
    Pillow.fromarray(deep).save(tmp_path / "a.pgm")
    Pillow.fromarray(deep).save(tmp_path / "a.tif", compression="tiff_lzw")
    for name in ("a.pgm", "a.tif"):
        image = load_image(tmp_path / name)
        assert image.pixels.dtype == np.uint16
        np.testing.assert_array_equal(image.pixels[..., 0], deep)
    Pillow.fromarray(GREY.astype(np.float32)).save(tmp_path / "b.tif", compression="tiff_lzw")
    image = load_image(tmp_path / "b.tif")
    assert image.pixels.dtype == np.float32
    np.testing.assert_array_equal(image.pixels[..., 0], GREY)
    Pillow.fromarray(GREY // 16 * 17).convert("L").save(tmp_path / "d.png", bits=4)
    np.testing.assert_array_equal(load_image(tmp_path / "d.png").pixels[..., 0], GREY // 16 * 17)


def test_cmyk_becomes_rgb_and_is_told(tmp_path: Path):
    picture = Pillow.new("CMYK", (8, 8), (0, 255, 255, 0))
    for name in ("a.jpg", "a.tif"):
        picture.save(tmp_path / name)
        image = load_image(tmp_path / name)
        assert image.notes == ("CMYK converted to RGB",)
        assert np.abs(image.pixels.astype(int) - [255, 0, 0]).max() <= 3


def test_the_first_frame_of_an_animation_is_used_and_told(tmp_path: Path):
    frames = [Pillow.new("RGB", (6, 5), colour) for colour in ("red", "green", "blue")]
    for name in ("a.gif", "a.png", "a.webp"):
        options: dict[str, Any] = {"lossless": True} if name.endswith("webp") else {}
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **options)
        image = load_image(tmp_path / name)
        assert "with 3 frames: the first is used" in image.notes[0]
        assert (image.pixels == [255, 0, 0]).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(tmp_path: Path, orientation: int):
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    Pillow.fromarray(RGB).save(tmp_path / "a.png", exif=exif)
    with Pillow.open(tmp_path / "a.png") as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture))
    image = load_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image.pixels, expected)
    assert (image.notes == ()) == (orientation == 1)
    tifffile.imwrite(tmp_path / "a.tif", RGB, photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    np.testing.assert_array_equal(load_image(tmp_path / "a.tif").pixels, expected)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": 2},
        {"tile": (16, 16)},
        {"byteorder": ">"},
        {"rowsperstrip": 2},
        {"bigtiff": True},
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_tiffs_of_any_layout(tmp_path: Path, options: dict[str, Any], dtype: type):
    if dtype == np.float32 and "predictor" in options:
        options = {"compression": "zlib"}  # predictors of floats need a package that is not required
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    pixels: np.ndarray = (RGB / 255.0 * top).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", **options)
    image = load_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.pixels, pixels)
    assert image.pixels.dtype == dtype
    assert image.notes == ()


def test_tiffs_of_other_kinds(tmp_path: Path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.moveaxis(RGB, -1, 0), photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(load_image(path).pixels, RGB)
    tifffile.imwrite(path, GREY, photometric="miniswhite")
    np.testing.assert_array_equal(load_image(path).pixels[..., 0], 255 - GREY)
    tifffile.imwrite(path, GREY > 99, photometric="minisblack")
    np.testing.assert_array_equal(load_image(path).pixels[..., 0], (GREY > 99) * 255)
    Pillow.fromarray(RGB).save(path, compression="tiff_lzw")
    np.testing.assert_array_equal(load_image(path).pixels, RGB)
    tifffile.imwrite(path, np.stack([GREY, GREY + np.uint8(1)]), photometric="minisblack")
    image = load_image(path)
    assert image.notes == ("TIFF with 2 pages: the first is used",)
    np.testing.assert_array_equal(image.pixels[..., 0], GREY)
    tifffile.imwrite(path, GREY.astype(np.int16) - 100)
    image = load_image(path)
    assert image.stored_dtype == np.float32
    np.testing.assert_array_equal(image.pixels[..., 0], GREY.astype(np.float32) - 100)
    tifffile.imwrite(path, RGBA, photometric="rgb", extrasamples=["unspecified"])
    assert load_image(path).notes == ("its unnamed last channel is taken as alpha",)


def test_npy_arrays(tmp_path: Path):
    arrays: list[np.ndarray] = [GREY, RGB, RGBA, RGB.astype(">u2") * 257, np.asfortranarray(RGB)]
    for pixels in arrays:
        np.save(tmp_path / "a.npy", pixels)
        image = load_image(tmp_path / "a.npy")
        np.testing.assert_array_equal(image.pixels, pixels.reshape(image.pixels.shape))
        assert image.pixels.dtype.isnative


@pytest.mark.parametrize("name", ["a.npy", "a.tif", "big_endian.tif"])
def test_large_files_stay_on_disk(tmp_path: Path, monkeypatch, name: str):
    pixels = RGB.astype(np.uint16) * np.uint16(257)
    if name == "a.npy":
        np.save(tmp_path / name, pixels)
    else:
        order: Any = ">" if "big" in name else "<"
        tags = [(274, "H", 1, 6, True)]
        tifffile.imwrite(tmp_path / name, pixels, photometric="rgb", byteorder=order, extratags=tags)
        pixels = np.rot90(pixels, -1)
    assert not isinstance(load_image(tmp_path / name).pixels, np.memmap)
    monkeypatch.setattr("nfield.io.images.decoded.LARGE", 100)
    image = load_image(tmp_path / name)
    assert isinstance(image.pixels, np.memmap)
    np.testing.assert_array_equal(image.to_stored(image.full()), pixels)
    assert image.to_stored(image.full()).dtype == np.uint16


def test_a_large_compressed_file_is_loaded_whole_and_told(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("nfield.io.images.decoded.LARGE", 100)
    tifffile.imwrite(tmp_path / "a.tif", RGB, photometric="rgb", compression="zlib")
    Pillow.fromarray(RGB).save(tmp_path / "a.png")
    for name in ("a.tif", "a.png"):
        assert "loaded whole" in load_image(tmp_path / name).notes[0]


def test_pictures_beyond_pillows_limit_are_read(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 10)
    Pillow.fromarray(RGB).save(tmp_path / "a.png")
    np.testing.assert_array_equal(load_image(tmp_path / "a.png").pixels, RGB)
    assert Pillow.MAX_IMAGE_PIXELS == 10


def test_formats_of_imageio_alone(tmp_path: Path):
    imageio.v3.imwrite(tmp_path / "a.bsdf", RGB)
    np.testing.assert_array_equal(load_image(tmp_path / "a.bsdf").pixels, RGB)


def bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    """Each kind of bad file with what its message must say."""
    good = folder / "good.png"
    Pillow.fromarray(RGB).save(good)
    Pillow.fromarray(RGB).save(folder / "whole.jpg")
    tifffile.imwrite(folder / "whole.tif", RGB, photometric="rgb")
    np.save(folder / "whole.npy", RGB)
    cases = {
        "missing": (folder / "goood.png", "No file .*Did you mean 'good.png'"),
        "missing folder": (folder / "nowhere" / "a.png", "there is no folder"),
        "folder": (folder, "is a folder"),
        "empty": (folder / "empty.png", "is empty"),
        "text": (folder / "text.png", "is not an image: it starts with b'hello"),
        "truncated png": (folder / "cut.png", "truncated"),
        "truncated jpeg": (folder / "cut.jpg", "truncated"),
        "truncated tiff": (folder / "cut.tif", "truncated"),
        "truncated npy": (folder / "cut.npy", "truncated"),
        "pickle": (folder / "pickle.npy", "damaged"),
        "two channels": (folder / "two.npy", "has 2 channels"),
        "five channels": (folder / "five.npy", "has 5 channels"),
        "no pixels": (folder / "none.npy", "no pixels"),
        "nan": (folder / "nan.tif", "1 of its values .* row 3, column 4"),
        "exr": (folder / "a.exr", r"pip install imageio\[opencv\]"),
        "hdr": (folder / "a.hdr", r"pip install imageio\[opencv\]"),
        "archive": (folder / "a.npz", r"Save one of its arrays as \.npy"),
    }
    (folder / "empty.png").touch()
    (folder / "text.png").write_text("hello, this is no image")
    for suffix in ("jpg", "tif", "npy"):
        content = (folder / f"whole.{suffix}").read_bytes()
        (folder / f"cut.{suffix}").write_bytes(content[: len(content) * 2 // 3])
    (folder / "cut.png").write_bytes(good.read_bytes()[:300])
    np.save(folder / "pickle.npy", np.array([{}]), allow_pickle=True)
    np.save(folder / "two.npy", RGBA[..., :2])
    np.save(folder / "five.npy", np.zeros((4, 4, 5), np.uint8))
    np.save(folder / "none.npy", np.zeros((0, 4), np.uint8))
    np.savez(folder / "a.npz", RGB)
    values = np.zeros((8, 8), np.float32)
    values[3, 4] = np.nan
    tifffile.imwrite(folder / "nan.tif", values)
    (folder / "a.exr").write_bytes(b"\x76\x2f\x31\x01" + bytes(64))
    (folder / "a.hdr").write_bytes(b"#?RADIANCE\n" + bytes(64))
    return cases


def test_bad_files_are_refused_in_one_message(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("nfield.io.images.pictures.find_spec", lambda name: None)
    for kind, (path, message) in bad_files(tmp_path).items():
        with pytest.raises(UserError, match=message) as caught:
            load_image(path)
        assert str(path) in str(caught.value), kind
        assert "\n" not in str(caught.value), kind


def test_an_exr_is_read_by_the_plugin_with_its_floats(tmp_path: Path, monkeypatch):
    (tmp_path / "a.exr").write_bytes(b"\x76\x2f\x31\x01" + bytes(64))
    seen = {}

    def imread(path, **options):
        seen.update(options)
        return RGB.astype(np.float32) * 2

    monkeypatch.setattr("nfield.io.images.pictures.find_spec", lambda name: ModuleSpec("cv2", None))
    monkeypatch.setattr("imageio.v3.imread", imread)
    assert load_image(tmp_path / "a.exr").scale == pytest.approx(2.0 * (RGB.max() - float(RGB.min())))
    assert seen == {"plugin": "opencv", "index": 0, "flags": -1}


@pytest.mark.skipif(sys.platform == "win32", reason="file modes are of Unix")
def test_a_device_is_not_an_image():
    with pytest.raises(UserError, match="not an ordinary file"):
        load_image("/dev/null")


@pytest.mark.parametrize("deep", [False, True])
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), cut=st.booleans())
@settings(deadline=None, max_examples=60)
def test_no_damaged_png_passes(tmp_path_factory, deep, place, flip, cut):
    folder = tmp_path_factory.mktemp("png")
    image = Image.from_array(RGB.astype(np.uint16) * np.uint16(257) if deep else RGB)
    save_image(folder / "a.png", image.full(), image)
    content = bytearray((folder / "a.png").read_bytes())
    position = int(place * len(content))
    content[position] ^= flip
    (folder / "a.png").write_bytes(content[:position] if cut else content)
    with pytest.raises(UserError):
        load_image(folder / "a.png")


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"tile": (16, 16)}])
@given(place=st.floats(0, 1, exclude_max=True))
@settings(deadline=None, max_examples=40)
def test_no_truncated_tiff_passes(tmp_path_factory, options, place):
    path = tmp_path_factory.mktemp("tiff") / "a.tif"
    tifffile.imwrite(path, RGB, photometric="rgb", **options)
    content = path.read_bytes()
    path.write_bytes(content[: int(place * len(content))])
    with pytest.raises(UserError):
        load_image(path)


@given(content=st.binary(min_size=1, max_size=64), start=st.sampled_from(["", "png", "npy", "tiff", "jpeg", "gif"]))
@settings(deadline=None, max_examples=100)
def test_noise_is_refused_whatever_it_claims_to_be(tmp_path_factory, content, start):
    starts = {
        "": b"",
        "png": b"\x89PNG\r\n\x1a\n",
        "npy": b"\x93NUMPY\x01\x00",
        "tiff": b"II*\0\x08\0\0\0",
        "jpeg": b"\xff\xd8\xff\xe0",
        "gif": b"GIF89a",
    }
    path = tmp_path_factory.mktemp("noise") / "a.png"
    path.write_bytes(starts[start] + content)
    with pytest.raises(UserError):
        load_image(path)


def test_masks(tmp_path: Path):
    Pillow.fromarray(np.array([[0, 127], [128, 255]], np.uint8)).save(tmp_path / "mask.png")
    assert load_mask(tmp_path / "mask.png", 2, 2).tolist() == [[False, False], [True, True]]
    with pytest.raises(UserError, match=r"2 x 2 pixels.*the image has 3 x 2"):
        load_mask(tmp_path / "mask.png", 3, 2)
    Pillow.new("L", (2, 2), 100).save(tmp_path / "black.png")
    with pytest.raises(UserError, match="black everywhere"):
        load_mask(tmp_path / "black.png", 2, 2)
    colours = np.array([[[255, 255, 255, 255], [255, 255, 255, 0], [255, 255, 0, 255]]], np.uint8)
    Pillow.fromarray(colours).save(tmp_path / "colours.png")
    assert load_mask(tmp_path / "colours.png", 1, 3).tolist() == [[True, False, True]]
    Pillow.fromarray(np.array([[False, True]])).save(tmp_path / "bits.png")
    assert load_mask(tmp_path / "bits.png", 1, 2).tolist() == [[False, True]]
