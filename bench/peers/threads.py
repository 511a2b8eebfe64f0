"""One thread or all of them, for every library in the process."""

from __future__ import annotations

import os

VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def environment(threads: int) -> dict[str, str]:
    """For a process that is to use so many; most libraries read it when they are loaded."""
    return os.environ | dict.fromkeys(VARIABLES, str(threads))


def allowed() -> int:
    """How many the process was started with."""
    return int(os.environ.get(VARIABLES[0], cores()))
