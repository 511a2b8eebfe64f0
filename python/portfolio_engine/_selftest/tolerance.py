"""The one table of how exact every kernel is on every device: docs/numerics says why, tests/parity holds them to it."""

from __future__ import annotations

# kernel -> device -> largest error, in the measure of _selftest/reference.py: relative to the size of the answer
TOLERANCE: dict[str, dict[str, float]] = {
    "covariance": {"cpu": 1e-12, "metal": 1e-6},  # of the product of the two volatilities
    "covariance_batch": {"cpu": 1e-12, "metal": 1e-6},
    "eigh": {"cpu": 1e-11, "metal": 1e-11},  # residual, orthogonality, values; refined in float64
    "eigh_batch": {"cpu": 1e-11, "metal": 1e-11},
    "nearest_psd": {"cpu": 1e-11, "metal": 1e-11},
    "solve_qp": {"cpu": 1e-8, "metal": 1e-8},  # every KKT residual: polished and certified in float64
    "solve_qp_batch": {"cpu": 1e-8, "metal": 1e-8},
    "efficient_frontier": {"cpu": 1e-7, "metal": 1e-7},  # weights, against the closed form on the assets held
    "risk_parity": {"cpu": 1e-9, "metal": 1e-9},  # share of the variance
    "risk_parity_batch": {"cpu": 1e-9, "metal": 1e-9},
    "standard_normals float32": {"cpu": 5e-6, "metal": 5e-6},  # of the largest; 24 bits of the uniform near 1
    "standard_normals float64": {"cpu": 1e-14, "metal": 1e-14},
    "simulate float32": {"cpu": 1e-6, "metal": 1e-6},  # terminal value of each scenario
    "simulate float64": {"cpu": 1e-12, "metal": 1e-12},
    "simulate_bootstrap": {"cpu": 1e-12, "metal": 1e-12},  # each scenario is a day of history, its value that day's
    "solve_cvar": {"cpu": 1e-9, "metal": 1e-9},  # stationarity, budget, and CVaR recomputed from the sorted losses
    "performance": {"cpu": 1e-10, "metal": 1e-10},
    "performance_batch": {"cpu": 1e-10, "metal": 1e-10},
    "rolling_performance": {"cpu": 1e-10, "metal": 1e-10},
}
