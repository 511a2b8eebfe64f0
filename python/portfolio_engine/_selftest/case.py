"""One problem of the self-test, and the data that all are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """One problem.

    Attributes:
        kernel: a row of TOLERANCE.
        size: in words.
        call: solves it on a device.
        error: of a result, against NumPy; computed by other means, so that a bug cannot hide on both sides.
        answer: what is unique in a result, relative to its size: by this two devices are compared.
    """

    kernel: str
    size: str
    call: Callable[[str], Any]
    error: Callable[[Any], float]
    answer: Callable[[Any], npt.ArrayLike]


def returns(rows: int, assets: int, seed: int = 7) -> Array:
    """Daily returns of a seeded factor model: one market, five sectors, noise of their own."""
    rng = np.random.default_rng(seed)
    market = 0.009 * rng.standard_normal((rows, 1)) * rng.uniform(0.6, 1.4, assets)
    sectors = 0.006 * rng.standard_normal((rows, 5))[:, np.arange(assets) % 5]
    own = rng.standard_normal((rows, assets)) * rng.uniform(0.008, 0.02, assets)
    return np.asarray(0.0003 + market + sectors + own, dtype=np.float64)
