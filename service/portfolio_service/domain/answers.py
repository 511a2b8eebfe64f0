"""The library's answers as plain JSON values, in the documented names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

import portfolio_engine as pe
from portfolio_service.domain import events
from portfolio_service.domain.models import Event, OptimizationMethod, OptimizationRecord
from portfolio_service.domain.requests import documented

Floats = npt.NDArray[np.float64]

COMPLETED, RELAXED = "optimization_completed", "optimization_relaxed"


@dataclass(frozen=True)
class Answer:
    """An optimisation's result, whoever asked: numbers of the record and the rest of the reply."""

    weights: Mapping[str, float]
    expected_return: float
    expected_risk: float
    sharpe_ratio: float
    details: Mapping[str, Any]
    covariance: Floats  # (n, n); text only in the reply

    @property
    def size(self) -> int:
        """About how many numbers it keeps in memory."""
        return 1000 + self.covariance.size

    @property
    def relaxed(self) -> bool:
        """Whether something asked for is not met."""
        return not self.details["constraints_satisfied"]

    @classmethod
    def of(cls, allocation: pe.Allocation, source: str) -> Answer:
        return cls(
            weights=allocation.to_dict(),
            expected_return=allocation.expected_return,
            expected_risk=allocation.expected_risk,
            sharpe_ratio=_number(allocation.sharpe_ratio),
            details={
                "solution_status": allocation.status,
                "constraints_satisfied": allocation.constraints_satisfied,
                "violations": [
                    {"constraint": documented(v.constraint), "requested": v.requested, "achieved": v.achieved}
                    for v in allocation.violations
                ],
                "ignored": [documented(name) for name in allocation.ignored],
                "risk_free_rate": allocation.risk_free_rate,
                "return_to_risk": _number(allocation.return_to_risk),
                "objective": {"name": allocation.objective, "value": _number(allocation.objective_value)},
                "shadow_prices": {documented(name): price for name, price in allocation.shadow_prices.items()},
                "risk_contributions": dict(
                    zip(allocation.names, map(float, allocation.risk_contributions), strict=True)
                ),
                "residuals": asdict(allocation.residuals),
                "iterations": allocation.iterations,
                "device": allocation.device,
                "device_reason": allocation.device_reason,
                "estimates": estimates(allocation.moments, source),
            },
            covariance=allocation.moments.Sigma,
        )

    def record(
        self,
        optimization_id: str,
        portfolio_id: str,
        method: OptimizationMethod,
        milliseconds: float,
        now: datetime,
        cached: bool,
    ) -> OptimizationRecord:
        return OptimizationRecord(
            optimization_id=optimization_id,
            portfolio_id=portfolio_id,
            method=method,
            status=RELAXED if self.relaxed else COMPLETED,
            target_weights=dict(self.weights),
            expected_return=self.expected_return,
            expected_risk=self.expected_risk,
            sharpe_ratio=self.sharpe_ratio,
            optimization_time_ms=milliseconds,
            created_at=now,
            details={**self.details, "cached": cached},
        )

    def with_covariance(self, record: OptimizationRecord) -> OptimizationRecord:
        """The record for the reply. The stored one does without: its dates and source give the covariance again."""
        shown = {**record.details["estimates"], "covariance": self.covariance}
        return replace(record, details={**record.details, "estimates": shown})


@dataclass(frozen=True)
class FrontierAnswer:
    """The reply to POST /efficient-frontier."""

    reply: Mapping[str, Any]

    @property
    def size(self) -> int:
        """About how many numbers it keeps in memory."""
        return 1000 + 4 * len(self.reply["points"]) * len(self.reply["max_sharpe"]["weights"])

    @classmethod
    def of(cls, frontier: pe.Frontier, source: str) -> FrontierAnswer:
        table = np.asarray(frontier.weights)
        rows = zip(frontier.expected_return, frontier.expected_risk, frontier.sharpe_ratio, table, strict=True)
        points = [
            {
                "expected_return": float(mean),
                "expected_risk": float(risk),
                "sharpe_ratio": _number(ratio),
                "weights": dict(zip(frontier.names, weights.tolist(), strict=True)),
            }
            for mean, risk, ratio, weights in rows
        ]
        return cls(
            {
                "points": points,
                "count": len(points),
                "max_sharpe": _named_point(frontier.max_sharpe),
                "min_variance": _named_point(frontier.min_variance),
                "risk_free_rate": frontier.risk_free_rate,
                "estimates": estimates(frontier.moments, source),
                "max_residual": frontier.max_residual,
                "device": frontier.device,
                "device_reason": frontier.device_reason,
                "milliseconds": frontier.milliseconds,
            }
        )


def estimates(moments: pe.Moments, source: str) -> dict[str, Any]:
    """What was estimated, from which days, by which source; annual."""
    condition = moments.condition_number
    return {
        "first_date": moments.first_date,
        "last_date": moments.last_date,
        "n_obs": moments.observations,
        "source": source,
        "method": moments.method,
        "shrinkage": moments.shrinkage,
        "symbols": list(moments.labels),
        "expected_returns": dict(zip(moments.labels, moments.mu.tolist(), strict=True)),
        "condition_number": condition if math.isfinite(condition) else None,  # None: singular
    }


def relaxed_alerts(record: OptimizationRecord) -> list[Event]:
    """One risk alert for each thing asked for and not met."""
    return [
        events.risk_alert(
            record.portfolio_id,
            violation["constraint"],
            violation["requested"],
            violation["achieved"],
            f"{record.optimization_id}: {violation['constraint']} {violation['requested']:.6g} cannot be met, "
            f"reached {violation['achieved']:.6g}",
            record.created_at,
        )
        for violation in record.details["violations"]
    ]


def _named_point(allocation: pe.Allocation) -> dict[str, Any]:
    return {
        "expected_return": allocation.expected_return,
        "expected_risk": allocation.expected_risk,
        "sharpe_ratio": _number(allocation.sharpe_ratio),
        "weights": allocation.to_dict(),
        "solution_status": allocation.status,
    }


def _number(value: float) -> float:
    """JSON has no NaN: a ratio without a divisor (no risk at all) shows as 0."""
    return float(value) if math.isfinite(value) else 0.0
