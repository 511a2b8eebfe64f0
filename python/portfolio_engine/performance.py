"""Risk and return measures of a series of simple returns."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy.typing as npt

from portfolio_engine import kernels
from portfolio_engine._labels import as_array, check_finite, row_labels


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
        drawdowns: every drawdown, deepest first; `pandas.DataFrame(result.drawdowns)` is a table.
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
    drawdowns: tuple[Drawdown, ...]
    observations: int
    device: str
    device_reason: str

    def to_dict(self) -> dict[str, Any]:
        """All attributes by name; drawdowns become a list of dicts."""
        out = asdict(self)
        out["drawdowns"] = list(out["drawdowns"])
        return out


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
    values = as_array(returns, function, "returns")
    check_finite(values, returns, function, "returns")
    labels = row_labels(returns)
    market = None
    if benchmark is not None:
        market = as_array(benchmark, function, "benchmark")
        check_finite(market, benchmark, function, "benchmark")
        own = row_labels(benchmark)
        if labels is not None and own is not None and market.shape == values.shape and labels != own:
            k = next(k for k, pair in enumerate(zip(labels, own, strict=True)) if pair[0] != pair[1])
            raise ValueError(
                f"[{function}] benchmark: expected the index of the returns, got {own[k]!s} beside {labels[k]!s} "
                f"in row {k}"
            )
    raw = kernels.performance(
        values,
        market,
        risk_free_rate=float(risk_free_rate),
        periods_per_year=float(periods_per_year),
        confidence=float(confidence),
        device=device,
    )
    raw["drawdowns"] = tuple(_drawdown(row, labels, len(values)) for row in raw["drawdowns"])
    return Performance(**raw)


def _drawdown(row: tuple[int, int, int, float], labels: list[Any] | None, count: int) -> Drawdown:
    """Places on the value path (0 is the start) to labels of observations."""
    peak, valley, recovery, depth = row
    names: Any = range(count) if labels is None else labels
    return Drawdown(
        depth=depth,
        peak=names[peak - 1] if peak else None,
        valley=names[valley - 1],
        recovery=names[recovery - 1] if recovery <= count else None,
        length=min(recovery, count) - peak,
    )
