"""Money-weighted return: the constant rate at which what was paid in grows to what was taken out and what is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from portfolio_engine._dated import dates_or_index, days_of
from portfolio_engine._exponential_roots import roots
from portfolio_engine._labels import Array, as_array, check_finite

YEAR = 365.0  # days, as spreadsheets count them
_FUNCTION = "money_weighted_return"


@dataclass(frozen=True)
class MoneyWeightedReturn:
    """A rate is given only when there is exactly one; `reason` says why not.

    Attributes:
        status: "unique", "ambiguous" (several rates solve the equation) or "none" (no rate does).
        reason: in words when status is not "unique", else empty.
        annual_rate: compounded, a year of 365 days (what spreadsheets call XIRR); NaN unless unique, infinite where a
            gain within days is beyond float64 in a year.
        total_return: the same rate over the whole time, not annualised; NaN unless unique.
        roots: every annual rate that solves the equation, ascending.
        days: from the first flow to `final_date`.
    """

    status: str
    reason: str
    annual_rate: float
    total_return: float
    roots: tuple[float, ...]
    days: float

    @property
    def reported(self) -> float:
        """`annual_rate` beyond a year, up to a year `total_return`: shorter records are not annualised (GIPS 2020)."""
        return self.annual_rate if self.days > YEAR else self.total_return


def money_weighted_return(
    flows: npt.ArrayLike | Any, dates: Any = None, *, final_value: float, final_date: Any
) -> MoneyWeightedReturn:
    """The internal rate of return of a portfolio: sum_k flow_k (1 + r)^((final_date - date_k) / 365) = final_value.

    All rates above -100 % that solve it are found and proven apart (interval bounds on exponential sums), so that a
    unique rate is known to be unique; several are reported as such and none is picked. A portfolio that lost
    everything, with nothing ever taken out, has returned -100 %.

    Args:
        flows: (n,), money in (+) and out (-), the value at the start among them; any order. Or a Series by date.
        dates: (n,), when each came; default the index of `flows`. Times of day count.
        final_value: value at the end, after the last flow.
        final_date: the end, not before any flow and after the first.

    Raises:
        ValueError: no flows, NaN or infinity, lengths that differ, no dates, a flow after final_date, all flows at
            final_date.

    Source: Bacon, Practical Portfolio Performance Measurement and Attribution, 2nd ed. 2008, ch. 2; equation as in the
    documentation of Excel's XIRR, where values have the opposite signs and the last one is final_value.
    """
    amounts = as_array(flows, _FUNCTION, "flows")
    check_finite(amounts, flows, _FUNCTION, "flows")
    times = days_of(dates_or_index(flows, dates, _FUNCTION, "dates"), _FUNCTION, "dates")
    end = _end(final_date)
    _check(amounts, times, final_value, end)
    moved = amounts != 0
    amounts, left = amounts[moved], (end - times)[moved]
    days = float(end - times.min())
    if days == 0 or (len(left) and left.max() == 0):
        raise ValueError(f"[{_FUNCTION}] dates: expected a flow before final_date, got all of them at it")
    if not len(amounts):
        return _without(f"no money was paid in or out and the final value is {final_value:g}", days)
    if final_value == 0 and (amounts > 0).all() and (left > 0).all():
        return MoneyWeightedReturn("unique", "", -1.0, -1.0, (-1.0,), days)
    return _solved(np.append(amounts, -final_value), np.append(left, 0.0), days)


def _solved(amounts: Array, left: Array, days: float) -> MoneyWeightedReturn:
    found = roots(amounts / np.abs(amounts).sum(), left / left.max())
    growths = sorted([*found.simple, *found.touching])  # logarithm of the growth over the longest time
    with np.errstate(over="ignore"):
        rates = tuple(float(np.expm1(growth * YEAR / left.max())) for growth in growths)
        totals = [float(np.expm1(growth * days / left.max())) for growth in growths]
    if len(found.simple) == 1 and not found.touching:
        return MoneyWeightedReturn("unique", "", rates[0], totals[0], rates, days)
    if not rates:
        return _without("no rate above -100 % makes what was paid in grow to what came out and is left", days)
    listed = ", ".join(f"{rate:.6g}" for rate in rates)
    reason = f"{len(rates)} annual rates solve the equation: {listed}"
    if found.touching:
        reason = f"the equation comes to zero without crossing it; annual rates near {listed}"
    return MoneyWeightedReturn("ambiguous", reason, float("nan"), float("nan"), rates, days)


def _without(reason: str, days: float) -> MoneyWeightedReturn:
    return MoneyWeightedReturn("none", reason, float("nan"), float("nan"), (), days)


def _end(final_date: Any) -> float:
    found = days_of(final_date, _FUNCTION, "final_date")
    if len(found) != 1:
        raise ValueError(f"[{_FUNCTION}] final_date: expected one date, got {len(found)}")
    return float(found[0])


def _check(amounts: Array, times: Array, final_value: float, end: float) -> None:
    if amounts.ndim != 1 or len(amounts) == 0:
        raise ValueError(f"[{_FUNCTION}] flows: expected a vector of at least one, got shape {amounts.shape}")
    if not np.isfinite(amounts).all():
        raise ValueError(f"[{_FUNCTION}] flows: expected finite numbers, got {amounts[~np.isfinite(amounts)][0]}")
    if len(times) != len(amounts):
        raise ValueError(f"[{_FUNCTION}] dates: expected {len(amounts)} of them, one a flow, got {len(times)}")
    if not np.isfinite(final_value):
        raise ValueError(f"[{_FUNCTION}] final_value: expected a finite number, got {final_value}")
    if (times > end).any():
        late = int(np.argmax(times > end))
        raise ValueError(
            f"[{_FUNCTION}] final_date: expected no flow after it, got one {times[late] - end:g} days later"
        )
