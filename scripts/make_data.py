"""Make the small images of data/ from formulas: `python scripts/make_data.py [FOLDER]`."""

import sys
from pathlib import Path

import numpy as np

from nfield.core.image import Image
from nfield.io.images.images import save_image


def grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of pixel centres; the longer side spans [-1, 1]."""
    side = max(height, width)
    rows = (2 * np.arange(height) + 1 - height) / side
    columns = (2 * np.arange(width) + 1 - width) / side
    return rows[:, None] + 0 * columns, columns + 0 * rows[:, None]


def zone_plate() -> np.ndarray:
    """Rings whose frequency rises in proportion to the radius: at radius r (in sides / 2) it is 96 r cycles/side."""
    row, column = grid(256, 256)
    # A phase of 2π · 24 r² has 48 r cycles per unit, and a side is two units long.
    rings = 0.5 + 0.5 * np.cos(2 * np.pi * 24 * (row**2 + column**2))
    return to_integers(rings, np.uint8)


def zone_plate_mask() -> np.ndarray:
    """White but for round holes and three scratches: what to fit when the rest is to be filled in."""
    row, column = grid(256, 256)
    keep = np.ones(row.shape, np.bool_)
    for hole in range(12):
        angle, radius = 2.4 * hole, 0.22 + 0.055 * hole
        keep &= np.hypot(row - radius * np.sin(angle), column - radius * np.cos(angle)) > 0.07
    for scratch in range(3):
        keep &= np.abs(row - 0.25 * np.sin(3 * column + 2 * scratch) - 0.5 * (scratch - 1)) > 0.012
    return keep.astype(np.uint8) * np.uint8(255)


def chart() -> np.ndarray:
    """RGB and alpha: bars from 2 to 64 pixels wide, a slanted edge, a colour wedge, and a rim that fades out."""
    row, column = grid(160, 240)
    colours = np.stack([0.5 + 0.5 * row, 0.5 + 0.5 * column, 0.5 - 0.4 * column], axis=-1)
    for number, period in enumerate((4, 8, 16, 32, 64, 128)):
        band = (row >= -0.6 + 0.1 * number) & (row < -0.52 + 0.1 * number)
        bars = (np.arange(240) // (period // 2) % 2).astype(np.float64)
        colours[band] = np.broadcast_to(bars[:, None], (160, 240, 3))[band]
    slanted = (np.abs(row - 0.3) < 0.2) & (column + 0.3 * row < -0.4)
    colours[slanted] = (0.1, 0.1, 0.6)
    alpha = np.clip((1.1 - np.hypot(row / 0.667, column)) / 0.3, 0, 1)
    return to_integers(np.concatenate([colours, alpha[..., None]], axis=-1), np.uint8)


def gradient() -> np.ndarray:
    """16 bits: a slope so gentle that 8 bits would show only a dozen steps."""
    row, column = grid(96, 128)
    return to_integers(0.4 + 0.03 * column + 0.005 * np.sin(2 * np.pi * 3 * row), np.uint16)


def lamps() -> np.ndarray:
    """Floats beyond [0, 1]: three coloured lights on a dim ground."""
    row, column = grid(48, 64)
    light = np.full((48, 64, 3), 0.05)
    for number, place in enumerate((-0.6, 0.0, 0.6)):
        glow = 12 * np.exp(-((row - 0.2 * place) ** 2 + (column - place) ** 2) / 0.02)
        light[..., number] += glow
    return light.astype(np.float32)


IMAGES = {
    "zone_plate.png": zone_plate,
    "zone_plate_mask.png": zone_plate_mask,
    "chart.png": chart,
    "gradient16.png": gradient,
    "lamps.tif": lamps,
}


def to_integers(values: np.ndarray, dtype: type) -> np.ndarray:
    """Values in [0, 1] as integers that span their type."""
    return np.rint(np.clip(values, 0, 1) * np.iinfo(dtype).max).astype(dtype)


def make(folder: Path) -> None:
    """Write all images into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, pixels in IMAGES.items():
        image = Image.from_array(pixels())
        save_image(folder / name, image.full(), image)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "data")
