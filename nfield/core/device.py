"""The only place that chooses a device and a precision."""

import torch

from nfield.core.checks import UserError

PRECISIONS = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float64": torch.float64,
}


def available_devices() -> list[str]:
    """Names of the device types present, the CPU first."""
    found = ["cpu"]
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return found


def choose_device(name: str = "auto") -> torch.device:
    """`auto` takes CUDA where there is one, otherwise the CPU; any other name is torch's own."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"Unknown device '{name}'. Use auto, cpu, cuda or cuda:N.") from None
    if device.type not in available_devices():
        raise UserError(
            f"Device '{name}' is not on this machine. It has: {', '.join(available_devices())}. Use --device auto."
        )
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(
            f"Device '{name}' is not on this machine, which has {torch.cuda.device_count()} CUDA device(s)."
        )
    return device


def parameter_dtype(precision: str) -> torch.dtype:
    """Weights are kept in float32, or in float64 where that was asked for."""
    return torch.float64 if precision == "float64" else torch.float32


def describe_device(device: torch.device) -> str:
    """The device's name for config.json and metrics.json, with the processor's or GPU's model."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        return f"cpu ({torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()})"
    return str(device)
