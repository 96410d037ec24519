"""Memory of this process and of its container, as Linux tells it."""

import ctypes
import os
from contextlib import suppress
from pathlib import Path

MIB = 2**20
# Of the container's limit; the rest is for models that are being loaded, and for requests.
SHARE_OF_LIMIT = 0.7

_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LIBC = ctypes.CDLL(None)


def resident_bytes() -> int:
    """What this process has now. The container is killed by about this number, not by what its objects add up to."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def give_back() -> None:
    """Lets the C library return what was freed: by itself it keeps most of a model's memory. Takes milliseconds."""
    with suppress(AttributeError):  # only glibc has it
        _LIBC.malloc_trim(0)


def budget_bytes(mib: float) -> int:
    """So many MiB; 0: the usual share of the container's limit, or of the machine where there is none."""
    return int(mib * MIB) if mib else int(_limit_bytes() * SHARE_OF_LIMIT)


def _limit_bytes() -> int:
    limits = [_PAGE * os.sysconf("SC_PHYS_PAGES")]
    for path in _LIMITS:
        with suppress(OSError, ValueError):  # no such file, or the word "max"
            limits.append(int(path.read_text()))
    return min(limits)
