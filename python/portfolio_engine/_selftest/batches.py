"""The self-test's batches: many small problems in one call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from portfolio_engine import kernels
from portfolio_engine._selftest import reference
from portfolio_engine._selftest.case import Case, returns
from portfolio_engine.covariance import covariance_batch
from portfolio_engine.eigh import eigh_batch
from portfolio_engine.qp import solve_qp_batch


def batches(count: int, n: int = 30) -> Iterator[Case]:
    """`count` problems of `n` assets for every batched kernel."""
    tables = [returns(120, n, seed) for seed in range(count)]
    sigmas = np.stack([np.cov(table, rowvar=False) * 252 for table in tables])
    means = np.stack([table.mean(axis=0) * 252 for table in tables])
    size = f"{count} of {n}"
    scales = [np.sqrt(np.outer(np.diag(sigma), np.diag(sigma))) for sigma in sigmas]
    yield Case(
        "covariance_batch",
        f"{count} of 120 x {n}",
        lambda device: covariance_batch(tables, device=device),
        lambda got: max(
            reference.covariance_error(one.matrix, sigma / 252) for one, sigma in zip(got, sigmas, strict=True)
        ),
        lambda got: [252 * one.matrix / scale for one, scale in zip(got, scales, strict=True)],
    )
    yield Case(
        "eigh_batch",
        f"{size} x {n}",
        lambda device: eigh_batch(sigmas, device=device),
        lambda got: max(
            reference.eigh_error(sigma, one.values, one.vectors) for one, sigma in zip(got, sigmas, strict=True)
        ),
        lambda got: [one.values / one.values[-1] for one in got],
    )
    given: dict[str, Any] = {"A": np.ones((1, n)), "b": np.ones(1), "lb": np.zeros(n), "ub": np.full(n, 0.2)}
    yield Case(
        "solve_qp_batch",
        f"{size} variables",
        lambda device: solve_qp_batch(sigmas, -means / 2.5, **given, device=device),
        lambda got: max(
            reference.kkt_error(one, sigma, -mean / 2.5, **given)
            for one, sigma, mean in zip(got, sigmas, means, strict=True)
        ),
        lambda got: [one.objective / (1 + abs(one.objective)) for one in got],
    )
    yield Case(
        "risk_parity_batch",
        f"{size} assets",
        lambda device: kernels.risk_parity_batch(
            list(sigmas), [None] * count, tolerance=1e-10, max_iterations=1000, device=device
        ),
        lambda got: max(
            reference.risk_parity_error(sigma, one["weights"], np.ones(n))
            for one, sigma in zip(got, sigmas, strict=True)
        ),
        lambda got: [one["weights"] for one in got],
    )
