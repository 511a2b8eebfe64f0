"""One example of each successful answer, for the OpenAPI document; ids and numbers are illustrations."""

from __future__ import annotations

from typing import Any

PORTFOLIO_ID = "port_1f3a5c7e9b0d"
OPTIMIZATION_ID = "opt_0a1b2c3d4e5f"
TIME = "2025-08-24T10:30:15Z"
WEIGHTS = {"AAPL": 0.3, "MSFT": 0.7}

CREATED: dict[str, Any] = {
    "status": "created",
    "portfolio_id": PORTFOLIO_ID,
    "portfolio_name": "Growth Portfolio",
    "initial_value": 500000.0,
    "cash_balance": 50000.0,
    "unallocated_capital": 450000.0,
    "total_value": 500000.0,
}
POSITION: dict[str, Any] = {
    "quantity": 1500.0,
    "market_value": 225375.0,
    "weight": 0.9,
    "avg_cost": 150.0,
    "unrealized_pnl": 375.0,
    "last_updated": TIME,
    "price": 150.25,
    "price_source": "simulated",
    "stale": False,
}
CREATED_WITH_SYMBOLS = {
    **CREATED,
    "unallocated_capital": 0.0,
    "symbols": ["AAPL"],
    "positions": {"AAPL": {**POSITION, "market_value": 225000.0, "unrealized_pnl": 0.0}},
    "initial_value": 250000.0,
    "cash_balance": 25000.0,
    "total_value": 250000.0,
}
SUMMARY: dict[str, Any] = {
    "portfolio_id": PORTFOLIO_ID,
    "portfolio_name": "Growth Portfolio",
    "total_value": 250375.0,
    "cash_balance": 25000.0,
    "position_count": 1,
    "status": "active",
    "optimization_method": "max_sharpe",
    "rebalance_frequency": "monthly",
    "created_at": TIME,
    "last_rebalanced": TIME,
}
LIST = {"portfolios": [SUMMARY], "count": 1, "total_aum": 250375.0}
METRICS = {
    "total_return": 0.125,
    "annualized_return": 0.089,
    "volatility": 0.168,
    "sharpe_ratio": 0.41,
    "max_drawdown": -0.087,
    "alpha": 0.032,
    "beta": 1.12,
    "var_95": -3750.0,
}
DETAILS = {
    **SUMMARY,
    "unallocated_capital": 0.0,
    "initial_value": 250000.0,
    "positions": {"AAPL": POSITION},
    "target_weights": WEIGHTS,
    "performance_metrics": METRICS,
    "performance_basis": "current_holdings_1y",
    "realised_performance": {
        "since": TIME,
        "days": 12,
        **METRICS,
        "time_weighted_return": 0.125,
        "money_weighted_return": 0.118,
        "money_weighted_status": "unique",
        "annualized": False,
        "net_external_flow": 250000.0,
    },
    "valued_at": TIME,
    "version": 2,
    "provider": "simulated",
    "provider_mismatch": False,
    "metadata": {},
}
ARCHIVED = {"status": "archived", "portfolio_id": PORTFOLIO_ID}
POSITIONS_UPDATED = {
    "status": "positions_updated",
    "portfolio_id": PORTFOLIO_ID,
    "position_count": 2,
    "total_value": 498215.0,
    "cash_balance": 50000.0,
    "unallocated_capital": 0.0,
}
TRADE = {
    "trade_id": "trd_0011223344556677",
    "symbol": "AAPL",
    "side": "buy",
    "quantity": 10.0,
    "price": 150.25,
    "value": 1502.5,
    "cost": 1.5,
    "executed_at": TIME,
    "reason": "api",
}
TRADES = {"portfolio_id": PORTFOLIO_ID, "trades": [TRADE], "count": 1}
REBALANCED = {
    "status": "rebalance_completed",
    "portfolio_id": PORTFOLIO_ID,
    "target_weights": WEIGHTS,
    "trades_executed": 1,
    "total_turnover": 1502.5,
    "execution_cost": 1.5,
    "rebalance_ratio": 0.006,
    "dry_run": False,
    "trades": [TRADE],
    "limits_after": [],
}
DEPOSITED = {
    "status": "deposited",
    "portfolio_id": PORTFOLIO_ID,
    "amount": 2500.5,
    "cash_balance": 27500.5,
    "total_value": 252875.5,
}
WITHDRAWN = {**DEPOSITED, "status": "withdrawn", "amount": 1000.0, "cash_balance": 26500.5, "total_value": 251875.5}
CASH_FLOWS = {
    "portfolio_id": PORTFOLIO_ID,
    "cash_flows": [
        {
            "kind": "deposit",
            "amount": 2500.5,
            "value_after": 252875.5,
            "note": "monthly savings",
            "recorded_at": TIME,
            "version": 3,
        }
    ],
    "totals": {"deposits": 252500.5, "withdrawals": 0.0, "transfers": 0.0, "net": 252500.5},
    "count": 2,
}
OPTIMIZED = {
    "status": "optimization_completed",
    "optimization_id": OPTIMIZATION_ID,
    "portfolio_id": PORTFOLIO_ID,
    "method": "mean_variance",
    "target_weights": WEIGHTS,
    "expected_return": 0.121,
    "expected_risk": 0.162,
    "sharpe_ratio": 0.623,
    "optimization_time_ms": 15.3,
    "created_at": TIME,
    "solution_status": "optimal",
    "constraints_satisfied": True,
    "violations": [],
    "risk_free_rate": 0.02,
}
OPTIMIZATIONS = {"portfolio_id": PORTFOLIO_ID, "optimization_history": [OPTIMIZED], "count": 1}
HISTORY = {
    "portfolio_id": PORTFOLIO_ID,
    "period_days": 365,
    "performance_history": [
        {
            "date": "2025-08-24T00:00:00Z",
            **METRICS,
            "basis": "realised",
            "total_value": 252875.5,
            "external_flow": 2500.5,
            "daily_return": 0.0042,
        }
    ],
    "count": 1,
    "realised": {
        "start": "2025-08-01T15:00:00Z",
        "start_value": 0.0,
        "end": "2025-08-22T20:00:00Z",
        "end_value": 252875.5,
        "net_external_flow": 252500.5,
        "time_weighted_return": 0.0021,
        "money_weighted_return": 0.0015,
        "money_weighted_status": "unique",
        "annualized": False,
    },
}
FRONTIER_POINT = {"expected_return": 0.121, "expected_risk": 0.162, "sharpe_ratio": 0.623, "weights": WEIGHTS}
FRONTIER = {"points": [FRONTIER_POINT], "max_sharpe": FRONTIER_POINT, "min_variance": FRONTIER_POINT, "count": 1}
SIMULATED = {
    "quantiles": {"0.05": 84210.5, "0.5": 107300.2, "0.95": 136520.9},
    "var_95": -15789.5,
    "cvar_95": -20314.7,
    "standard_errors": {"var_95": 61.2, "cvar_95": 74.8},
    "seed": 7,
    "device": "cpu",
}
PATCHED = {
    "portfolio_id": PORTFOLIO_ID,
    "portfolio_name": "Growth Portfolio",
    "status": "active",
    "optimization_method": "max_sharpe",
    "rebalance_frequency": "quarterly",
    "next_rebalance": "2025-10-01T14:00:00Z",
    "metadata": {"desk": "multi-asset"},
    "version": 3,
}
DECISION = {
    "decided_at": "2025-08-25T14:00:02Z",
    "trigger": "scheduled",
    "outcome": "traded",
    "code": "rebalanced",
    "reason": "weekly run of 2025-08-25: 2 trades, turnover 29,870.14, cost 29.87",
    "period": "2025-08-25",
    "numbers": {"threshold": 0.05, "max_drift": 0.0612, "symbol": "AAPL", "trades": 2, "turnover": 29870.14},
}
SCHEDULE = {
    "portfolio_id": PORTFOLIO_ID,
    "rebalance_frequency": "weekly",
    "status": "active",
    "next_check": "2025-08-25T15:00:00Z",
    "next_rebalance": "2025-09-02T14:00:00Z",
    "last_rebalanced": "2025-08-25T14:00:02Z",
    "decisions": [DECISION],
    "count": 1,
}
HEALTH = {
    "status": "healthy",
    "optimizations_completed": 156,
    "rebalances_executed": 89,
    "portfolios_managed": 12,
    "active_portfolios": 12,
    "total_portfolio_value": 2450000.0,
    "uptime_seconds": 86400.0,
    "messagebus_connected": True,
    "messagebus": "in-process",
    "market_data": {
        "status": "ok",
        "source": "engine",
        "last_update_age_s": 0.4,
        "missing": [],
        "stale": [],
        "breaker": "closed",
        "breaker_opened": 1,
        "calls": 5120,
        "errors": {"timeout": 5},
        "held_back": {},
        "last_error": "timeout: no answer within 2 s",
        "reason": "auto: MARKET_DATA_URL is set",
    },
    "acceleration": {
        "device": "cpu",
        "metal": False,
        "healthy": True,
        "fallbacks": 0,
        "neural_engine": False,
        "reason": "...",
        "cpu": "...",
    },
    "database": {"status": "ok"},
    "audit": {"status": "ok", "checked_at": TIME, "faults": []},
    "scheduler": {"status": "waiting", "last_check": TIME, "next_check": TIME, "due": 0, "running": 0},
    "warnings": [],
    "version": "0.1.0",
}
PROBE = {"status": "alive"}
ENGINE_METRICS = {
    "optimizations_per_hour": 18.5,
    "rebalances_per_hour": 10.7,
    "total_optimizations": 156,
    "total_rebalances": 89,
    "portfolios_managed": 12,
    "avg_portfolio_value": 204166.67,
    "total_aum": 2450000.0,
    "cache_efficiency": 0.87,
    "engine_type": "portfolio_optimization",
    "containerized": False,
    "optimization_time_ms": 15.3,
    "optimization_duration_seconds": 0.0153,
    "acceleration": "cpu",
}
EVENT = {
    "id": "7",
    "event": "portfolio.rebalanced",
    "data": '{"topic":"portfolio.rebalanced","payload":{"portfolio_id":"port_1f3a5c7e9b0d","trades_executed":5,'
    '"total_turnover":61250.4,"execution_cost":61.25,"reason":"request","timestamp":"2025-08-25T15:00:00Z"}}',
}
PROMETHEUS = 'portfolio_total_value{portfolio_id="port_1f3a5c7e9b0d"} 250375.0\n'
ROOT = {"name": "Portfolio Engine", "version": "0.1.0", "portfolios": 12, "links": {"docs": "/docs"}}
