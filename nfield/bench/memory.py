"""Peak memory of the process that asks."""

import re
import sys
from pathlib import Path

MIB = 1 << 20


def peak_mib(status: str | Path = "/proc/self/status") -> float | None:
    """Peak resident memory of this process so far, in MiB; None where the system does not know.

    Linux's own mark of the running program comes first: getrusage there also counts what the process held before it
    became this program, which is the memory of the parent that started it.
    """
    try:
        found = re.search(r"^VmHWM:\s*(\d+) kB", Path(status).read_text(), re.MULTILINE)
    except OSError:
        found = None
    if found:
        return int(found[1]) * 1024 / MIB
    try:
        import resource
    except ImportError:  # not a Unix
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB
