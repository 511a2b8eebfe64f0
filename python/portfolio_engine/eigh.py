"""Symmetric eigendecomposition and the nearest positive semidefinite matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from portfolio_engine import kernels
from portfolio_engine._labels import Array, as_array, asset_names, check_finite, label_matrix, stacked
from portfolio_engine.cancel import CancelToken, Limit


@dataclass(frozen=True, eq=False)
class Eigh:
    """matrix = vectors @ diag(values) @ vectors.T.

    Attributes:
        values: (n,), ascending.
        vectors: (n, n), orthonormal columns, `vectors[:, k]` for `values[k]`; rows are labelled when the matrix was.
            The entry of largest magnitude in a column is positive, so that signs repeat.
        device, device_reason: where it was computed, and why there.
    """

    values: Array
    vectors: Any
    device: str
    device_reason: str


def eigh(matrix: npt.ArrayLike | Any, *, device: str = "auto") -> Eigh:
    """Eigenvalues and eigenvectors of a real symmetric (n, n) matrix.

    One call of LAPACK: it takes no time limit and cannot be cancelled.

    Raises:
        ValueError: not square, not symmetric (1e-8 of the largest entry), NaN or infinity, an absent device.
    """
    values = as_array(matrix, "eigh", "matrix")
    check_finite(values, matrix, "eigh", "matrix")
    return _labelled_result(kernels.eigh(values, device=device), matrix)


def eigvalsh(matrix: npt.ArrayLike | Any) -> Array:
    """The eigenvalues alone of a real symmetric (n, n) matrix: (n,), ascending, always computed on the CPU.

    A call of LAPACK as in `eigh`, in float64; other threads of Python run meanwhile.

    Raises:
        ValueError: as `eigh`.
    """
    values = as_array(matrix, "eigvalsh", "matrix")
    check_finite(values, matrix, "eigvalsh", "matrix")
    return kernels.eigvalsh(values)


def eigh_batch(matrices: Sequence[Any] | Array, *, device: str = "auto") -> list[Eigh]:
    """Decompose many real symmetric matrices in one native, parallel call.

    Args:
        matrices: (B, n, n), or a list of (n_k, n_k) arrays or DataFrames, whose sizes may differ.
        device: "auto", "cpu" or "metal". A GPU takes the small ones and its vectors are refined in float64; every
            result names the device that computed it.

    Returns:
        One Eigh for each matrix, in their order; on the CPU the numbers of `eigh`, bit for bit, whatever the number
        of threads.

    Raises:
        ValueError: as `eigh`, naming the matrix by its place.
    """
    function = "eigh_batch"
    given = stacked(matrices, function, "matrices")
    arrays = []
    for k, matrix in enumerate(given):
        arrays.append(as_array(matrix, function, f"matrices[{k}]"))
        check_finite(arrays[k], matrix, function, f"matrices[{k}]")
    results = kernels.eigh_batch(arrays, device=device)
    return [_labelled_result(raw, matrix) for raw, matrix in zip(results, given, strict=True)]


def _labelled_result(raw: dict[str, Any], matrix: Any) -> Eigh:
    names = asset_names(matrix)
    if names is not None:
        raw["vectors"] = label_matrix(raw["vectors"], names, range(len(names)))
    return Eigh(**raw)


@dataclass(frozen=True, eq=False)
class NearestPSD:
    """A positive semidefinite matrix and what was changed to get it; `numpy.asarray(result)` is the matrix.

    Attributes:
        matrix: (n, n); when `changed` is False the given matrix, bit for bit. A DataFrame when labels were given.
        changed: whether the given matrix was not positive semidefinite (or below the floor) beyond rounding.
        converged: False when `max_iterations` ended the search: positive semidefinite, but not yet the nearest.
        distance: Frobenius norm of the change.
        max_change: largest absolute entry of the change.
        smallest_eigenvalue: before; of the matrix scaled to unit diagonal with keep_diagonal, else of the matrix.
        negative_eigenvalues: how many were below the floor.
        iterations: of the alternating projections.
        device, device_reason: where it was computed, and why there.
    """

    matrix: Any
    changed: bool
    converged: bool
    distance: float
    max_change: float
    smallest_eigenvalue: float
    negative_eigenvalues: int
    iterations: int
    device: str
    device_reason: str

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self.matrix, dtype=dtype, copy=copy)


def nearest_psd(
    matrix: npt.ArrayLike | Any,
    *,
    min_eigenvalue: float = 0.0,
    keep_diagonal: bool = True,
    tolerance: float = 1e-10,
    max_iterations: int = 5000,
    device: str = "auto",
    time_limit: float | None = None,
    cancel: CancelToken | None = None,
) -> NearestPSD:
    """Nearest symmetric matrix without negative eigenvalues, and a report of the change.

    Args:
        matrix: (n, n), symmetric: a correlation or covariance matrix that rounding, gaps in the data or a manual edit
            left indefinite.
        min_eigenvalue: floor in [0, 1), as a share of the mean variance: of 1 for a matrix scaled to unit diagonal
            (keep_diagonal), else of the mean diagonal entry.
        keep_diagonal: True keeps every variance and moves the matrix scaled to unit diagonal as little as possible in
            the Frobenius norm: Higham 2002, IMA J. Numerical Analysis 22, algorithm 3.3. False moves the matrix itself
            as little as possible: its eigenvalues are clipped, its diagonal grows.
        tolerance: relative change in one iteration at which the projections stop.
        max_iterations: of the projections.
        device: "auto", "cpu" or "metal".
        time_limit: seconds, None for none; looked at before each projection.
        cancel: a CancelToken with which another thread can end the projections.

    Raises:
        TimeoutError, CancelledError: ended by `time_limit` or `cancel`.
        ValueError: not square, not symmetric, NaN or infinity, a negative diagonal entry with keep_diagonal, an
            option out of range, an absent device.
    """
    limit = Limit.of("nearest_psd", time_limit, cancel)
    values = as_array(matrix, "nearest_psd", "matrix")
    check_finite(values, matrix, "nearest_psd", "matrix")
    raw = kernels.nearest_psd(
        values,
        min_eigenvalue=float(min_eigenvalue),
        keep_diagonal=bool(keep_diagonal),
        tolerance=float(tolerance),
        max_iterations=int(max_iterations),
        device=device,
        **limit.arguments,
    )
    raw["matrix"] = label_matrix(raw["matrix"], asset_names(matrix))
    return NearestPSD(**raw)
