"""Statistics of samples that are never in memory: exact, whatever the size, and bounded."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from portfolio_engine import kernels, simulate

MEAN = np.array([0.004, -0.002])
COVARIANCE = np.array([[0.0025, 0.0006], [0.0006, 0.0081]])
WEIGHTS = np.array([0.4, 0.5])
LEVELS = (0.0001, 0.01, 0.05, 0.5, 0.95, 0.999)


@pytest.mark.parametrize("count", [2, 3, 511, 8192, 8193, 16_385, 300_000, 1_000_000])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.9999])
def test_exact_at_every_size(count: int, confidence: float) -> None:
    """Around the sizes of the rounds: order statistics equal NumPy's, tails and moments to rounding."""
    got = simulate(
        MEAN,
        COVARIANCE,
        WEIGHTS,
        scenarios=count,
        confidence=confidence,
        quantiles=LEVELS,
        keep_values=True,
        seed=count,
    )
    assert got.values is not None
    v = np.sort(got.values)
    for level, value in got.quantiles.items():
        assert value == pytest.approx(np.quantile(v, level), rel=1e-15)
    assert got.value_at_risk == pytest.approx(np.quantile(v, 1 - confidence) - 1, abs=1e-14)
    mass = max((1 - confidence) * count, 1.0)
    whole = int(mass)
    part = (mass - whole) * v[whole] if whole < count else 0.0
    assert got.conditional_value_at_risk == pytest.approx((v[:whole].sum() + part) / mass - 1, abs=1e-13)
    assert got.mean == pytest.approx(v.mean() - 1, abs=1e-13)
    assert got.volatility == pytest.approx(v.std(ddof=1), rel=1e-11)
    without = simulate(MEAN, COVARIANCE, WEIGHTS, scenarios=count, confidence=confidence, quantiles=LEVELS, seed=count)
    assert without.conditional_value_at_risk == got.conditional_value_at_risk
    assert without.quantiles_se == got.quantiles_se


@pytest.mark.parametrize("value", ["constant", "overflow"])
def test_extreme_values(value: str) -> None:
    """No variance: every value is the same. Growth beyond float64 on both sides: an error, not a number."""
    if value == "constant":
        got = simulate([0.1], [[0.0]], [1.0], scenarios=100_000, horizon=2)
        assert got.value_at_risk == got.conditional_value_at_risk == pytest.approx(0.21, abs=1e-12)
        assert set(got.quantiles.values()) == {got.quantiles[0.5]} == {1 + got.value_at_risk}
        return
    with pytest.raises(ValueError, match="values within the range of float64"):
        simulate([9.0, 9.0], np.zeros((2, 2)), [1.0, -1.0], scenarios=20_000, horizon=400)


def test_memory_does_not_grow_with_the_scenarios() -> None:
    """Peak memory of a process that simulates thirty times as many scenarios is less than 3 MiB more."""
    program = (
        "import resource, sys; from portfolio_engine import simulate, kernels; kernels.set_num_threads(2);"
        "run = lambda n: simulate([0.0], [[0.01]], [1.0], scenarios=n, precision='float32', device='cpu');"
        "run(200_000); before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; run(6_000_000);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(run.stdout) * unit < 3 * 2**20  # an array of the values alone would be 48 MB


def answers(level: str) -> tuple[int, str, str]:
    """Exit status, hash of what every kind of simulation gives, errors, under one instruction level."""
    program = """
import hashlib, numpy as np
from portfolio_engine import simulate, simulate_bootstrap
rng = np.random.default_rng(3); f = rng.normal(0, 0.02, (13, 5)); c = f @ f.T + 1e-4 * np.eye(13); w = rng.random(13)
h = hashlib.sha256()
for precision in ("float32", "float64"):
    for distribution in ("normal", "student_t") + (("lognormal",) if precision == "float32" else ()):
        for rebalanced in (True, False):
            r = simulate(f[:, 0], c, w, scenarios=700, horizon=3, distribution=distribution, precision=precision,
                         rebalanced=rebalanced, keep_values=True, keep_returns=True)
            h.update(r.values.tobytes() + r.returns.tobytes())
    r = simulate_bootstrap(f, w[:5], scenarios=700, horizon=3, block_length=2, precision=precision, keep_values=True)
    h.update(r.values.tobytes())
print(h.hexdigest())
"""
    environment: dict[str, Any] = {**os.environ, "PORTFOLIO_SIMD": level}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)
    return run.returncode, run.stdout.strip(), run.stderr


def test_levels_give_the_same_values() -> None:
    """Bit for bit where the processor fuses products; the baseline of x86-64 rounds them twice."""
    hashes = {}
    for level in ("avx2", "avx512"):
        code, digest, errors = answers(level)
        if code == 0:
            hashes[level] = digest
        else:
            assert f'on this processor, got "{level}"' in errors
    assert len(set(hashes.values())) <= 1
    code, digest, errors = answers("baseline")
    assert code == 0, errors
    assert kernels.simd_level() in {"baseline", *hashes}


def test_the_baseline_agrees_to_rounding() -> None:
    program = (
        "import numpy as np; from portfolio_engine import simulate;"
        "f = np.random.default_rng(0).normal(0, 0.02, (9, 9));"
        "print(*(repr(simulate(f[0], f @ f.T, np.full(9, 0.1), scenarios=500, horizon=2, precision=p).value_at_risk)"
        " for p in ('float32', 'float64')))"
    )
    found = []
    for level in ("baseline", ""):
        run = subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PORTFOLIO_SIMD": level},
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        found.append([float(word) for word in run.stdout.split()])
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-13)
