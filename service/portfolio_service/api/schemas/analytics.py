"""Performance, efficient frontier and simulation."""

from __future__ import annotations

from portfolio_service.api.schemas.common import ResponseModel
from portfolio_service.domain.models import PerformanceMetrics


class Metrics(ResponseModel):
    """The contract's eight numbers; var_95 in money and negative."""

    total_return: float
    annualized_return: float
    volatility: float
    sharpe_ratio: float
    max_drawdown: float
    alpha: float
    beta: float
    var_95: float

    @classmethod
    def of(cls, metrics: PerformanceMetrics) -> Metrics:
        return cls(**{name: getattr(metrics, name) for name in cls.model_fields})
