"""Oracle: the system's own count of page faults."""

import resource
import subprocess
import sys

import pytest

FAULTS = """
import ctypes, resource, sys, torch
from nfield.training.loop import M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, keep_freed_memory
# The library's first setting, held fast: by itself it adapts to what was freed, on some systems sooner than on others.
mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
if mallopt is not None:
    mallopt(M_MMAP_THRESHOLD, 1 << 17), mallopt(M_TRIM_THRESHOLD, 1 << 17)
kept = keep_freed_memory() if sys.argv[1] == "keep" else True
def work():
    blocks = [torch.ones(1 << 20) for _ in range(8)]
    del blocks
for _ in range(3):
    work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before if kept else -1)
"""


def page_faults(mode):
    done = subprocess.run([sys.executable, "-c", FAULTS, mode], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_freed_memory_is_taken_again_without_new_pages():
    faults = page_faults("keep")
    if faults < 0:
        pytest.skip("not the GNU C library: its allocator cannot be told")
    # 20 times 8 blocks of 4 MiB.
    pages = 20 * 8 * (4 << 20) // resource.getpagesize()
    assert faults < pages / 100
    assert faults < page_faults("plain") / 5
