"""Pictures of the formats that Pillow knows (JPEG, PNG to 8 bits, GIF, WebP, ...), and of imageio's others."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from nfield.core.checks import UserError
from nfield.io.images.decoded import DECODING_ERRORS, Decoded, loaded_whole, unreadable

ORIENTATION = 0x0112
KEPT = ("L", "LA", "RGB", "RGBA")
FLOAT_SIGNATURES = {b"\x76\x2f\x31\x01": "EXR", b"#?RADIANCE": "Radiance HDR", b"#?RGBE": "Radiance HDR"}
_size_limit = threading.Lock()


def read_picture(path: str | Path) -> Decoded | None:
    """Pixels by Pillow; None where Pillow does not know the format. Raises UserError on damaged content."""
    from PIL import Image, UnidentifiedImageError

    with _quiet_at_any_size():
        try:
            with Image.open(path) as picture:
                return _decoded(picture)
        except UnidentifiedImageError:
            return None
        except DECODING_ERRORS as error:
            raise unreadable(str(path), f"it is truncated or damaged ({error})") from None


def picture_orientation(path: str | Path) -> int:
    """The EXIF orientation, 1 where there is none. Raises UserError where Pillow finds the file damaged."""
    from PIL import Image

    try:
        with _quiet_at_any_size(), Image.open(path) as picture:
            return int(picture.getexif().get(ORIENTATION, 1))
    except DECODING_ERRORS as error:
        raise unreadable(str(path), f"it is truncated or damaged ({error})") from None


def picture_size(path: str | Path) -> tuple[int, int, int] | None:
    """Width and height as stored and the EXIF orientation, from the header alone; None where Pillow knows it not."""
    from PIL import Image, UnidentifiedImageError

    with _quiet_at_any_size():
        try:
            with Image.open(path) as opened:
                picture: Any = opened
                width, height = picture.size
                if picture.format == "TIFF":  # of which Pillow gives the upright size
                    width, height = picture.tag_v2[256], picture.tag_v2[257]
                # A PNG's own getexif decodes all of it, for the tag may stand behind the pixels.
                return int(width), int(height), int(Image.Image.getexif(picture).get(ORIENTATION, 1))
        except UnidentifiedImageError:
            return None


def read_by_imageio(path: str | Path) -> Decoded:
    """Pixels by imageio's plugins, for formats that nothing else reads. Raises UserError where that fails."""
    import imageio.v3

    with open(path, "rb") as file:
        start = file.read(16)
    for signature, name in FLOAT_SIGNATURES.items():
        if start.startswith(signature):
            return _read_float_format(path, name)
    if start.startswith(b"PK\x03\x04"):
        raise UserError(f"'{path}' is an archive. Save one of its arrays as .npy, or take out one image.")
    known = imageio.config.known_extensions.get(Path(path).suffix.lower(), ())
    plugins = {plugin for extension in known for plugin in extension.priority}
    if known and "pillow" not in plugins:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return Decoded(pixels=np.asarray(imageio.v3.imread(path)))
        except DECODING_ERRORS as error:
            raise unreadable(str(path), f"imageio says: {error}") from None
    raise UserError(
        f"'{path}' is not an image: it starts with {start!r}. Give a PNG, JPEG, TIFF, NPY, BMP, WebP or GIF file."
    )


def _read_float_format(path: str | Path, name: str) -> Decoded:
    if find_spec("cv2") is None:
        raise UserError(
            f"Cannot read '{path}': {name} files need imageio's OpenCV plugin. "
            "Run 'pip install imageio[opencv]' (for EXR also set OPENCV_IO_ENABLE_OPENEXR=1), "
            "or save the image as a float TIFF."
        )
    import imageio.v3

    try:  # -1 is OpenCV's IMREAD_UNCHANGED; without it floats would be cut to 8 bits
        pixels = imageio.v3.imread(path, plugin="opencv", index=0, flags=-1)
    except DECODING_ERRORS as error:
        raise UserError(
            f"Cannot read '{path}' by OpenCV ({error}). For EXR set OPENCV_IO_ENABLE_OPENEXR=1 before "
            "the start, or save the image as a float TIFF."
        ) from None
    return Decoded(pixels=pixels, notes=loaded_whole(pixels, name))


@contextmanager
def _quiet_at_any_size() -> Iterator[None]:
    """Lift Pillow's limit on size for one file: it guards servers, and users name their own files."""
    from PIL import Image

    with _size_limit, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _decoded(picture: Any) -> Decoded:
    frames, format_name = getattr(picture, "n_frames", 1), picture.format
    picture.load()
    orientation = int(picture.getexif().get(ORIENTATION, 1))
    notes = [f"{format_name} with {frames} frames: the first is used"] if frames > 1 else []
    pixels, told = _numbers(picture)
    notes += told
    notes += loaded_whole(pixels, format_name)
    alpha = pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    return Decoded(pixels=pixels, alpha=alpha, orientation=orientation, notes=tuple(notes))


def _numbers(picture: Any) -> tuple[np.ndarray, list[str]]:
    """Pillow's modes as plain arrays of grey, grey and alpha, RGB, or RGB and alpha."""
    mode, transparent = picture.mode, "transparency" in picture.info
    if mode.startswith("I;16"):
        return np.asarray(picture).astype(np.uint16), []
    if mode == "I":
        numbers = np.asarray(picture)
        fits = numbers.min() >= 0 and numbers.max() <= 65535
        return (numbers.astype(np.uint16) if fits else numbers), []
    if mode == "F":
        return np.asarray(picture), []
    if mode in ("P", "PA"):
        colours = np.asarray(picture.convert("RGBA"))
        return (colours if (colours[..., 3] < 255).any() else colours[..., :3]), []
    if mode in ("1", "L", "RGB") and transparent:
        return np.asarray(picture.convert("RGBA" if mode == "RGB" else "LA")), []
    if mode in KEPT:
        return np.asarray(picture), []
    if mode in ("1", "La", "RGBa"):
        return np.asarray(picture.convert({"1": "L", "La": "LA", "RGBa": "RGBA"}[mode])), []
    return np.asarray(picture.convert("RGB")), [f"{mode} converted to RGB"]
