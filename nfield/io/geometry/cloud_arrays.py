"""Clouds as numpy files: NPY with one array, NPZ with points, normals and colours."""

from pathlib import Path
from typing import Any

import numpy as np

from nfield.core.cloud import PointCloud
from nfield.io.files import damaged
from nfield.io.geometry.geometry import Geometry, by_name, by_value
from nfield.io.numpy_files import NPY_SIGNATURE, ZIP_SIGNATURE, read_archive, read_array


def read_npy(path: Path) -> Geometry:
    """The cloud of an array (n, 3), (n, 6), (n, 7) or (n, 9), or with named columns. Raises UserError on others."""
    if _starts_with(path, ZIP_SIGNATURE):
        raise damaged(path, "it is an NPZ archive: name it .npz")
    try:
        array = np.array(read_array(path))
    except ValueError as error:
        raise damaged(path, f"it is no NPY file, or truncated or damaged ({error})") from None
    return _of_array(path, array)


def read_npz(path: Path) -> Geometry:
    """The cloud of the arrays `points`, `normals` and `colours` (or `colors`), or of the only array there is."""
    if _starts_with(path, NPY_SIGNATURE):
        raise damaged(path, "it is an NPY file: name it .npy")
    try:
        arrays, names = read_archive(path, KEYS)
    except ValueError as error:
        raise damaged(path, f"it is no NPZ archive, or truncated or damaged ({error})") from None
    if "points" not in arrays:
        if len(arrays) == 1:
            return _of_array(path, next(iter(arrays.values())))
        raise damaged(path, f"it holds the arrays {', '.join(names) or 'none'}, but 'points' is wanted")
    points, normals = arrays["points"], arrays.get("normals")
    colours = arrays.get("colours", arrays.get("colors"))
    for name, array in (("points", points), ("normals", normals), ("colours", colours)):
        if array is not None and (array.ndim != 2 or array.shape != (len(points), 3) or array.dtype.kind not in "fiu"):
            wanted = f"numbers of shape ({len(points) if points.ndim else 'n'}, 3)"
            raise damaged(path, f"its {name} have shape {array.shape} and type {array.dtype}, but must be {wanted}")
    return Geometry(points=points.astype(np.float64), normals=normals, colours=colours)


def write_npz(path: Path, cloud: PointCloud) -> None:
    """Write a cloud's arrays, uncompressed."""
    arrays: dict[str, Any] = {"points": cloud.points, "normals": cloud.normals, "colours": cloud.colours}
    with open(path, "wb") as file:
        np.savez(file, **{name: array for name, array in arrays.items() if array is not None})


def _starts_with(path: Path, signature: bytes) -> bool:
    with open(path, "rb") as file:
        return file.read(len(signature)) == signature


def _of_array(path: Path, array: np.ndarray) -> Geometry:
    if array.dtype.names and array.ndim == 1:
        found = by_name({name: array[name] for name in array.dtype.names})
        if found is not None:
            return found
    if array.ndim != 2 or array.dtype.kind not in "fiu" or array.shape[1] not in (3, 6, 7, 9):
        reason = (
            f"its array has shape {array.shape} and type {array.dtype}, but numbers (n, 3), (n, 6) or (n, 9) are read"
        )
        raise damaged(path, reason)
    try:
        return by_value(array)
    except ValueError as error:
        raise damaged(path, error) from None


KEYS = ("points", "normals", "colours", "colors")
READERS = {".npy": read_npy, ".npz": read_npz}
WRITERS = {".npz": write_npz}
