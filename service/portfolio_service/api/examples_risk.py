"""Examples of the answers about risk, for the OpenAPI document; ids and numbers are illustrations."""

from __future__ import annotations

from typing import Any

from portfolio_service.api.examples import PORTFOLIO_ID, TIME

_LEVELS = {
    "max_position_weight": 0.2,
    "max_sector_weight": 0.3,
    "max_volatility": 0.25,
    "max_drawdown": 0.15,
    "max_leverage": 1.5,
    "max_var_95": 0.05,
}
LIMITS: dict[str, Any] = {
    "status": "limits",
    "portfolio_id": PORTFOLIO_ID,
    "limits": {
        name: {"warning": 0.9 * breach, "breach": breach, "enabled": name != "max_var_95"}
        for name, breach in _LEVELS.items()
    },
    "source": dict.fromkeys(_LEVELS, "default"),
    "version": 3,
}
LIMITS_UPDATED = {**LIMITS, "status": "limits_updated", "version": 4}
ALERT: dict[str, Any] = {
    "alert_id": "alert_0a1b2c3d4e5f",
    "portfolio_id": PORTFOLIO_ID,
    "limit": "max_position_weight",
    "subject": "AAPL",
    "severity": "breach",
    "level": 0.2,
    "value": 0.25,
    "message": "AAPL: max_position_weight is 0.25, the limit is 0.2",
    "status": "cleared",
    "raised_at": TIME,
    "cleared_at": TIME,
    "acknowledged_at": TIME,
    "acknowledged_by": "api",
    "note": "intended, see the mandate",
}
ALERTS = {"alerts": [ALERT], "count": 1}
STANDING = {
    "limit": "max_position_weight",
    "subject": "AAPL",
    "value": 0.25,
    "warning": 0.18,
    "breach": 0.2,
    "enabled": True,
    "state": "breach",
}
ESTIMATES = {
    "first_date": "2024-08-23",
    "last_date": "2025-08-22",
    "n_obs": 252,
    "source": "simulated",
    "symbols": ["AAPL", "MSFT"],
}


def _amount(amount: float, apple: float) -> dict[str, Any]:
    return {
        "amount": amount,
        "fraction": amount / 250_000,
        "standard_error": 310.5,
        "contributions": {"AAPL": apple, "MSFT": amount - apple},
    }


RISK = {
    "portfolio_id": PORTFOLIO_ID,
    "total_value": 250000.0,
    "cash_balance": 25000.0,
    "cash_weight": 0.1,
    "concentration": {
        "by_position": {"MSFT": 0.65, "AAPL": 0.25},
        "by_sector": {"Information Technology": 0.9},
        "hhi": 0.599,
        "effective_positions": 1.67,
    },
    "volatility": 0.168,
    "volatility_contributions": {"AAPL": 0.043, "MSFT": 0.125},
    "diversification_ratio": 1.21,
    "correlation": {
        "symbols": ["AAPL", "MSFT"],
        "values": [[1.0, 0.48], [0.48, 1.0]],
        "average": 0.48,
        "max_pair": {"symbols": ["AAPL", "MSFT"], "value": 0.48},
    },
    "value_at_risk": _amount(-3750.0, -1010.0),
    "conditional_value_at_risk": _amount(-4900.0, -1290.0),
    "reliable": True,
    "beta": 1.12,
    "limits": [STANDING],
    "estimates": ESTIMATES,
    "confidence": 0.95,
    "horizon_days": 1,
    "method": "historical",
    "lookback_days": 252,
    "valued_at": TIME,
    "version": 3,
}

_LOSS = {"pnl": -32500.0, "return": -0.2, "basis": "beta", "beta": 1.0}
STRESSED = {
    "status": "stress_tested",
    "portfolio_id": PORTFOLIO_ID,
    "total_value": 250000.0,
    "scenarios": [
        {
            "name": "market -20%",
            "kind": "factor",
            "pnl": -47500.0,
            "pnl_pct": -0.19,
            "total_value": 202500.0,
            "by_position": {"AAPL": {**_LOSS, "pnl": -15000.0, "return": -0.24, "beta": 1.2}, "MSFT": _LOSS},
            "by_sector": {"Information Technology": -47500.0},
            "worst_positions": [{"symbol": "MSFT", **_LOSS}],
            "proxied": [],
            "uncovered": [],
            "uncovered_weight": 0.0,
            "floored": [],
            "basis": {},
            "risk_after": {
                "volatility": 0.165,
                "value_at_risk": -0.0148,
                "conditional_value_at_risk": -0.0193,
                "var_95": -0.0148,
            },
            "limits_beyond": [{**STANDING, "state_before": "breach"}],
        }
    ],
    "count": 1,
    "not_covered": [],
    "estimates": ESTIMATES,
    "valued_at": TIME,
    "version": 3,
}
