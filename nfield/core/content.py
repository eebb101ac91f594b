"""What data holds, as one number: two inputs with the same digest are the same, wherever they lie."""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np

MOST_BYTES = 1 << 28
"""Larger arrays are sampled: their shape, and rows spread over all of them."""
ROWS = 4096


def sha256_of(parts: Iterable[Any]) -> tuple[str, bool]:
    """SHA-256 of arrays and texts, and whether any array was too large to be read whole."""
    digest, sampled = hashlib.sha256(), False
    for part in parts:
        if isinstance(part, str):
            digest.update(part.encode())
            continue
        array = np.asanyarray(part)
        digest.update(f"{array.dtype.str} {array.shape}\n".encode())
        if array.nbytes > MOST_BYTES:
            sampled = True
            rows = np.unique(np.linspace(0, len(array) - 1, ROWS).astype(int))
            for row in rows:
                digest.update(np.ascontiguousarray(array[row]).tobytes())
        elif array.nbytes:
            # Row by row, so that a memory-mapped array is not copied whole.
            step = max(1, (1 << 22) // max(1, array.nbytes // max(1, len(array)))) if array.ndim else 1
            for start in range(0, len(array), step) if array.ndim else ():
                digest.update(np.ascontiguousarray(array[start : start + step]).tobytes())
            if not array.ndim:
                digest.update(array.tobytes())
    return digest.hexdigest(), sampled
