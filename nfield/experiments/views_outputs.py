"""The pictures of a views run, under outputs/."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from nfield.core.image import Image
from nfield.experiments.views_summary import Shown
from nfield.io.image_writers import save_image


def picture_name(name: str) -> str:
    """A view's name as a file name: folders become part of it, endings go."""
    return Path(name).with_suffix("").as_posix().replace("/", "-").strip(".-") or "view"


def save_colours(path: Path, colours: Float[np.ndarray, "height width channels"]) -> None:
    """Values in [0, 1] as an 8-bit PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.round(np.clip(colours, 0, 1) * 255).astype(np.uint8)
    save_image(path, np.clip(colours, 0, 1), Image.from_array(pixels))


def write_views(outputs: Path, shown: list[Shown]) -> None:
    """Truth, field and baseline of every held-out view, with opacities."""
    for one in shown:
        name = f"{picture_name(one.view.name)}.png"
        save_colours(outputs / "truth" / name, one.truth)
        save_colours(outputs / "views" / name, one.picture.colour.numpy())
        save_colours(outputs / "opacity" / name, one.picture.opacity.numpy()[..., None])
        if one.baseline is not None:
            save_colours(outputs / "baseline" / name, one.baseline.colour.numpy())
