"""The parts of the service that are about risk, together."""

from __future__ import annotations

from dataclasses import dataclass

from portfolio_service.domain.alerts import Alerts
from portfolio_service.domain.limit_settings import LimitSettings
from portfolio_service.domain.risk import RiskReports
from portfolio_service.domain.risk_watch import RiskWatch
from portfolio_service.domain.stress import StressTests


@dataclass(frozen=True)
class RiskDesk:
    """What a request about risk may need."""

    watch: RiskWatch
    alerts: Alerts
    limits: LimitSettings
    reports: RiskReports
    stress: StressTests
