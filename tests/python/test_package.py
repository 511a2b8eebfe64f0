"""The public face of the library."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import portfolio_engine

DOCUMENTED = {
    "available_devices", "covariance", "eigh", "nearest_psd", "solve_qp", "solve_qp_batch", "risk_parity", "simulate",
    "performance", "estimate_moments", "Moments", "black_litterman", "Constraints", "optimize", "Allocation",
    "efficient_frontier", "Frontier", "plan_rebalance", "RebalancePlan", "backtest", "Backtest",
}  # fmt: skip


def test_documented_names_are_public_and_documented() -> None:
    assert set(portfolio_engine.__all__) >= DOCUMENTED
    for name in portfolio_engine.__all__:
        thing = getattr(portfolio_engine, name)
        assert name == "__version__" or (callable(thing) and thing.__doc__), name
    assert portfolio_engine.__version__ == version("portfolio-engine")


def test_importing_needs_numpy_only() -> None:
    code = (
        "import sys, portfolio_engine\n"
        "heavy = {'pandas', 'scipy', 'matplotlib', 'fastapi', 'portfolio_service'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
