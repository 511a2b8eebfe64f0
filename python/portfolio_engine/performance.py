"""Risk and return measures of a series of simple returns."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy.typing as npt

from portfolio_engine import kernels
from portfolio_engine._labels import Array, as_array, asset_names, check_finite, label_vector, row_index


@dataclass(frozen=True)
class Drawdown:
    """One fall from a peak and back.

    Attributes:
        depth: lowest value over the peak - 1, negative.
        peak, valley, recovery: label (index of a Series, else number) of the observation after which the value stood
            at its peak, at its lowest, and at the peak again. `peak` is None for the start, before the first
            observation; `recovery` is None when the series ends below the peak.
        length: periods from the peak to the recovery, or to the end.
    """

    depth: float
    peak: Any
    valley: Any
    recovery: Any
    length: int


@dataclass(frozen=True)
class Performance:
    """Measures of one series. A ratio whose divisor is zero is infinite and 0 / 0 is NaN; a measure that needs more
    observations than there are is NaN; without a benchmark the relative measures are NaN.

    Annual unless said otherwise; P is periods_per_year, excess is the return above (1 + risk_free_rate)^(1/P) - 1.

    Attributes:
        total_return: compounded over all periods.
        annualized_return: arithmetic, mean x P.
        geometric_return: (1 + total_return)^(P / T) - 1.
        volatility: standard deviation (ddof 1) x sqrt(P).
        downside_deviation: sqrt(mean(min(excess, 0)^2) x P), over all T periods (Sortino and van der Meer 1991).
        mean_absolute_deviation: around the mean, one period.
        sharpe_ratio: mean excess x P / volatility (Sharpe 1994).
        sortino_ratio: mean excess x P / downside_deviation.
        omega_ratio: sum of positive over sum of negative excess (Keating and Shadwick 2002).
        gain_loss_ratio: sum of gains over sum of losses (Bernardo and Ledoit 2000).
        tail_ratio: |95th percentile| / |5th percentile|.
        max_drawdown, average_drawdown: deepest, and mean over the drawdowns; negative, from a path that starts at 1.
        ulcer_index, pain_index: root mean square and mean over time of the drawdown, positive (Martin 1987).
        calmar_ratio: geometric_return / |max_drawdown| (Young 1991).
        martin_ratio, pain_ratio: (geometric_return - risk_free_rate) / ulcer_index, / pain_index.
        longest_drawdown: periods from a peak to its recovery, or to the end.
        value_at_risk: one period, historical, at `confidence`, as a return: the 1 - confidence quantile, linear between
            order statistics (Hyndman and Fan 1996, definition 7; numpy.quantile). Negative is a loss.
        conditional_value_at_risk: mean of the worst 1 - confidence of the periods, the one at the edge counted in part
            (Acerbi and Tasche 2002).
        skewness, kurtosis: bias-corrected G1 and G2 (Joanes and Gill 1998; pandas), kurtosis in excess of 3.
        best, worst, positive_share: largest and smallest return, share of returns above zero.
        alpha, beta: regression of the excess on the benchmark's excess (Jensen 1968); alpha is x P.
        correlation: with the benchmark.
        tracking_error, information_ratio: standard deviation (ddof 1) x sqrt(P) of the return minus the benchmark's;
            its mean x P over that (Goodwin 1998).
        treynor_ratio: mean excess x P / beta.
        m_squared: sharpe_ratio x benchmark's volatility + risk-free return (Modigliani and Modigliani 1997).
        systematic_risk, specific_risk: |beta| x benchmark's volatility, and the regression's residual (ddof 1).
        up_capture, down_capture: geometric mean return in the periods in which the benchmark rose (fell), over the
            benchmark's own.
        observations: T.
        device, device_reason: where it was computed, and why there.
    """

    total_return: float
    annualized_return: float
    geometric_return: float
    volatility: float
    downside_deviation: float
    mean_absolute_deviation: float
    sharpe_ratio: float
    sortino_ratio: float
    omega_ratio: float
    gain_loss_ratio: float
    tail_ratio: float
    max_drawdown: float
    average_drawdown: float
    ulcer_index: float
    pain_index: float
    calmar_ratio: float
    martin_ratio: float
    pain_ratio: float
    longest_drawdown: int
    value_at_risk: float
    conditional_value_at_risk: float
    skewness: float
    kurtosis: float
    best: float
    worst: float
    positive_share: float
    alpha: float
    beta: float
    correlation: float
    tracking_error: float
    information_ratio: float
    treynor_ratio: float
    m_squared: float
    systematic_risk: float
    specific_risk: float
    up_capture: float
    down_capture: float
    observations: int
    device: str
    device_reason: str
    _places: Array = field(repr=False, compare=False)  # (k, 4): peak, valley, recovery, depth of each drawdown
    _index: Any = field(repr=False, compare=False)  # of the returns, None without labels

    @cached_property
    def drawdowns(self) -> tuple[Drawdown, ...]:
        """Every drawdown, deepest first; `pandas.DataFrame(result.drawdowns)` is a table. Made when it is asked for."""
        names = range(self.observations) if self._index is None else self._index
        return tuple(_drawdown(row, names, self.observations) for row in self._places.tolist())

    def to_dict(self) -> dict[str, Any]:
        """All attributes by name; drawdowns become a list of dicts."""
        out = {name: getattr(self, name) for name in _ATTRIBUTES}
        out["drawdowns"] = [asdict(drawdown) for drawdown in self.drawdowns]
        return out


_ATTRIBUTES = tuple(one.name for one in fields(Performance) if not one.name.startswith("_"))


@dataclass(frozen=True, eq=False)
class PerformanceTable:
    """Measures of many series. Each is as in `Performance` and has one number a series (m,), a Series by the names of
    the columns when the returns were a DataFrame; `pandas.DataFrame(table.to_dict())` has one row a series.

    Attributes:
        observations: T, the same for all.
        device, device_reason: where it was computed, and why there.
    """

    total_return: Any
    annualized_return: Any
    geometric_return: Any
    volatility: Any
    downside_deviation: Any
    mean_absolute_deviation: Any
    sharpe_ratio: Any
    sortino_ratio: Any
    omega_ratio: Any
    gain_loss_ratio: Any
    tail_ratio: Any
    max_drawdown: Any
    average_drawdown: Any
    ulcer_index: Any
    pain_index: Any
    calmar_ratio: Any
    martin_ratio: Any
    pain_ratio: Any
    longest_drawdown: Any
    value_at_risk: Any
    conditional_value_at_risk: Any
    skewness: Any
    kurtosis: Any
    best: Any
    worst: Any
    positive_share: Any
    alpha: Any
    beta: Any
    correlation: Any
    tracking_error: Any
    information_ratio: Any
    treynor_ratio: Any
    m_squared: Any
    systematic_risk: Any
    specific_risk: Any
    up_capture: Any
    down_capture: Any
    observations: int
    device: str
    device_reason: str

    def to_dict(self) -> dict[str, Any]:
        """The measures by name."""
        return {name: getattr(self, name) for name in _MEASURES}


_MEASURES = tuple(one.name for one in fields(PerformanceTable))[:-3]


def performance(
    returns: npt.ArrayLike | Any,
    benchmark: npt.ArrayLike | Any | None = None,
    *,
    risk_free_rate: float = 0.0,
    periods_per_year: float = 252,
    confidence: float = 0.95,
    device: str = "auto",
) -> Performance:
    """Measure a series of simple returns.

    Args:
        returns: (T,), T >= 1, oldest first, none below -1. The index of a Series labels the drawdowns.
        benchmark: (T,), returns of the same periods; a Series must have the same index when `returns` has one.
        risk_free_rate: annual, > -1.
        periods_per_year: 252 for daily, 52 weekly, 12 monthly returns.
        confidence: of value_at_risk and conditional_value_at_risk.
        device: "auto", "cpu" or "metal".

    Raises:
        ValueError: no returns, NaN or infinity (its label is named), a return below -1, a benchmark of another length
            or index, an option out of range, an absent device.
    """
    function = "performance"
    values, market = _series(returns, benchmark, function)
    raw = kernels.performance(
        values,
        market,
        risk_free_rate=float(risk_free_rate),
        periods_per_year=float(periods_per_year),
        confidence=float(confidence),
        device=device,
    )
    raw |= {"_places": raw.pop("drawdowns"), "_index": row_index(returns)}
    result = object.__new__(Performance)
    result.__dict__.update(raw)  # __init__ of a frozen class sets forty attributes one by one: longer than the kernel
    return result


def performance_batch(
    returns: npt.ArrayLike | Any,
    benchmark: npt.ArrayLike | Any | None = None,
    *,
    risk_free_rate: float = 0.0,
    periods_per_year: float = 252,
    confidence: float = 0.95,
    device: str = "auto",
) -> PerformanceTable:
    """Measure many series of simple returns in one native, parallel call.

    Args:
        returns: (T, m), a column for each portfolio, fund or asset, T >= 1, oldest first, none below -1. An array or a
            DataFrame, whose column names label the answer.
        benchmark: (T,), common to all; a Series must have the same index when `returns` has one.
        risk_free_rate, periods_per_year, confidence, device: as in `performance`.

    Returns:
        PerformanceTable: the numbers of `performance` for each column, bit for bit, whatever the number of threads. The
        lists of drawdowns are left to `performance`.

    Raises:
        ValueError: as `performance`, naming row and column.
    """
    values, market = _series(returns, benchmark, "performance_batch")
    raw = kernels.performance_batch(
        values,
        market,
        risk_free_rate=float(risk_free_rate),
        periods_per_year=float(periods_per_year),
        confidence=float(confidence),
        device=device,
    )
    names = asset_names(returns)
    return PerformanceTable(**(raw | {name: label_vector(raw[name], names) for name in _MEASURES}))


def _series(returns: Any, benchmark: Any, function: str) -> tuple[Array, Array | None]:
    """Returns and benchmark as arrays; labelled ones must be of the same periods."""
    values = as_array(returns, function, "returns")
    check_finite(values, returns, function, "returns")
    if benchmark is None:
        return values, None
    market = as_array(benchmark, function, "benchmark")
    check_finite(market, benchmark, function, "benchmark")
    index, own = row_index(returns), row_index(benchmark)
    if index is not None and own is not None and len(index) == len(own) and not index.equals(own):
        for k, (date, other) in enumerate(zip(index, own, strict=True)):
            if date != other:
                message = f"benchmark: expected the index of the returns, got {other!s} beside {date!s} in row {k}"
                raise ValueError(f"[{function}] {message}")
    return values, market


def _drawdown(row: list[float], names: Any, count: int) -> Drawdown:
    """Places on the value path (0 is the start) to labels of observations."""
    peak, valley, recovery = (int(place) for place in row[:3])
    return Drawdown(
        depth=row[3],
        peak=names[peak - 1] if peak else None,
        valley=names[valley - 1],
        recovery=names[recovery - 1] if recovery <= count else None,
        length=min(recovery, count) - peak,
    )
