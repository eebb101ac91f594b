"""Weights as safetensors that carry the checksum of their own content."""

import hashlib
import json
from collections.abc import Mapping

import safetensors.torch
import torch


def weight_bytes(run: str, step: int, weights: Mapping[str, torch.Tensor]) -> bytes:
    """The content of a file of weights."""
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in weights.items()}
    # One entry only: the order of several entries in the file would not be the same each time.
    about = json.dumps({"run": run, "step": step, "sha256": _digest(tensors)})
    content: bytes = safetensors.torch.save(tensors, metadata={"nfield": about})
    return content


def weights_of(data: bytes) -> dict[str, torch.Tensor]:
    """The weights in a file's content. Raises ValueError, KeyError or SafetensorError where it is damaged."""
    header_length = int.from_bytes(data[:8], "little")
    about = json.loads(json.loads(data[8 : 8 + header_length])["__metadata__"]["nfield"])
    tensors: dict[str, torch.Tensor] = safetensors.torch.load(data)
    if _digest(tensors) != about["sha256"]:
        raise ValueError("checksum")
    return tensors


def _digest(tensors: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        # A copy by `cat`: a tensor of one entry may count as contiguous with a stride that `view` refuses.
        digest.update(torch.cat([value.reshape(-1)]).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
