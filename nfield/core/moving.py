"""Tensors of a nested batch, moved together."""

from typing import Any

import torch


def move(batch: Any, device: torch.device, dtype: torch.dtype) -> Any:
    """Tensors of a nested batch on `device`, floating ones as `dtype`; everything else as it is."""
    if isinstance(batch, torch.Tensor):
        return batch.to(device=device, dtype=dtype if batch.is_floating_point() else None)
    if isinstance(batch, dict):
        return {key: move(value, device, dtype) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(move(value, device, dtype) for value in batch))
    if isinstance(batch, (tuple, list)):
        return type(batch)(move(value, device, dtype) for value in batch)
    return batch
