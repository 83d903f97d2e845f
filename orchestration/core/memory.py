"""What a process does to use little memory: one place, called before the libraries that it is about are imported."""

import ctypes
import os

# From glibc's malloc.h. Each thread may otherwise keep a heap of its own, and dbt and Dagster start many threads.
_M_ARENA_MAX, _ARENAS = -8, 2


def use_little_memory() -> None:
    """Let the C library keep two heaps rather than one a thread, Arrow give back what it frees, and OpenBLAS use one thread.

    The clustering computes on one thread whatever the surroundings allow, so that buffers for more serve nobody. What the
    person has set in the environment stays.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # another C library has no such call, and needs none
        mallopt(_M_ARENA_MAX, _ARENAS)
