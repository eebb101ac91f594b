"""From the CPU to where a field computes."""

from collections.abc import Sequence
from typing import Any

import torch


def move(batch: Any, device: torch.device, dtype: torch.dtype) -> Any:
    """Tensors of a nested batch on `device`, floating ones as `dtype`; everything else as it is.

    The CPU goes on while they are copied to a GPU.
    """
    if isinstance(batch, torch.Tensor):
        return sent(batch, device, dtype if batch.is_floating_point() else None)
    if isinstance(batch, dict):
        return {key: move(value, device, dtype) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(move(value, device, dtype) for value in batch))
    if isinstance(batch, (tuple, list)):
        return type(batch)(move(value, device, dtype) for value in batch)
    return batch


def sent(tensor: torch.Tensor, device: torch.device, dtype: torch.dtype | None = None) -> torch.Tensor:
    """A tensor on `device`, for which the CPU does not wait where it comes from there.

    Only ways to a GPU may be so: what comes from one must have arrived before it is read.
    """
    return tensor.to(device=device, dtype=dtype, non_blocking=device.type == "cuda" and not tensor.is_cuda)


def beside(numbers: Sequence[float], like: torch.Tensor) -> torch.Tensor:
    """A few numbers as a tensor of the type of `like`, where it is."""
    return sent(torch.tensor(numbers, dtype=like.dtype), like.device)
