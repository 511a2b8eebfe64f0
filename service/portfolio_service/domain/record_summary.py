"""What a stretch of the daily record returned: time-weighted over its days, money-weighted over its flows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

import portfolio_engine as pe
from portfolio_service.domain.models import ExternalFlow

YEAR = timedelta(days=365)  # beyond it returns are shown a year


@dataclass(frozen=True)
class Stretch:
    """From a moment with a value (nothing, at the start of the portfolio) to a close."""

    start: datetime
    start_value: Decimal
    end: datetime
    end_value: Decimal
    time_weighted_return: float
    money_weighted_return: float | None  # None unless exactly one rate fits, for the reason in its status
    money_weighted_status: str
    annualized: bool  # both returns are a year's; up to a year they are of the whole stretch
    net_external_flow: Decimal


def summarise(
    start: datetime,
    start_value: Decimal,
    end: datetime,
    end_value: Decimal,
    total_return: float,
    flows: Sequence[ExternalFlow],
) -> Stretch:
    """`total_return` is chained over the days; `flows` are those later than `start` and not later than `end`."""
    annualized = end - start > YEAR
    money = pe.money_weighted_return(
        [float(start_value), *(float(flow.amount) for flow in flows)],
        [start, *(flow.recorded_at for flow in flows)],
        final_value=float(end_value),
        final_date=end,
    )
    rate = money.annual_rate if annualized else money.total_return
    return Stretch(
        start=start,
        start_value=start_value,
        end=end,
        end_value=end_value,
        time_weighted_return=annual(total_return, end - start) if annualized else total_return,
        money_weighted_return=rate if np.isfinite(rate) else None,
        money_weighted_status=money.status,
        annualized=annualized,
        net_external_flow=sum((flow.amount for flow in flows), Decimal(0)),
    )


def annual(total_return: float, time: timedelta) -> float:
    """A total return as what it is a year, compounded."""
    return float((1 + total_return) ** (YEAR / time) - 1)
