"""Time-weighted return: growth of the value between the flows, so that their size and time do not count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from portfolio_engine._dated import dates_or_index, days_of
from portfolio_engine._labels import Array, as_array, check_finite, label_vector, row_labels

YEAR = 365.0
_FUNCTION = "time_weighted_return"


@dataclass(frozen=True)
class TimeWeightedReturn:
    """One return a period between valuations, chained.

    Attributes:
        total_return: prod(1 + returns) - 1 over the whole time, not annualised.
        annual_rate: (1 + total_return)^(365 / days) - 1.
        returns: (T,), of each period; a Series by date when the values were one. NaN where value appeared without any
            capital to grow from: such a period has no return, and total_return is then NaN.
        estimated: numbers of the periods in which the value at a flow was not known: Modified Dietz there.
        days: from the first valuation to the last.
    """

    total_return: float
    annual_rate: float
    returns: Any
    estimated: tuple[int, ...]
    days: float

    @property
    def reported(self) -> float:
        """`annual_rate` beyond a year, up to a year `total_return`: shorter records are not annualised (GIPS 2020)."""
        return self.annual_rate if self.days > YEAR else self.total_return


def time_weighted_return(
    values: npt.ArrayLike | Any,
    dates: Any = None,
    flows: npt.ArrayLike | Any = (),
    flow_dates: Any = None,
    *,
    values_before: npt.ArrayLike | None = None,
) -> TimeWeightedReturn:
    """Chain the returns between valuations, and between valuations and flows whose moment has a value.

    With the value right before a flow the return is true: V / V_before_start is taken up to the flow and from V + flow
    on. Without it the part between the neighbouring known values is Modified Dietz,
    (V1 - V0 - sum F) / (V0 + sum w F), w = share of that time that was left when F came (Dietz 1968; GIPS 2020).

    Args:
        values: (T + 1,), T >= 1, value at each date, ascending, with every flow dated up to then in it. Or a Series.
        dates: (T + 1,); default the index of `values`. Times of day count.
        flows: (n,), money in (+) and out (-), after the first date and not after the last. Or a Series by date.
        flow_dates: (n,); default the index of `flows`. Flows of one moment are taken in their order.
        values_before: (n,), value right before each flow, NaN where it is not known; default unknown.

    Raises:
        ValueError: fewer than two values, NaN or infinity, lengths that differ, dates that do not ascend, a flow
            outside of them.

    Source: Bacon, Practical Portfolio Performance Measurement and Attribution, 2nd ed. 2008, ch. 2; Global Investment
    Performance Standards 2020.
    """
    level = _vector(values, "values")
    times = days_of(dates_or_index(values, dates, _FUNCTION, "dates"), _FUNCTION, "dates")
    _check_dates(level, times)
    moved = _vector(flows, "flows")
    when = times[:0]
    if len(moved):
        when = days_of(dates_or_index(flows, flow_dates, _FUNCTION, "flow_dates"), _FUNCTION, "flow_dates")
    before = (
        np.full(len(moved), np.nan) if values_before is None else as_array(values_before, _FUNCTION, "values_before")
    )
    _check_flows(moved, when, before, times)
    returns, estimated = _periods(level, times, moved, when, before)
    total = float(np.prod(1 + returns) - 1)
    days = float(times[-1] - times[0])
    with np.errstate(over="ignore"):
        annual = float(np.power(1 + total, YEAR / days) - 1) if total >= -1 else float("nan")
    labels = row_labels(values)
    shown = label_vector(returns, None if labels is None else tuple(labels[1:]))
    return TimeWeightedReturn(total, annual, shown, estimated, days)


def _periods(level: Array, times: Array, flows: Array, when: Array, before: Array) -> tuple[Array, tuple[int, ...]]:
    """Returns of the periods between `times`, each the product over its parts; and which of them are estimates."""
    known = ~np.isnan(before)
    # the moments with a value: valuations, and flows that have one; a flow at a valuation's date comes first
    moment = np.concatenate([times, when[known]])
    start = np.concatenate([level, (before + flows)[known]])  # what the next part starts from
    end = np.concatenate([level, before[known]])  # what the part that ends here comes to
    order = np.lexsort((np.arange(len(moment)), np.arange(len(moment)) < len(times), moment))
    moment, start, end = moment[order], start[order], end[order]
    part = np.searchsorted(moment, when[~known], side="left") - 1
    money = flows[~known]
    span = moment[part + 1] - moment[part]
    weight = np.divide(moment[part + 1] - when[~known], span, out=np.zeros_like(span), where=span > 0)
    count = len(moment) - 1
    flow = np.bincount(part, weights=money, minlength=count)
    base = start[:-1] + np.bincount(part, weights=money * weight, minlength=count)
    gain = end[1:] - start[:-1] - flow
    nothing = (base <= 0) & (gain == 0)
    growth = np.ones(count)
    np.divide(gain, base, out=growth, where=base > 0)
    growth = np.where(base > 0, growth, np.where(nothing, 0.0, np.nan)) + 1
    period = np.searchsorted(times, moment[1:], side="left") - 1
    returns = np.ones(len(times) - 1)
    np.multiply.at(returns, period, growth)
    dietz = np.unique(np.searchsorted(times, when[~known], side="left") - 1)
    return returns - 1, tuple(int(k) for k in dietz)


def _vector(values: Any, argument: str) -> Array:
    array = as_array(values, _FUNCTION, argument)
    check_finite(array, values, _FUNCTION, argument)
    if array.ndim != 1:
        raise ValueError(f"[{_FUNCTION}] {argument}: expected a vector, got shape {array.shape}")
    if not np.isfinite(array).all():
        k = int(np.argmin(np.isfinite(array)))
        raise ValueError(f"[{_FUNCTION}] {argument}: expected finite numbers, got {array[k]} at {k}")
    return array


def _check_dates(level: Array, times: Array) -> None:
    if len(level) < 2:
        raise ValueError(f"[{_FUNCTION}] values: expected at least two, got {len(level)}")
    if len(times) != len(level):
        raise ValueError(f"[{_FUNCTION}] dates: expected {len(level)} of them, one a value, got {len(times)}")
    if (np.diff(times) <= 0).any():
        k = int(np.argmax(np.diff(times) <= 0)) + 1
        raise ValueError(f"[{_FUNCTION}] dates: expected them to ascend, got number {k} not after the one before")


def _check_flows(flows: Array, when: Array, before: Array, times: Array) -> None:
    for name, array in (("flow_dates", when), ("values_before", before)):
        if len(array) != len(flows):
            raise ValueError(f"[{_FUNCTION}] {name}: expected {len(flows)} of them, one a flow, got {len(array)}")
    if np.isinf(before).any():
        raise ValueError(f"[{_FUNCTION}] values_before: expected finite numbers or NaN, got infinity")
    outside = (when <= times[0]) | (when > times[-1])
    if outside.any():
        raise ValueError(
            f"[{_FUNCTION}] flow_dates: expected all after the first and not after the last of dates, "
            f"got number {int(outside.argmax())} outside"
        )
