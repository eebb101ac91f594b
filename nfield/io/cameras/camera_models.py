"""Camera models by the names of COLMAP and nerfstudio, and the lenses they stand for.

Each model is given by the names of its parameters in COLMAP's order (f stands for both focal lengths). The distortion
is OpenCV's throughout, of which the models of fewer coefficients are cases with zeros. COLMAP has the centre of the
upper left pixel at (0.5, 0.5), as we have.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from nfield.core.checks import UserError
from nfield.core.lens import Lens

LensModel = Literal["pinhole", "opencv", "fisheye"]


@dataclass(frozen=True, kw_only=True)
class CameraModel:
    """One camera model."""

    lens: LensModel
    parameters: tuple[str, ...]
    number: int
    """COLMAP's MODEL_ID in binary files."""


CAMERA_MODELS = {
    "SIMPLE_PINHOLE": CameraModel(lens="pinhole", parameters=("f", "cx", "cy"), number=0),
    "PINHOLE": CameraModel(lens="pinhole", parameters=("fx", "fy", "cx", "cy"), number=1),
    "SIMPLE_RADIAL": CameraModel(lens="opencv", parameters=("f", "cx", "cy", "k1"), number=2),
    "RADIAL": CameraModel(lens="opencv", parameters=("f", "cx", "cy", "k1", "k2"), number=3),
    "OPENCV": CameraModel(lens="opencv", parameters=("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2"), number=4),
    "OPENCV_FISHEYE": CameraModel(
        lens="fisheye", parameters=("fx", "fy", "cx", "cy", "k1", "k2", "k3", "k4"), number=5
    ),
    "SIMPLE_RADIAL_FISHEYE": CameraModel(lens="fisheye", parameters=("f", "cx", "cy", "k1"), number=8),
    "RADIAL_FISHEYE": CameraModel(lens="fisheye", parameters=("f", "cx", "cy", "k1", "k2"), number=9),
}
REFUSED_NUMBERS = {6: "FULL_OPENCV", 7: "FOV", 10: "THIN_PRISM_FISHEYE", 11: "RAD_TAN_THIN_PRISM_FISHEYE"}
ORDER: dict[LensModel, tuple[str, ...]] = {
    "pinhole": (),
    "opencv": ("k1", "k2", "p1", "p2", "k3"),
    "fisheye": ("k1", "k2", "k3", "k4"),
}
"""Names of a lens's coefficients in the order that `Lens` wants."""


@dataclass(frozen=True, kw_only=True)
class Intrinsics:
    """What a file tells of a lens before the size of the pictures is known. None where it tells nothing."""

    model: LensModel = "pinhole"
    fx: float | None = None
    fy: float | None = None
    cx: float | None = None
    """None stands for the middle of the picture."""
    cy: float | None = None
    angle_x: float | None = None
    """Angle of view from the left to the right edge, in radians; taken where there is no focal length."""
    angle_y: float | None = None
    distortion: tuple[float, ...] = ()
    size: tuple[int, int] | None = None
    """Width and height for which all of this holds; None stands for those of the picture."""

    def lens(self, width: int, height: int, where: str) -> Lens:
        """The lens for pictures of this size, scaled where the file states another. Raises UserError on bad numbers."""
        stated_width, stated_height = self.size or (width, height)
        try:
            fx, fy = self._focal_lengths(stated_width, stated_height)
            lens = Lens(
                width=stated_width,
                height=stated_height,
                fx=fx,
                fy=fy,
                cx=stated_width / 2 if self.cx is None else self.cx,
                cy=stated_height / 2 if self.cy is None else self.cy,
                model=self.model,
                distortion=self.distortion,
            )
        except UserError as error:
            raise UserError(f"{where}: {error}") from None
        return lens if (width, height) == (stated_width, stated_height) else lens.resized(width, height)

    def _focal_lengths(self, width: int, height: int) -> tuple[float, float]:
        fx = self.fx if self.fx is not None else _of_angle(self.angle_x, width, "camera_angle_x")
        fy = self.fy if self.fy is not None else _of_angle(self.angle_y, height, "camera_angle_y")
        if fx is None and fy is None:
            raise UserError(
                "no focal length is given. Add fl_x (pixels) or camera_angle_x (radians), for all frames or for each."
            )
        # Pixels are square where only one length is known.
        return fx if fx is not None else fy or 0.0, fy if fy is not None else fx or 0.0


def camera_model(name: str, where: str) -> CameraModel:
    """The camera model of this name. Raises UserError with the list of names where it is not read."""
    if name not in CAMERA_MODELS:
        raise UserError(
            f"{where}: the camera model '{name}' is not read. Undistort the pictures to PINHOLE, "
            f"or use one of: {', '.join(CAMERA_MODELS)}."
        )
    return CAMERA_MODELS[name]


def camera_model_of_number(number: int, where: str) -> CameraModel:
    """The camera model of COLMAP's MODEL_ID. Raises UserError with the list of names where it is not read."""
    names = {model.number: name for name, model in CAMERA_MODELS.items()} | REFUSED_NUMBERS
    return camera_model(names.get(number, f"MODEL_ID {number}"), where)


def coefficients(model: LensModel, given: Mapping[str, float]) -> tuple[float, ...]:
    """Coefficients by name in the order that `Lens` wants, without zeros at the end."""
    found = [given.get(name, 0.0) for name in ORDER[model]]
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)


def _of_angle(angle: float | None, pixels: int, name: str) -> float | None:
    if angle is None:
        return None
    if not 0 < angle < math.pi:
        raise UserError(f"{name} must lie between 0 and π, for it is in radians, but is {angle}.")
    return 0.5 * pixels / math.tan(angle / 2)
