"""Portfolio construction: native kernels, moments, optimisation, frontier, rebalancing and backtests."""

from importlib.metadata import version as _version

from portfolio_engine._optimize import optimize, optimize_batch
from portfolio_engine._selftest import SelfTest, selftest
from portfolio_engine._tally import Computation, Tally, computations
from portfolio_engine.allocation import Allocation, Residuals, Violation
from portfolio_engine.backtest import Backtest, Rebalance, backtest
from portfolio_engine.black_litterman import View, black_litterman
from portfolio_engine.cancel import CancelToken
from portfolio_engine.constraints import Constraints, Linear
from portfolio_engine.corner_portfolios import Corners, FrontierPoint
from portfolio_engine.covariance import Covariance, covariance, covariance_batch
from portfolio_engine.cvar import CVaRSolution, solve_cvar
from portfolio_engine.devices import (
    DeviceHealth,
    DeviceInfo,
    available_devices,
    default_device,
    metal_health,
    set_default_device,
)
from portfolio_engine.eigh import Eigh, NearestPSD, eigh, eigh_batch, eigvalsh, nearest_psd
from portfolio_engine.errors import CancelledError, FeasibleRange, InfeasibleError, SolverError
from portfolio_engine.expanding import ExpandingPerformance, expanding_performance
from portfolio_engine.factor_covariance import FactorCovariance
from portfolio_engine.frontier import Frontier, efficient_frontier
from portfolio_engine.moments import Moments, estimate_moments, prices_to_returns
from portfolio_engine.money_weighted import MoneyWeightedReturn, money_weighted_return
from portfolio_engine.performance import Drawdown, Performance, PerformanceTable, performance, performance_batch
from portfolio_engine.qp import QPSolution, QPSolutions, solve_qp, solve_qp_batch
from portfolio_engine.rebalance import RebalancePlan, Trade, plan_rebalance
from portfolio_engine.risk import (
    FactorExposure,
    RiskDecomposition,
    TailRisk,
    correlation,
    factor_exposure,
    gaussian_tail_risk,
    risk_decomposition,
    tail_risk,
)
from portfolio_engine.risk_parity import RiskParity, risk_parity, risk_parity_batch
from portfolio_engine.risk_table import RiskTable, risk_table
from portfolio_engine.rolling import RollingPerformance, rolling_performance
from portfolio_engine.simulate import Simulation, simulate, simulate_bootstrap
from portfolio_engine.stress import conditional_returns, stress_covariance
from portfolio_engine.time_weighted import TimeWeightedReturn, time_weighted_return

__version__ = _version("portfolio-engine")

__all__ = [
    "Allocation",
    "Backtest",
    "CVaRSolution",
    "CancelToken",
    "CancelledError",
    "Computation",
    "Constraints",
    "Corners",
    "Covariance",
    "DeviceHealth",
    "DeviceInfo",
    "Drawdown",
    "Eigh",
    "ExpandingPerformance",
    "FactorCovariance",
    "FactorExposure",
    "FeasibleRange",
    "Frontier",
    "FrontierPoint",
    "InfeasibleError",
    "Linear",
    "Moments",
    "MoneyWeightedReturn",
    "NearestPSD",
    "Performance",
    "PerformanceTable",
    "QPSolution",
    "QPSolutions",
    "Rebalance",
    "RebalancePlan",
    "Residuals",
    "RiskDecomposition",
    "RiskParity",
    "RiskTable",
    "RollingPerformance",
    "SelfTest",
    "Simulation",
    "SolverError",
    "TailRisk",
    "Tally",
    "TimeWeightedReturn",
    "Trade",
    "View",
    "Violation",
    "__version__",
    "available_devices",
    "backtest",
    "black_litterman",
    "computations",
    "conditional_returns",
    "correlation",
    "covariance",
    "covariance_batch",
    "default_device",
    "efficient_frontier",
    "eigh",
    "eigh_batch",
    "eigvalsh",
    "estimate_moments",
    "expanding_performance",
    "factor_exposure",
    "gaussian_tail_risk",
    "metal_health",
    "money_weighted_return",
    "nearest_psd",
    "optimize",
    "optimize_batch",
    "performance",
    "performance_batch",
    "plan_rebalance",
    "prices_to_returns",
    "risk_decomposition",
    "risk_parity",
    "risk_parity_batch",
    "risk_table",
    "rolling_performance",
    "selftest",
    "set_default_device",
    "simulate",
    "simulate_bootstrap",
    "solve_cvar",
    "solve_qp",
    "solve_qp_batch",
    "stress_covariance",
    "tail_risk",
    "time_weighted_return",
]
