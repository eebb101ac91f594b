"""data/ holds what its script makes. Oracle: the formulas again, and the frequency a zone plate has at a radius."""

import runpy
from pathlib import Path

import numpy as np

from nfield.io.images.images import load_image, load_mask

ROOT = Path(__file__).parents[2]


def test_the_script_makes_the_files_in_data(tmp_path: Path):
    script = runpy.run_path(str(ROOT / "scripts" / "make_data.py"))
    script["make"](tmp_path / "first")
    script["make"](tmp_path / "second")
    names = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert names == sorted(path.name for path in (ROOT / "data").iterdir() if path.suffix in (".png", ".tif"))
    for name in names:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
        made, kept = load_image(tmp_path / "first" / name), load_image(ROOT / "data" / name)
        # Another processor may round a cosine to the next step.
        step = 1e-5 if made.pixels.dtype == np.float32 else 1
        assert np.abs(made.pixels.astype(float) - kept.pixels.astype(float)).max() <= step
        assert (made.alpha, made.colour, made.pixels.dtype) == (kept.alpha, kept.colour, kept.pixels.dtype)


def test_the_files_are_small_and_described():
    files = [path for path in (ROOT / "data").iterdir() if path.name != "README.md"]
    assert sum(path.stat().st_size for path in files) < 300_000
    text = (ROOT / "data" / "README.md").read_text()
    assert all(f"`{path.name}`" in text for path in files)


def test_the_zone_plate_has_the_frequency_its_readme_states():
    values = load_image(ROOT / "data" / "zone_plate.png").full()[128, :, 0]
    window = slice(192, 256)  # radius 0.5 to 1 on the middle row: 72 cycles/side on average
    spectrum = np.abs(np.fft.rfft((values[window] - values[window].mean()) * np.hanning(64)))
    cycles_per_side = np.fft.rfftfreq(64, 1 / 256)
    mean = (spectrum**2 * cycles_per_side).sum() / (spectrum**2).sum()
    assert abs(mean - 72) < 4


def test_the_mask_fits_the_zone_plate():
    mask = load_mask(ROOT / "data" / "zone_plate_mask.png", 256, 256)
    assert 0.8 < mask.mean() < 0.99
