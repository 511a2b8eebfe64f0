"""Annual expected returns and covariance: the input of every optimiser."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from portfolio_engine._labels import (
    Array,
    aligned_array,
    as_array,
    as_floats,
    asset_names,
    check_finite,
    label_matrix,
    label_vector,
)
from portfolio_engine._psd import symmetric_psd
from portfolio_engine.covariance import CovarianceMethod, covariance
from portfolio_engine.eigh import eigvalsh
from portfolio_engine.factor_covariance import FactorCovariance

PSD_HINT = "; portfolio_engine.nearest_psd(covariance) gives the nearest one that is"


@dataclass(frozen=True, eq=False)
class Moments:
    """Expected returns and covariance of n assets, annual and arithmetic, with where they came from.

    Build it with `estimate_moments`, `black_litterman`, or directly from your own numbers.

    Attributes:
        expected_returns: (n,), a Series when a pandas object was given.
        covariance: (n, n), symmetric positive semidefinite, a DataFrame when a pandas object was given; or a
            FactorCovariance, of which the optimisers use the structure and never form the matrix.
        names: asset names, or None; assets without names are called "0", "1", ... in constraints.
        observations: rows used, None for given numbers.
        periods_per_year: the factor that made them annual, None for given numbers.
        method: covariance estimator, "black_litterman" or "given".
        shrinkage: share of the shrinkage target in the covariance.
        first_date, last_date: labels of the first and last row used, when there were any.
        device, device_reason: where the covariance was computed, and why there.

    Raises:
        ValueError: wrong shapes, NaN or infinity, duplicate names, a covariance that is not symmetric or not positive
            semidefinite.
    """

    expected_returns: Any
    covariance: Any
    names: tuple[str, ...] | None = None
    observations: int | None = None
    periods_per_year: float | None = None
    method: str = "given"
    shrinkage: float = 0.0
    first_date: str | None = None
    last_date: str | None = None
    device: str = "cpu"
    device_reason: str = "given, not computed"

    def __post_init__(self) -> None:
        given = self.covariance
        factors = isinstance(given, FactorCovariance)
        own = given.names if factors else asset_names(given)
        names = self.names or own or asset_names(self.expected_returns)
        names = None if names is None else tuple(str(name) for name in names)
        mu = aligned_array(self.expected_returns, names, "Moments", "expected_returns")
        labelled = own is not None or asset_names(self.expected_returns) is not None
        object.__setattr__(self, "names", names)
        if factors:
            _check_shapes(mu, given.shape, names)
            if own is not None and own != names:
                raise ValueError(f"[Moments] names: expected those of the factor covariance, {own}, got {names}")
        else:
            sigma = _aligned_matrix(given, names)
            _check_shapes(mu, sigma.shape, names)
            _check_finite("covariance", sigma, names)
            sigma = symmetric_psd(sigma, "Moments", "covariance", PSD_HINT)
            object.__setattr__(self, "covariance", label_matrix(sigma, names if labelled else None))
            self.__dict__["Sigma"] = sigma
        _check_finite("expected_returns", mu, names)
        object.__setattr__(self, "expected_returns", label_vector(mu, names if labelled else None))
        self.__dict__["mu"] = mu

    @cached_property
    def mu(self) -> Array:
        """(n,) expected returns without labels."""
        return np.asarray(self.expected_returns, dtype=np.float64)

    @cached_property
    def Sigma(self) -> Array:
        """(n, n) covariance without labels; a FactorCovariance becomes dense here, which nothing needs to optimise."""
        return np.ascontiguousarray(self.covariance, dtype=np.float64)

    @property
    def factors(self) -> FactorCovariance | None:
        """The covariance when it has factor structure."""
        return self.covariance if isinstance(self.covariance, FactorCovariance) else None

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Names by which constraints refer to the assets."""
        return self.names or tuple(map(str, range(self.mu.size)))

    def label(self, values: Array) -> Any:
        """(n,) values as a Series when these moments came from a pandas object, else as they are."""
        given = self.expected_returns
        return label_vector(values, self.names if asset_names(given) is not None else None)

    def with_expected_returns(self, expected_returns: Any) -> Moments:
        """The same covariance, shared and not copied, with other (n,) annual expected returns.

        Raises:
            ValueError: another length, other labels, NaN or infinity.
        """
        mu = aligned_array(expected_returns, self.names, "Moments", "expected_returns")
        if mu.shape != self.mu.shape:
            raise ValueError(f"[Moments] expected_returns: expected shape {self.mu.shape}, got {mu.shape}")
        _check_finite("expected_returns", mu, self.names)
        return proven(**vars(self) | {"expected_returns": self.label(mu), "mu": mu})

    def times(self, weights: Array) -> Array:
        """Covariance times (n,) weights or the columns of an (n, m) array, without labels."""
        return self.Sigma @ weights if self.factors is None else self.factors.times(weights)

    @cached_property
    def variances(self) -> Array:
        """(n,) the covariance's diagonal."""
        return self.Sigma.diagonal() if self.factors is None else self.factors.diagonal()

    def risk(self, weights: Array) -> float:
        """Annual standard deviation of a portfolio, (n,) weights without labels."""
        return math.sqrt(max(float(weights @ self.times(weights)), 0.0))

    @cached_property
    def condition_number(self) -> float:
        """Largest over smallest eigenvalue of the covariance; infinite when it is singular to rounding."""
        values = eigvalsh(self.Sigma)
        floor = values.size * np.finfo(float).eps * values[-1]
        return float(values[-1] / values[0]) if values[0] > floor else float("inf")


def _aligned_matrix(value: Any, names: tuple[str, ...] | None) -> Array:
    sigma = as_array(value, "Moments", "covariance")
    own = asset_names(value)
    if own is None or names is None or own == names:
        return sigma
    order = aligned_array(value.iloc[:, 0] * 0 + np.arange(len(own)), names, "Moments", "covariance").astype(int)
    return np.ascontiguousarray(sigma[np.ix_(order, order)])


def _check_shapes(mu: Array, shape: tuple[int, ...], names: tuple[str, ...] | None) -> None:
    if mu.ndim != 1 or mu.size == 0:
        raise ValueError(f"[Moments] expected_returns: expected shape (n,) with n >= 1, got {mu.shape}")
    if shape != (mu.size, mu.size):
        raise ValueError(f"[Moments] covariance: expected shape {(mu.size, mu.size)}, got {shape}")
    if names is not None and len(names) != mu.size:
        raise ValueError(f"[Moments] names: expected {mu.size} names, got {len(names)}")
    if names is not None and len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"[Moments] names: expected each name once, got {', '.join(twice)} more than once")


def _check_finite(argument: str, array: Array, names: tuple[str, ...] | None) -> None:
    if not np.isfinite(array).all():
        row = int(np.argwhere(~np.isfinite(array))[0][0])
        which = names[row] if names else str(row)
        raise ValueError(f"[Moments] {argument}: expected finite numbers, got NaN or infinity for asset {which}")


def proven(**fields: Any) -> Moments:
    """Moments of a covariance that is positive semidefinite by its construction: aligned, symmetric, not checked again.

    Takes the fields of Moments and `mu` and `Sigma`, the same without labels.
    """
    moments = object.__new__(Moments)
    moments.__dict__.update(fields)
    return moments


def estimate_moments(
    returns: npt.ArrayLike | Any,
    *,
    expected_returns: Literal["mean"] | npt.ArrayLike | Any = "mean",
    covariance_method: CovarianceMethod = "ledoit_wolf",
    periods_per_year: float = 252.0,
    halflife: float | None = None,
    weights: npt.ArrayLike | Any | None = None,
    ddof: float | None = None,
    missing: Literal["error", "common"] = "error",
    device: str = "auto",
) -> Moments:
    """Annual moments from a table of simple returns per period.

    Args:
        returns: (T, n), T >= 2: a row a period, oldest first, a column an asset; array or DataFrame.
        expected_returns: "mean" (arithmetic mean per period x periods_per_year, under the same weights as the
            covariance), or (n,) annual expectations of your own.
        covariance_method: "ledoit_wolf", "oas", "sample" or "exponential"; see `covariance`.
        periods_per_year: 252 for daily, 52 weekly, 12 monthly, 1 when the rows are annual already.
        halflife, weights, ddof: as in `covariance`.
        missing: "error" refuses NaN and names the column; "common" keeps the rows in which every asset has a return.
        device: "auto", "cpu" or "metal".

    Returns:
        Moments with covariance x periods_per_year.

    Raises:
        ValueError: fewer than 2 rows, NaN, infinite returns, a return below -1 times the whole (prices given for
            returns are recognised and say so), an unknown option.
    """
    function = "estimate_moments"
    if not (np.isfinite(periods_per_year) and periods_per_year > 0):
        raise ValueError(f"[{function}] periods_per_year: expected a number > 0, got {periods_per_year}")
    table, array, row_weights = _clean(returns, weights, missing)
    estimate = covariance(
        array, method=covariance_method, ddof=ddof, halflife=halflife, weights=row_weights, device=device
    )
    names = asset_names(table)
    mean, sigma = estimate.mean * periods_per_year, estimate.matrix
    sigma *= periods_per_year  # in place: nobody else has seen it
    if not isinstance(expected_returns, str):
        mean = aligned_array(expected_returns, names, function, "expected_returns")
    elif expected_returns != "mean":
        raise ValueError(f'[{function}] expected_returns: expected "mean" or numbers, got {expected_returns!r}')
    fields: dict[str, Any] = {
        "names": names,
        "observations": estimate.observations,
        "periods_per_year": float(periods_per_year),
        "method": estimate.method,
        "shrinkage": estimate.shrinkage,
        "device": estimate.device,
        "device_reason": estimate.device_reason,
    }
    fields["first_date"], fields["last_date"] = _period(table)
    labelled_mean = label_vector(mean, names)
    if not (
        np.isfinite(mean).all() and np.isfinite(sigma.diagonal()).all() and len(set(names or ())) == len(names or ())
    ):
        return Moments(expected_returns=labelled_mean, covariance=sigma, **fields)  # says what is wrong
    return proven(expected_returns=labelled_mean, covariance=label_matrix(sigma, names), mu=mean, Sigma=sigma, **fields)


def _clean(returns: Any, weights: Any, missing: str) -> tuple[Any, Any, Any]:
    """The table without incomplete rows, its numbers, and the weights of the rows that stayed."""
    function = "estimate_moments"
    if missing not in ("error", "common"):
        raise ValueError(f'[{function}] missing: expected "error" or "common", got {missing!r}')
    array = as_floats(returns, function, "returns")
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"[{function}] returns: expected shape (T, n), a column an asset, got {array.shape}")
    lowest = array.min(initial=np.inf)  # NaN when there is one anywhere
    if np.isnan(lowest):
        returns, array, weights = _complete(returns, array, weights, missing)
        lowest = array.min(initial=np.inf)
    elif len(array) < 2:
        raise ValueError(f"[{function}] returns: expected at least 2 rows, got {len(array)}")
    if lowest > 0 and np.median(array) >= 1:
        raise ValueError(
            f"[{function}] returns: expected returns such as 0.01, got only positive numbers with a median of "
            f"{np.median(array):.4g}; for prices use prices_to_returns(prices)"
        )
    if np.isinf(lowest) or np.isinf(array.max()):
        check_finite(array, returns, "covariance", "returns")
    return returns, array, weights


def _complete(returns: Any, array: Any, weights: Any, missing: str) -> tuple[Any, Any, Any]:
    """A table that has gaps, without the rows that have them."""
    function = "estimate_moments"
    names = asset_names(returns) or tuple(str(k) for k in range(array.shape[1]))
    absent = np.isnan(array)
    if missing == "error":
        column = int(np.argmax(absent.any(axis=0)))
        raise ValueError(
            f"[{function}] returns: expected no missing values, got {int(absent[:, column].sum())} NaN in column "
            f'{names[column]}; missing="common" keeps the rows that are complete'
        )
    keep = ~absent.any(axis=1)
    if int(keep.sum()) < 2:
        raise ValueError(
            f"[{function}] returns: expected at least 2 rows, got {int(keep.sum())} complete of {array.shape[0]}"
        )
    weights = None if weights is None else as_array(weights, function, "weights")[keep]
    return (returns.loc[keep] if asset_names(returns) is not None else array[keep]), array[keep], weights


def _period(table: Any) -> tuple[str | None, str | None]:
    if asset_names(table) is None:
        return None, None
    ends = (table.index[0], table.index[-1])
    first, last = (str(end.date()) if hasattr(end, "date") else str(end) for end in ends)
    return first, last


def prices_to_returns(prices: Any, *, missing: Literal["error", "common"] = "error") -> Any:
    """Simple returns p[t] / p[t-1] - 1 of a table of adjusted prices.

    Args:
        prices: (T, n), T >= 2, all > 0, oldest first; array or DataFrame.
        missing: "error" refuses NaN and names the column; "common" first drops the rows that are incomplete.

    Returns:
        (T - 1, n) of the same kind; a DataFrame is labelled by the later date of each return.

    Raises:
        ValueError: NaN, zero or negative prices (the column is named), fewer than 2 rows, dates out of order.
    """
    function = "prices_to_returns"
    array = as_array(prices, function, "prices")
    if array.ndim != 2:
        raise ValueError(f"[{function}] prices: expected shape (T, n), a column an asset, got {array.shape}")
    names = asset_names(prices) or tuple(str(k) for k in range(array.shape[1]))
    if missing == "common":
        keep = ~np.isnan(array).any(axis=1)
        prices, array = (prices.loc[keep] if asset_names(prices) is not None else array[keep]), array[keep]
    bad = ~(np.isfinite(array) & (array > 0))
    if bad.any():
        row, column = (int(k) for k in np.argwhere(bad)[0])
        raise ValueError(
            f"[{function}] prices: expected numbers > 0, got {array[row, column]} in column {names[column]}, row {row}"
        )
    if array.shape[0] < 2:
        raise ValueError(f"[{function}] prices: expected at least 2 rows, got {array.shape[0]}")
    returns = array[1:] / array[:-1] - 1.0
    if asset_names(prices) is None:
        return returns
    if not prices.index.is_monotonic_increasing:
        raise ValueError(f"[{function}] prices: expected rows in order of time, oldest first")
    return type(prices)(returns, index=prices.index[1:], columns=prices.columns)
