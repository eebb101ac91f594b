"""Arithmetic of the forward and backward pass: which precision, and whether a lower one pays.

Weights, optimiser and evaluation stay in float32 (float64 where that was asked for); bfloat16 and float16
are reached through torch's autocast.
"""

import copy
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from nfield.core.device import PRECISIONS

PRECISION_NAMES = ("auto", *PRECISIONS)
CLEAR_GAIN = 2.0
"""bfloat16 must be this many times faster to be chosen: it costs accuracy.

Measured on a Xeon with AMX, a photograph of 512² pixels, a minute each, bfloat16 (1.4 to 1.6 times as many steps)
against float32: Fourier features 31.7 against 31.3 dB, plain MLP 27.5 against 27.0, MscaleDNN-2 31.8 against 32.5."""
TIMED_STEPS = 3


def autocast(precision: str, device: torch.device) -> AbstractContextManager[Any]:
    """The context of the forward pass in `precision`."""
    if precision in ("bfloat16", "float16"):
        return torch.autocast(device.type, dtype=PRECISIONS[precision])
    return nullcontext()


def loss_scaler(precision: str, device: torch.device) -> Any:
    """A gradient scaler for float16, whose range is too small for gradients; None otherwise."""
    return torch.amp.GradScaler(device.type) if precision == "float16" and device.type in ("cuda", "cpu") else None


def choose_precision(device: torch.device, make_step: Callable[[str], Callable[[], None]] | None) -> str:
    """bfloat16 where it is measured to be clearly faster on `device`, otherwise float32.

    `make_step` builds, for a precision, a function that does one training step on copies; where it is None
    there is nothing to measure.
    """
    # Where not even plain products of matrices gain, no training step does: most CPUs are told so in 1 ms.
    if make_step is None or _product_gain(device) < CLEAR_GAIN:
        return "float32"
    plain = _fastest(make_step("float32"), device, float("inf"))
    low = _fastest(make_step("bfloat16"), device, 10 * plain)
    return "bfloat16" if plain >= CLEAR_GAIN * low else "float32"


def copy_for_measuring(field: torch.nn.Module, generator: torch.Generator) -> tuple[torch.nn.Module, torch.Generator]:
    """A field and a generator to take trial steps with, which leave the originals as they are."""
    twin = torch.Generator(device=generator.device)
    twin.set_state(generator.get_state())
    return copy.deepcopy(field), twin


def _product_gain(device: torch.device) -> float:
    seconds = {}
    for precision in ("float32", "bfloat16"):
        # Zeros would let some processors finish early.
        left = torch.linspace(-1, 1, 256 * 256, device=device).reshape(256, 256).to(PRECISIONS[precision])

        def product(matrix: torch.Tensor = left) -> None:
            matrix @ matrix

        seconds[precision] = _fastest(product, device, float("inf"))
    return seconds["float32"] / seconds["bfloat16"]


def _fastest(step: Callable[[], None], device: torch.device, patience: float) -> float:
    """Seconds of the fastest of a few steps; only the first is taken where that lasts beyond `patience`."""

    def timed() -> float:
        _wait_for(device)
        start = time.perf_counter()
        step()
        _wait_for(device)
        return time.perf_counter() - start

    first = timed()
    return first if first > patience else min(timed() for _ in range(TIMED_STEPS))


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
