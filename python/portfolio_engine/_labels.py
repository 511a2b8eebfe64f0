"""Arrays in, labels carried through: pandas objects are recognised without importing pandas."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def _pandas(value: object) -> Any:
    pandas = sys.modules.get("pandas")
    return pandas if pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series)) else None


def asset_names(value: object) -> tuple[str, ...] | None:
    """Column names of a DataFrame or index of a Series as strings; None when there are no labels."""
    pandas = _pandas(value)
    if pandas is None:
        return None
    labels = value.columns if isinstance(value, pandas.DataFrame) else value.index  # type: ignore[attr-defined]
    return tuple(str(label) for label in labels)


def as_array(value: object, function: str, argument: str) -> Array:
    """float64 array of `value`; a ValueError names the function and argument when it is not numeric."""
    try:
        return np.ascontiguousarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"[{function}] {argument}: expected numbers, got {type(value).__name__} ({error})") from None


def label_vector(values: Array, names: tuple[str, ...] | None) -> Any:
    """A pandas Series indexed by `names` when labels were given, else the array."""
    if names is None:
        return values
    return sys.modules["pandas"].Series(values, index=list(names))


def label_matrix(values: Array, names: tuple[str, ...] | None) -> Any:
    """A square DataFrame labelled by `names` when labels were given, else the array."""
    if names is None:
        return values
    return sys.modules["pandas"].DataFrame(values, index=list(names), columns=list(names))
