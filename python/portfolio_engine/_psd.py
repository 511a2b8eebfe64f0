"""The proof that a matrix is symmetric and positive semidefinite."""

from __future__ import annotations

import numpy as np

from portfolio_engine import kernels
from portfolio_engine._labels import Array

PSD_TOLERANCE = 1e-8  # relative to the largest variance: what rounding in an input may cost


def symmetric_psd(matrix: Array, function: str, argument: str, hint: str = "") -> Array:
    """`matrix` with rounding taken out of its symmetry; a ValueError when it is not positive semidefinite."""
    scale = float(np.abs(matrix).max(initial=0.0))
    asymmetry = float(np.abs(matrix - matrix.T).max(initial=0.0))
    if asymmetry > PSD_TOLERANCE * scale:
        raise ValueError(f"[{function}] {argument}: expected a symmetric matrix, got differences up to {asymmetry:.3g}")
    symmetric = np.asarray((matrix + matrix.T) / 2, dtype=np.float64)
    try:  # a Cholesky factor of the slightly lifted matrix proves it at a fraction of the price of eigenvalues
        np.linalg.cholesky(symmetric + PSD_TOLERANCE * max(scale, np.finfo(float).tiny) * np.eye(len(matrix)))
    except np.linalg.LinAlgError:
        smallest = float(kernels.eigvalsh(symmetric)[0])
        raise ValueError(
            f"[{function}] {argument}: expected a positive semidefinite matrix, got a smallest eigenvalue of "
            f"{smallest:.3g}{hint}"
        ) from None
    return symmetric
