"""COLMAP's models in binary: cameras.bin, images.bin and points3D.bin, all little-endian.

Each file starts with a count (uint64) of records:
    camera  uint32 id, int32 model, uint64 width, uint64 height, float64 for each parameter of the model
    image   uint32 id, float64[4] quaternion w x y z, float64[3] translation, uint32 camera, the name ending in a zero
            byte, uint64 count of points, for each of which float64[2] and int64
    point   uint64 id, float64[3] position, uint8[3] colour, float64 error, uint64 length of its track, for each element
            of which uint32[2]
(COLMAP, src/colmap/scene/reconstruction_io_binary.cc)
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float64

from nfield.core.checks import UserError
from nfield.io.cameras.camera_models import camera_model_of_number
from nfield.io.cameras.colmap_text import ColmapCamera, ColmapImage
from nfield.io.files import check_file

IMAGE_POINT_BYTES = 24
TRACK_BYTES = 8

Record = TypeVar("Record")


class _Bytes:
    """Content of a file, read from its start to its end."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.position = 0

    def take(self, layout: str) -> tuple[Any, ...]:
        """The next numbers. Raises struct.error past the end."""
        found = struct.unpack_from("<" + layout, self._content, self.position)
        self.position += struct.calcsize("<" + layout)
        return found

    def text(self) -> str:
        """The text up to the next zero byte. Raises ValueError where there is none."""
        end = self._content.index(b"\0", self.position)
        text = self._content[self.position : end].decode("utf-8", errors="replace")
        self.position = end + 1
        return text

    def skip(self, count: int) -> None:
        """Leave bytes out. Raises ValueError past the end."""
        self.position += count
        if self.position > len(self._content):
            raise ValueError


def read_cameras_binary(path: Path) -> dict[int, ColmapCamera]:
    """Cameras by CAMERA_ID. Raises UserError where the file is damaged, or a model is not read."""

    def camera(content: _Bytes) -> tuple[int, ColmapCamera]:
        key, number, width, height = content.take("IiQQ")
        where = f"'{path}', CAMERA_ID {key}"
        model = camera_model_of_number(number, where)
        parameters = content.take(f"{len(model.parameters)}d")
        return key, ColmapCamera(where=where, model=model, width=width, height=height, parameters=parameters)

    return dict(_records(path, "cameras", camera))


def read_images_binary(path: Path) -> list[ColmapImage]:
    """The registered pictures. Raises UserError where the file is damaged."""

    def image(content: _Bytes) -> ColmapImage:
        key, *pose, camera = content.take("I7dI")
        name = content.text()
        (points,) = content.take("Q")
        content.skip(IMAGE_POINT_BYTES * points)
        where = f"'{path}', IMAGE_ID {key} ('{name}')"
        return ColmapImage(
            where=where, name=name, quaternion=tuple(pose[:4]), translation=tuple(pose[4:]), camera=camera
        )

    return _records(path, "images", image)


def read_points_binary(path: Path) -> Float64[np.ndarray, "n 3"]:
    """Positions of the points. Raises UserError where the file is damaged."""

    def point(content: _Bytes) -> tuple[float, float, float]:
        _, x, y, z, *_, track = content.take("Q3d3BdQ")
        content.skip(TRACK_BYTES * track)
        return x, y, z

    return np.array(_records(path, "points", point), np.float64).reshape(-1, 3)


def _records(path: Path, what: str, read: Callable[[_Bytes], Record]) -> list[Record]:
    check_file(path, what)
    content = _Bytes(path.read_bytes())
    done = 0
    try:
        (count,) = content.take("Q")
        found = []
        for done in range(count):  # noqa: B007 (told below)
            found.append(read(content))
    except UserError:
        raise
    except (struct.error, ValueError):
        raise UserError(
            f"'{path}' is truncated or no {path.name} of COLMAP: it ends within record {done + 1} of its {what}. "
            "Copy or export the model again."
        ) from None
    return found
