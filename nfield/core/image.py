"""An image as nfield sees it: the file's own numbers, read piece by piece as values in [0, 1].

Axes: pixels are (height, width, channels); row 0 is the top. Values are float32 in [0, 1]; a stored number is
`offset + scale * value`, so that an error of 1 in values is an error of `scale` in the file's own unit.
"""

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float32, Shaped

from nfield.core.checks import UserError

Array = np.ndarray | torch.Tensor
BLOCK_VALUES = 2**22
"""Numbers looked at together when a whole image is passed over."""
MAPPED_POINTS = 2**12
"""Points read together from a memory-mapped image."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Image:
    """Pixels with what they mean. Make one with `Image.from_array`, or read one with `load_image`."""

    pixels: Shaped[np.ndarray, "height width channels"]
    """The file's own numbers; may be memory-mapped, and is then only read where it is asked for."""
    colour: Literal["grey", "rgb"]
    alpha: bool
    """Whether the last channel is opacity."""
    notes: tuple[str, ...] = ()
    """What the user should be told about how the file was read."""
    source: str = "array"
    """Where the pixels come from: a path, or a name."""
    offset: float = 0.0
    """The stored number that value 0 stands for."""
    scale: float = 1.0
    """How much the stored number rises from value 0 to value 1. PSNR's peak, in the file's own unit."""

    @classmethod
    def from_array(
        cls,
        array: Array,
        *,
        alpha: bool | None = None,
        notes: Sequence[str] = (),
        source: str = "array",
    ) -> "Image":
        """An image of an array (height, width) or (height, width, channels).

        4 channels are RGB and alpha; 2, grey and alpha, are taken only with `alpha=True`.
        uint8 and uint16 span [0, 255] and [0, 65535]; booleans are black and white; floats within [0, 1] are
        taken as they are; other numbers are scaled so that their own lowest and highest become 0 and 1.
        Memory-mapped arrays stay so. Raises UserError on a shape, a type or a NaN that no image has.
        """
        pixels = _with_channels(_as_numpy(array), source)
        channels = pixels.shape[2]
        if alpha is None:
            alpha = channels == 4
        _check_channels(channels, alpha, pixels.shape, source)
        told = list(notes)
        if not isinstance(pixels, np.memmap):
            pixels = _in_memory(pixels, told)
        offset, scale = _range(pixels, alpha, source)
        kind = pixels.dtype.kind
        if kind == "f" and (offset, scale) != (0.0, 1.0):
            told.append(
                f"its values span [{offset:.6g}, {offset + scale:.6g}], which are mapped to [0, 1]; "
                "PSNR is relative to this range"
            )
        elif kind in "iu" and pixels.dtype.itemsize * 8 > 16:
            told.append(f"{pixels.dtype} numbers have no common range: their own is mapped to [0, 1]")
        colour: Literal["grey", "rgb"] = "grey" if channels - alpha == 1 else "rgb"
        return cls(
            pixels=pixels,
            colour=colour,
            alpha=alpha,
            notes=tuple(told),
            source=source,
            offset=offset,
            scale=scale,
        )

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.pixels.shape[0]

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.pixels.shape[1]

    @property
    def channels(self) -> int:
        """Numbers per pixel, alpha included."""
        return self.pixels.shape[2]

    @property
    def stored_dtype(self) -> np.dtype:
        """The type results are written in: uint8, uint16 or float32."""
        if self.pixels.dtype == np.bool_:
            return np.dtype(np.uint8)
        if self.pixels.dtype.kind == "u" and self.pixels.dtype.itemsize <= 2:
            return self.pixels.dtype.newbyteorder("=")
        return np.dtype(np.float32)

    def values(self, rows: Any, columns: Any) -> Float32[np.ndarray, "rows columns channels"]:
        """Values at all pairs of `rows` and `columns` (1-D integer arrays); reads nothing else."""
        row_index, column_index = _index(rows), _index(columns)
        if isinstance(row_index, slice):
            return self._values_of(self.pixels[row_index][:, column_index])
        if isinstance(column_index, slice):
            return self._values_of(self.pixels[:, column_index][row_index])
        return self._values_of(self.pixels[np.ix_(row_index, column_index)])

    def at(self, rows: Any, columns: Any) -> Float32[np.ndarray, "*points channels"]:
        """Values at the points (rows[i], columns[i]); both are integer arrays of one shape."""
        row_index, column_index = np.asarray(rows), np.asarray(columns)
        if not isinstance(self.pixels, np.memmap) or row_index.size <= MAPPED_POINTS:
            return self._values_of(self.pixels[row_index, column_index])
        # Each point makes the system map its surroundings: in order, and few at a time, that stays a small part.
        order = np.lexsort((column_index.ravel(), row_index.ravel()))
        values = np.zeros((row_index.size, self.channels), np.float32)
        for start in range(0, order.size, MAPPED_POINTS):
            part = order[start : start + MAPPED_POINTS]
            values[part] = self._values_of(self.pixels[row_index.ravel()[part], column_index.ravel()[part]])
        return values.reshape(*row_index.shape, self.channels)

    def full(self) -> Float32[np.ndarray, "height width channels"]:
        """All values. Four bytes each: use `values` where the image is large."""
        return self._values_of(self.pixels)

    def crop(self, top: int, left: int, height: int, width: int) -> "Image":
        """The part of `height` rows from `top` and `width` columns from `left`, on the same scale."""
        bottom, right = top + height, left + width
        if min(top, left) < 0 or min(height, width) < 1 or bottom > self.height or right > self.width:
            raise UserError(
                f"The crop of rows {top} to {bottom} and columns {left} to {right} does not fit in the "
                f"{self.height} x {self.width} (height x width) image {self.source}. Choose one inside it."
            )
        return replace(self, pixels=self.pixels[top:bottom, left:right])

    def to_stored(self, values: Array, *, eight_bit: bool = False) -> Shaped[np.ndarray, "*points channels"]:
        """The inverse of reading: values as `stored_dtype`, rounded and clipped to what that holds.

        Floats are not clipped, but for alpha. With `eight_bit` the result is uint8 for every image.
        """
        array = _as_numpy(values)
        if array.shape[-1:] != (self.channels,):
            raise ValueError(f"values of shape {array.shape} do not end in {self.channels} channels")
        dtype = np.dtype(np.uint8) if eight_bit else self.stored_dtype
        if dtype.kind == "u":
            steps = np.clip(array.astype(np.float32, copy=False), 0, 1) * np.float32(np.iinfo(dtype).max)
            return np.rint(steps, out=steps).astype(dtype)
        stored = array.astype(np.float32)
        if (self.offset, self.scale) != (0.0, 1.0):
            stored = (array.astype(np.float64) * self.scale + self.offset).astype(np.float32)
        if self.alpha:
            stored[..., -1] = np.clip(array[..., -1], 0, 1)
        return stored

    def _values_of(self, block: np.ndarray) -> np.ndarray:
        if (self.offset, self.scale) == (0.0, 1.0):
            values = np.array(block, dtype=np.float32)
        elif self.stored_dtype.kind == "u":
            values = np.asarray(block).astype(np.float32)
            values /= np.float32(self.scale)
        else:
            exact = np.asarray(block).astype(np.float64)
            exact -= self.offset
            exact /= self.scale
            values = exact.astype(np.float32)
            if self.alpha:
                values[..., -1] = block[..., -1]
        _release(self.pixels)
        return values


def _as_numpy(array: Array) -> np.ndarray:
    if isinstance(array, torch.Tensor):
        array = array.detach().cpu()
        return (array.float() if array.dtype == torch.bfloat16 else array).numpy()
    return array


def _index(numbers: Any) -> np.ndarray | slice:
    """A slice where the numbers rise evenly, for numpy then reads whole runs."""
    index = np.asarray(numbers)
    if index.size and index[0] >= 0:
        step = int(index[1]) - int(index[0]) if index.size > 1 else 1
        if step > 0 and np.array_equal(index, np.arange(index[0], index[0] + step * index.size, step)):
            return slice(int(index[0]), int(index[-1]) + 1, step)
    return index


def _with_channels(array: np.ndarray, source: str) -> np.ndarray:
    if array.dtype.kind not in "biuf":
        raise UserError(f"{source}: pixels of type {array.dtype} are no image. Give uint8, uint16 or float32.")
    if array.ndim == 2:
        array = array[:, :, np.newaxis]
    if array.ndim != 3:
        raise UserError(
            f"{source}: an array of shape {array.shape} is no image. Give (height, width) or (height, width, channels)."
        )
    if array.size == 0:
        raise UserError(f"{source}: an array of shape {array.shape} has no pixels. Give at least one pixel.")
    return array


def _check_channels(channels: int, alpha: bool, shape: tuple[int, ...], source: str) -> None:
    if channels - alpha in (1, 3):
        return
    hint = "Give 1 channel (grey), 3 (RGB) or 4 (RGB and alpha)."
    if shape[0] in (1, 3, 4) and shape[0] < shape[2]:
        hint += " The channels seem to come first: move them to the end, as by transpose(1, 2, 0)."
    elif channels == 2:
        hint += " Grey with alpha is read from image files that say so."
    raise UserError(f"{source}: an array of shape {shape} has {channels} channels. {hint}")


def _in_memory(pixels: np.ndarray, notes: list[str]) -> np.ndarray:
    """The pixels as uint8, uint16 or float32 in native byte order; told where that changes numbers."""
    dtype = pixels.dtype
    if dtype == np.bool_:
        return pixels.astype(np.uint8) * np.uint8(255)
    if dtype.kind == "u" and dtype.itemsize <= 2:
        return pixels.astype(dtype.newbyteorder("="), copy=False)
    if dtype.kind in "iu":
        notes.append(f"{dtype} numbers have no common range: their own is mapped to [0, 1], kept as float32")
    elif dtype.itemsize == 8:
        notes.append("float64 numbers are kept as float32")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is then refused as that
        return pixels.astype(np.float32, copy=False)


def _range(pixels: np.ndarray, alpha: bool, source: str) -> tuple[float, float]:
    """Offset and scale of the stored numbers; floats are searched for numbers that are not finite."""
    if pixels.dtype == np.bool_:
        return 0.0, 1.0
    if pixels.dtype.kind == "u" and pixels.dtype.itemsize <= 2:
        return 0.0, float(np.iinfo(pixels.dtype).max)
    low, high, bad, first = np.inf, -np.inf, 0, None
    for top, block in _row_blocks(pixels):
        good = np.abs(block) <= np.finfo(np.float32).max if block.dtype.kind == "f" else np.isfinite(block)
        if not good.all():
            first = first or (top, *np.argwhere(~good)[0].tolist())
            bad += int((~good).sum())
        if bad:
            continue
        colours = block[..., :-1] if alpha else block
        low, high = min(low, float(colours.min())), max(high, float(colours.max()))
        if alpha and not (block[..., -1].min() >= 0 and block[..., -1].max() <= 1):
            raise UserError(
                f"{source}: its alpha channel leaves [0, 1]. Scale it to [0, 1], or leave it out of the file."
            )
    if first:
        top, row, column, channel = first
        raise UserError(
            f"{source}: {bad} of its values are NaN or infinite, the first in row {top + row}, "
            f"column {column}, channel {channel}. Every value must be finite: replace these."
        )
    if pixels.dtype.kind == "f" and low >= 0 and high <= 1:
        return 0.0, 1.0
    return low, (high - low) or 1.0


def _row_blocks(pixels: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    rows = max(1, BLOCK_VALUES // (pixels.shape[1] * pixels.shape[2]))
    for top in range(0, len(pixels), rows):
        yield top, np.asarray(pixels[top : top + rows])
        _release(pixels)


def _release(pixels: np.ndarray) -> None:
    """Let go of a mapped file's pages: the system may keep them, this process holds them no longer."""
    mapping = getattr(pixels, "_mmap", None)
    if isinstance(mapping, mmap.mmap) and getattr(pixels, "mode", "c") != "c" and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)
