"""One file a method; importing this package registers them in the documented order."""

from portfolio_engine._optimize.methods import (  # isort: skip
    mean_variance,
    risk_parity,
    min_variance,
    max_sharpe,
    black_litterman,
    equal_weight,
    inverse_volatility,
    min_cvar,
)

__all__ = [
    "black_litterman",
    "equal_weight",
    "inverse_volatility",
    "max_sharpe",
    "mean_variance",
    "min_cvar",
    "min_variance",
    "risk_parity",
]
