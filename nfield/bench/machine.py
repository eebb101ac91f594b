"""What a measurement was taken on."""

import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

import nfield
from nfield.core.device import describe_device

BUSY_SHARE = 0.5
"""Cores that other work may take, out of all, before a measurement is called disturbed."""


def processor_name(cpuinfo: str | os.PathLike[str] = "/proc/cpuinfo") -> str:
    """The processor's own name where the system gives it, otherwise its family."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path(cpuinfo).read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine() or "unknown"


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Hardware, system and versions, and how busy the machine is with other work."""
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": processor_name(),
        "cores": usable,
        "device": describe_device(device),
        "system": platform.platform(),
        "load_before": load,
        "busy": load is not None and load > BUSY_SHARE * (usable or 1),
        "versions": {
            "nfield": nfield.__version__,
            "python": sys.version.split()[0],
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
    }
