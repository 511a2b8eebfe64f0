"""What PATCH /portfolios/{id} changes: name, method, schedule, status, metadata; never the books."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from portfolio_service.domain.models import Decision, OptimizationMethod, Portfolio, PortfolioStatus, RebalanceFrequency
from portfolio_service.domain.schedule import FREQUENCY_CHANGED, RESUMED


@dataclass(frozen=True)
class Amendment:
    """None leaves as it is; `metadata` replaces the whole object."""

    portfolio_name: str | None = None
    optimization_method: OptimizationMethod | None = None
    rebalance_frequency: RebalanceFrequency | None = None
    status: PortfolioStatus | None = None
    metadata: Mapping[str, Any] | None = None

    def applied(self, portfolio: Portfolio) -> Portfolio:
        """The portfolio with it at the next version; the same value where nothing is different."""
        asked = {name: value for name, value in vars(self).items() if value is not None}
        if all(getattr(portfolio, name) == value for name, value in asked.items()):
            return portfolio
        return replace(portfolio, **asked, version=portfolio.version + 1, valuation=None)


def schedule_decision(before: Portfolio, after: Portfolio, at: datetime) -> Decision | None:
    """What is kept about a change of the schedule; None when it is as it was.

    Another frequency, and the end of a pause, begin the schedule anew: the period that runs is let go.
    """
    if before.rebalance_frequency is not after.rebalance_frequency:
        code, text = FREQUENCY_CHANGED, f"{before.rebalance_frequency} became {after.rebalance_frequency}"
    elif before.status is after.status:
        return None
    elif after.status is PortfolioStatus.PAUSED:
        code, text = "paused", "nothing is traded by itself until it is active again"
    elif before.status is PortfolioStatus.PAUSED:
        code, text = RESUMED, "active again: its schedule goes on with the next period"
    else:
        code, text = "restarted", "active again: what is due is tried again"
    return Decision(after.portfolio_id, at, "change", "not_needed", code, text)
