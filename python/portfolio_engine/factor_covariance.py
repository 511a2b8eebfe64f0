"""Covariances with factor structure: B F B' + diag(D), never formed unless somebody asks for the matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from portfolio_engine._labels import Array, aligned_array, as_array, asset_names
from portfolio_engine._psd import symmetric_psd
from portfolio_engine.eigh import eigh

NAME = "FactorCovariance"


def _not_given() -> Array:
    raise ValueError(f"[{NAME}] specific_variance: expected (n,) variances, got nothing")


@dataclass(frozen=True, eq=False)
class FactorCovariance:
    """The covariance B F B' + diag(D) of n assets whose returns follow k factors.

    It goes wherever a covariance goes: `Moments`, `solve_qp` (as P) and all that is built on them use the structure,
    at a cost of n k instead of n^2; everything else sees the dense matrix through `numpy.asarray`.

    Attributes:
        loadings: (n, k) exposures B; a DataFrame gives the names of assets (rows) and factors (columns).
        factor_covariance: (k, k) F, symmetric positive semidefinite; None is the identity.
        specific_variance: (n,) D >= 0, the variance no factor explains; a Series is matched by its labels.
        names, factor_names: labels of the loadings, None when there were none.

    Raises:
        ValueError: shapes that do not fit, NaN or infinity, a negative specific variance (the asset is named), an F
            that is not symmetric positive semidefinite, labels that differ.
    """

    loadings: Array
    factor_covariance: Array | None = None
    specific_variance: Array = field(default_factory=_not_given)  # required; last, as the formula reads
    names: tuple[str, ...] | None = field(init=False, default=None)
    factor_names: tuple[str, ...] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        names, factor_names = asset_names_of_rows(self.loadings), asset_names(self.loadings)
        B = as_array(self.loadings, NAME, "loadings")
        if B.ndim != 2 or B.shape[0] == 0:
            raise ValueError(f"[{NAME}] loadings: expected shape (n, k) with n >= 1, got {B.shape}")
        if self.specific_variance is None:
            raise ValueError(f"[{NAME}] specific_variance: expected {B.shape[0]} variances, got None")
        D = aligned_array(self.specific_variance, names, NAME, "specific_variance")
        if D.shape != B.shape[:1]:
            raise ValueError(f"[{NAME}] specific_variance: expected shape ({B.shape[0]},), got {D.shape}")
        labels = names or tuple(str(k) for k in range(len(B)))
        for argument, array in (("loadings", B), ("specific_variance", D)):
            if not np.isfinite(array).all():
                row = int(np.argwhere(~np.isfinite(array))[0][0])
                raise ValueError(f"[{NAME}] {argument}: expected finite numbers, got NaN or infinity for {labels[row]}")
        if D.min() < 0:
            row = int(D.argmin())
            raise ValueError(f"[{NAME}] specific_variance: expected numbers >= 0, got {D[row]:g} for {labels[row]}")
        own = {"loadings": B, "specific_variance": D, "names": names, "factor_names": factor_names}
        if self.factor_covariance is not None:
            own["factor_covariance"] = _factor_matrix(self.factor_covariance, B.shape[1], factor_names)
        for argument, value in own.items():
            object.__setattr__(self, argument, value)

    @classmethod
    def from_returns(
        cls, returns: npt.ArrayLike | Any, factors: int, *, periods_per_year: float = 252.0, device: str = "auto"
    ) -> FactorCovariance:
        """A statistical factor model: the first principal components of the sample covariance, and what is left.

        B holds the leading eigenvectors times the roots of their eigenvalues, F is the identity, and D is the rest of
        each asset's sample variance, so that the diagonal is the sample's.

        Args:
            returns: (T, n) simple returns per period, T >= 2, without gaps; array or DataFrame.
            factors: 0 <= k <= min(T - 1, n).
            periods_per_year: the covariance is annual: 252 for daily returns, 12 for monthly, 1 to keep it per period.
            device: for the eigenvectors, "auto", "cpu" or "metal".

        Raises:
            ValueError: another shape, NaN or infinity, a number of factors that the data cannot have.

        Source: Connor and Korajczyk 1988, "Risk and return in an equilibrium APT", section 2: with fewer periods than
        assets the components come from the (T, T) matrix of cross products. D as the diagonal threshold of POET (Fan,
        Liao and Mincheva 2013, eq. 2.10).
        """
        function = f"{NAME}.from_returns"
        names = asset_names(returns)
        table = as_array(returns, function, "returns")
        if table.ndim != 2 or table.shape[0] < 2 or table.shape[1] == 0:
            raise ValueError(f"[{function}] returns: expected shape (T, n) with T >= 2, got {table.shape}")
        if not np.isfinite(table).all():
            column = int(np.argwhere(~np.isfinite(table))[0][1])
            raise ValueError(f"[{function}] returns: expected finite numbers, got NaN or infinity in column {column}")
        most = min(table.shape[0] - 1, table.shape[1])
        if isinstance(factors, bool) or int(factors) != factors or not 0 <= factors <= most:
            raise ValueError(f"[{function}] factors: expected a whole number from 0 to {most}, got {factors!r}")
        if not (math.isfinite(periods_per_year) and periods_per_year > 0):
            raise ValueError(f"[{function}] periods_per_year: expected a number > 0, got {periods_per_year}")
        X = (table - table.mean(axis=0)) * math.sqrt(periods_per_year / (table.shape[0] - 1))
        B = _principal(X, int(factors), device)
        D = np.maximum((X * X).sum(axis=0) - (B * B).sum(axis=1), 0.0)
        return cls(B, None, D)._with(names=names)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n), the shape of the matrix."""
        return (len(self.loadings), len(self.loadings))

    @property
    def ndim(self) -> int:
        return 2

    def __len__(self) -> int:
        return len(self.loadings)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """The dense (n, n) matrix, made anew at each call."""
        if copy is False:
            raise ValueError(f"[{NAME}] copy: the dense matrix is made when it is asked for, it cannot be shared")
        dense = self._through(self.loadings.T).T @ self.loadings.T
        dense[np.diag_indices(len(dense))] += self.specific_variance
        return np.asarray((dense + dense.T) / 2, dtype=dtype)

    def times(self, weights: Array) -> Array:
        """The product with (n,) weights, or with the columns of an (n, m) array, at a cost of n k a column."""
        D = self.specific_variance if weights.ndim == 1 else self.specific_variance[:, None]
        return np.asarray(self.loadings @ self._through(self.loadings.T @ weights) + D * weights)

    def diagonal(self) -> Array:
        """(n,) variances."""
        through = self.loadings if self.factor_covariance is None else self.loadings @ self.factor_covariance
        return np.asarray((through * self.loadings).sum(axis=1) + self.specific_variance)

    def risk(self, weights: Array) -> float:
        """Standard deviation of the portfolio with (n,) weights, in the units of the covariance."""
        exposure = self.loadings.T @ weights
        variance = float(exposure @ self._through(exposure) + self.specific_variance @ (weights * weights))
        return math.sqrt(max(variance, 0.0))

    def scaled(self, factor: float) -> FactorCovariance:
        """This covariance times a number >= 0."""
        if not (math.isfinite(factor) and factor >= 0):
            raise ValueError(f"[{NAME}.scaled] factor: expected a number >= 0, got {factor}")
        F = np.eye(self.loadings.shape[1]) if self.factor_covariance is None else self.factor_covariance
        return self._with(factor_covariance=F * factor, specific_variance=self.specific_variance * factor)

    def among(self, assets: npt.NDArray[np.intp]) -> FactorCovariance:
        """The covariance among some of the assets, given by their places."""
        names = None if self.names is None else tuple(self.names[k] for k in assets)
        return self._with(loadings=self.loadings[assets], specific_variance=self.specific_variance[assets], names=names)

    def specific_share(self, assets: npt.NDArray[np.intp]) -> float:
        """The least share of specific variance among some assets: no eigenvalue of their correlations is below it."""
        own, whole = self.specific_variance[assets], self.diagonal()[assets]
        return float((own / np.where(whole > 0, whole, 1.0)).min(initial=1.0))

    def _with(self, **parts: Any) -> FactorCovariance:
        """This one with other parts that need no check."""
        out = object.__new__(FactorCovariance)
        out.__dict__.update(vars(self) | parts)
        return out

    def _through(self, exposures: Array) -> Array:
        """F times exposures (k, ...)."""
        return exposures if self.factor_covariance is None else np.asarray(self.factor_covariance @ exposures)


def asset_names_of_rows(table: Any) -> tuple[str, ...] | None:
    """Row labels of a DataFrame with one row an asset; None when there are no labels."""
    return None if asset_names(table) is None else tuple(str(label) for label in table.index)


def _factor_matrix(value: object, k: int, factor_names: tuple[str, ...] | None) -> Array:
    own = asset_names(value)
    F = as_array(value, NAME, "factor_covariance")
    if F.shape != (k, k):
        raise ValueError(f"[{NAME}] factor_covariance: expected shape {(k, k)}, got {F.shape}")
    if own is not None and factor_names is not None and own != factor_names:
        if sorted(own) != sorted(factor_names):
            raise ValueError(f"[{NAME}] factor_covariance: expected the labels {list(factor_names)}, got {list(own)}")
        order = [own.index(name) for name in factor_names]
        F = np.ascontiguousarray(F[np.ix_(order, order)])
    if not np.isfinite(F).all():
        raise ValueError(f"[{NAME}] factor_covariance: expected finite numbers, got NaN or infinity")
    return symmetric_psd(F, NAME, "factor_covariance")


def _principal(X: Array, k: int, device: str) -> Array:
    """(n, k) leading eigenvectors of X'X times the roots of their eigenvalues, from the smaller of X'X and XX'."""
    if k == 0:
        return np.zeros((X.shape[1], 0))
    if X.shape[0] < X.shape[1]:
        return np.ascontiguousarray(X.T @ np.asarray(eigh(X @ X.T, device=device).vectors)[:, : -k - 1 : -1])
    parts = eigh(X.T @ X, device=device)
    roots = np.sqrt(np.maximum(parts.values[: -k - 1 : -1], 0.0))
    return np.ascontiguousarray(np.asarray(parts.vectors)[:, : -k - 1 : -1] * roots)
