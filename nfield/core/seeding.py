"""Random numbers come only from generators handed in; this file makes them from one seed."""

import hashlib

import torch


def generator(seed: int, purpose: str = "", device: torch.device | str = "cpu") -> torch.Generator:
    """A generator for one purpose ("weights", "batches", ...), independent of those for other purposes.

    Two purposes of one seed never share a stream, so that drawing one number more for the one leaves the
    other as it was.
    """
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return torch.Generator(device=device).manual_seed(int.from_bytes(digest[:7], "little"))
