"""Has a kernel become slow? `./run bench speed` compares with bench/speed.json; `--renew` writes that file.

Every kernel is timed in turn with two pieces of NumPy work that do not depend on us: a matrix product and passes over
vectors. What is compared is the ratio of the fastest samples, by the reference that is kinder, so that a loaded or an
older machine does not look like a regression; the band is wide for what remains. A system and processor family without
a baseline is measured and not judged.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import portfolio_engine as pe
from bench.kernels import returns
from portfolio_engine import kernels

BASELINE = Path(__file__).with_name("speed.json")
BAND = 3.0  # times the baseline's ratio
FOR_S = 1.2  # spent on each kernel and its references
Calls = dict[str, Callable[[], Any]]


def platform_name() -> str:
    """What a baseline is good for."""
    return f"{platform.system()} {platform.machine()}"


def references() -> Calls:
    """Work of about a millisecond: one bound by arithmetic, one by calls and memory."""
    rng = np.random.default_rng(1)
    left, right = rng.standard_normal((2, 256, 256))
    vector = rng.standard_normal(20_000)

    def passes() -> None:
        for _ in range(20):
            np.sqrt(np.abs(vector) + 1.0).sum()

    return {"product": lambda: left @ right, "passes": passes}


def work() -> Calls:
    """What users call most, at sizes that take from microseconds to tens of milliseconds."""
    calls: Calls = {}
    for n in (50, 500):
        observed = returns(1260, n)
        sigma = np.asarray(pe.covariance(observed, method="ledoit_wolf").matrix) * 252
        mu = observed.mean(axis=0) * 252
        given, rows = pe.Moments(mu, sigma), {"A": np.ones((1, n)), "b": np.ones(1), "lb": np.zeros(n)}
        calls |= {
            f"covariance {n}": lambda x=observed: pe.covariance(x),
            f"ledoit_wolf {n}": lambda x=observed: pe.covariance(x, method="ledoit_wolf"),
            f"eigh {n}": lambda s=sigma: pe.eigh(s),
            f"solve_qp {n}": lambda s=sigma, q=-mu / 2.5, rows=rows: pe.solve_qp(s, q, **rows),
            f"risk_parity {n}": lambda s=sigma: pe.risk_parity(s),
            f"max_sharpe {n}": lambda given=given: pe.optimize(given, "max_sharpe"),
            f"frontier {n}": lambda given=given: pe.efficient_frontier(given, 100),
        }
    observed = returns(1260, 50)
    mean, sigma = observed.mean(axis=0), np.cov(observed.T)
    linear = -np.stack([np.roll(mean, k) for k in range(100)]) * 252 / 2.5
    rows = {"A": np.ones((1, 50)), "b": np.ones(1), "lb": np.zeros(50), "ub": np.full(50, 0.1)}
    weights, daily = np.full(50, 0.02), returns(2520, 2)
    return calls | {
        "solve_qp_batch 100 x 50": lambda: pe.solve_qp_batch(sigma * 252, linear, **rows),
        "optimize from returns 50": lambda: pe.optimize(observed, "min_variance"),
        "performance 2520": lambda: pe.performance(daily[:, 0], daily[:, 1]),
        "simulate 100k x 50 float32": lambda: pe.simulate(mean, sigma, weights, scenarios=100_000, precision="float32"),
    }


def fastest(calls: Calls, seconds: float) -> dict[str, float]:
    """The least time of each, in turn until the seconds are spent; at least three rounds."""
    best = dict.fromkeys(calls, np.inf)
    began, rounds = time.perf_counter(), 0
    while rounds < 3 or time.perf_counter() - began < seconds:
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - start)
        rounds += 1
    return best


def measure(seconds: float) -> dict[str, dict[str, float]]:
    """For each kernel its time over each reference's."""
    against = references()
    ratios = {}
    for name, call in work().items():
        call()
        took = fastest({name: call} | against, seconds)
        ratios[name] = {reference: took[name] / took[reference] for reference in against}
    return ratios


def slower(now: Mapping[str, Mapping[str, float]], then: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """How many times the baseline each kernel takes, of those measured both times."""
    return {name: min(now[name][r] / then[name][r] for r in then[name]) for name in then if name in now}


def main() -> int:
    """Command line; 1 where a kernel is beyond the band, or the baseline names one that is gone."""
    parser = argparse.ArgumentParser(prog="./run bench speed", description=__doc__)
    parser.add_argument("--renew", action="store_true", help="write the baseline of this system and processor family")
    parser.add_argument("--seconds", type=float, default=FOR_S, help=f"for each kernel (default {FOR_S})")
    options = parser.parse_args()
    kernels.set_num_threads(1)
    baselines = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    now = measure(options.seconds)
    if options.renew:
        rounded = {name: {r: float(f"{v:.3g}") for r, v in ratios.items()} for name, ratios in now.items()}
        BASELINE.write_text(json.dumps(baselines | {platform_name(): rounded}, indent=1) + "\n")
        print(f"written: {BASELINE.name}, {platform_name()}")
        return 0
    then = baselines.get(platform_name())
    if then is None:
        print(json.dumps(now, indent=1))
        print(f"{platform_name()} has no baseline; on a quiet machine: ./run bench speed --renew")
        return 0
    times = slower(now, then)
    for name, factor in times.items():
        print(f"{name:<30}{factor:6.2f} times the baseline{'  TOO SLOW' if factor > BAND else ''}")
    gone = sorted(set(then) - set(now))
    if gone:
        print(f"in the baseline, but not measured: {', '.join(gone)}")
    return int(bool(gone) or any(factor > BAND for factor in times.values()))


if __name__ == "__main__":
    raise SystemExit(main())
