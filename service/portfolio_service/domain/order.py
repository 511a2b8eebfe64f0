"""An order that the scheduler gives itself: its rules, checked under the book's lock, and the decision it leads to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from portfolio_service.domain.clock import iso
from portfolio_service.domain.drift import DRIFT_THRESHOLD, Drift, drift_of, unusable
from portfolio_service.domain.errors import Conflict
from portfolio_service.domain.models import Decision, Portfolio, PortfolioStatus, Price
from portfolio_service.domain.ports import Clock, TradingCalendar
from portfolio_service.domain.prices import Prices
from portfolio_service.domain.rebalancing import RebalanceResult
from portfolio_service.domain.schedule import Run, in_session

SCHEDULED, MISSED, DRIFT, CHECK = "scheduled", "missed", "drift", "check"
# codes of decisions; those of refused requests are in docs/api.md
WITHIN_THRESHOLD, MARKET_CLOSED, STALE_PRICES = "within_threshold", "market_closed", "stale_prices"
TRADED, NOT_NEEDED, REFUSED, FAILED = "traded", "not_needed", "refused", "failed"


class Order:
    """For one portfolio: a run of its schedule, or without one a look at its drift."""

    def __init__(
        self, portfolio: Portfolio, run: Run | None, prices: Prices, calendar: TradingCalendar, clock: Clock
    ) -> None:
        self.portfolio = portfolio
        self.run = run
        self.trigger = DRIFT if run is None else MISSED if run.missed else SCHEDULED
        self._prices = prices
        self._calendar = calendar
        self._clock = clock
        self._drift: Drift | None = None
        self._prices_at: datetime | None = None
        self.taken: Decision | None = None  # once it traded

    def check(self, portfolio: Portfolio, quotes: Mapping[str, Price]) -> None:
        """Conflict when the scheduler must not trade these books at these prices now; see rebalancing.Mandate."""
        self.portfolio = portfolio
        if portfolio.status is not PortfolioStatus.ACTIVE:
            raise Conflict(f"portfolio_{portfolio.status}", f"its status is {portfolio.status}: nothing is traded")
        if in_session(self._clock.now(), self._calendar) is None:
            text = "the session closed before the trades: nothing is traded outside one"
            raise Conflict(MARKET_CLOSED, text)
        if wrong := unusable(portfolio, quotes, self._prices):
            raise Conflict(STALE_PRICES, f"no current price for {', '.join(wrong)}")
        self._drift = drift_of(portfolio, quotes)
        self._prices_at = min((quote.time for quote in quotes.values()), default=None)
        if self.run is None and (self._drift is None or self._drift.value <= DRIFT_THRESHOLD):
            text = f"nothing is due, and no weight is more than {DRIFT_THRESHOLD:.0%} from its target"
            raise Conflict(WITHIN_THRESHOLD, text)

    def is_about(self, decision: Decision | None) -> bool:
        """Whether that was a decision about the same thing."""
        period = self.run.period.start if self.run else None
        return decision is not None and (decision.trigger, decision.period) == (self.trigger, period)

    def decision(self, result: RebalanceResult) -> Decision:
        """What is kept about trades that are about to be committed."""
        money = f"turnover {result.total_turnover:,}, cost {result.execution_cost:,}"
        numbers = {
            "trades": len(result.trades),
            "turnover": float(result.total_turnover),
            "cost": float(result.execution_cost),
        }
        if result.trades:
            said = f"{self._why()}: {len(result.trades)} trades, {money}"
            self.taken = self.said(TRADED, "rebalanced", said, done=True, **numbers)
        else:
            said = f"{self._why()}: every weight is within the threshold of its target"
            self.taken = self.said(NOT_NEEDED, WITHIN_THRESHOLD, said, done=True, **numbers)
        return self.taken

    def said(self, outcome: str, code: str, reason: str, *, done: bool = False, **numbers: Any) -> Decision:
        """A decision about this order; `done` concludes its period."""
        run, portfolio = self.run, self.portfolio
        frequency = portfolio.rebalance_frequency
        return Decision(
            portfolio_id=portfolio.portfolio_id,
            at=self._clock.now(),
            trigger=self.trigger if run or outcome != NOT_NEEDED or done else CHECK,
            outcome=outcome,
            code=code,
            reason=reason,
            period=run.period.start if run else None,
            concludes=f"{frequency}:{run.period.start}" if run and done else None,
            numbers={**self._numbers(), **numbers},
        )

    def _numbers(self) -> dict[str, Any]:
        found: dict[str, Any] = {"threshold": DRIFT_THRESHOLD}
        if self._drift is not None:
            drift = self._drift
            found |= {"max_drift": drift.value, "symbol": drift.symbol, "weight": drift.weight, "target": drift.target}
        if self._prices_at is not None:
            found["prices_at"] = iso(self._prices_at)
        if self.portfolio.target is not None:
            found["optimization_id"] = self.portfolio.target.optimization_id
        if self.run is not None:
            found["missed_periods"] = self.run.skipped
        return found

    def _why(self) -> str:
        if self.run is None:
            drift = self._drift
            return f"{drift.symbol} drifted by {drift.value:.2%}" if drift else "drift"
        period = f"{self.portfolio.rebalance_frequency} run of {self.run.period.start}"
        return f"{period}, made up for" if self.run.missed else period
