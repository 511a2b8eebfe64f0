"""Times the kernels as a Python caller sees them: median and spread of repeated calls, with the accuracy reached.

`./run bench` prints a table, `./run bench --json FILE` also writes it down with the machine's description. These are
our own times on this machine only: no comparison, no claim.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import portfolio_engine as pe
from portfolio_engine import kernels

Case = tuple[str, str, Callable[[], Any], Callable[[Any], str]]


def returns(observations: int, assets: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Daily returns of a seeded factor model: one market, five sectors, own noise."""
    rng = np.random.default_rng(7)
    market = 0.009 * rng.standard_normal((observations, 1))
    sectors = 0.006 * rng.standard_normal((observations, 5))
    own = rng.standard_normal((observations, assets)) * rng.uniform(0.008, 0.02, assets)
    return 0.0003 + market * rng.uniform(0.6, 1.4, assets) + sectors[:, np.arange(assets) % 5] + own


def gap(result: Any) -> str:
    """A solver's own word on its answer; a failed solve is shown, not timed away."""
    return f"{result.status}, gap {result.gap:.0e}"


def silent(_result: Any) -> str:
    """For kernels whose answer is exact up to rounding."""
    return ""


def cases(quick: bool) -> Iterator[Case]:
    """(kernel, size, call, what the result says of itself)."""
    for n in (50,) if quick else (50, 500):
        observed = returns(1260, n)
        estimate = pe.covariance(observed, method="ledoit_wolf")
        sigma, mu = np.asarray(estimate.matrix) * 252, observed.mean(axis=0) * 252
        budget: dict[str, Any] = {"A": np.ones((1, n)), "b": np.ones(1), "lb": np.zeros(n)}
        caps = (np.arange(n)[None, :] % 11 == np.arange(11)[:, None]).astype(float)
        size = f"n={n}"
        yield "covariance sample", f"1260x{n}", lambda x=observed: pe.covariance(x), silent
        yield (
            "covariance ledoit_wolf",
            f"1260x{n}",
            lambda x=observed: pe.covariance(x, method="ledoit_wolf"),
            lambda r: f"shrinkage {r.shrinkage:.3f}",
        )
        yield (
            "eigh",
            size,
            lambda s=sigma: pe.eigh(s),
            lambda r, s=sigma: f"residual {np.abs(s @ r.vectors - r.vectors * r.values).max() / r.values[-1]:.0e}",
        )
        yield "solve_qp budget", size, lambda s=sigma, m=mu, k=budget: pe.solve_qp(s, -m / 2.5, **k), gap
        yield (
            "solve_qp 11 sector caps",
            size,
            lambda s=sigma, m=mu, k=budget, g=caps: pe.solve_qp(s, -m / 2.5, g, np.full(11, 0.2), **k),
            gap,
        )
        yield (
            "risk_parity",
            size,
            lambda s=sigma: pe.risk_parity(s),
            lambda r: f"{r.status}, error {r.max_error:.0e}",
        )
        yield (
            "efficient_frontier 50 points",
            size,
            lambda s=sigma, m=mu: pe.efficient_frontier(pe.Moments(m, s), points=50),
            silent,
        )
    scenarios = 100_000 if quick else 1_000_000
    n, observed = 50, returns(1260, 50)
    mean, cov, weights = observed.mean(axis=0), np.cov(observed.T), np.full(50, 0.02)
    for precision in ("float32", "float64"):
        yield (
            f"simulate {precision}",
            f"{scenarios}x1x{n}",
            lambda p=precision: pe.simulate(mean, cov, weights, scenarios=scenarios, horizon=1, precision=p, seed=1),
            silent,
        )
    for days in (252, 2520):
        series = returns(days, 2)
        yield "performance", f"T={days}", lambda x=series: pe.performance(x[:, 0], x[:, 1]), silent


def measure(call: Callable[[], Any], budget: float) -> tuple[list[float], Any]:
    """Seconds of each of at least three calls after one warm-up, until the budget is spent."""
    result = call()
    times: list[float] = []
    while len(times) < 3 or (sum(times) < budget and len(times) < 1000):
        began = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - began)
    return times, result


def machine() -> dict[str, Any]:
    """What a reader needs to judge the figures."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        names = [x for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")]
        model = names[0].split(":")[1].strip() if names else model
    elif platform.system() == "Darwin":
        model = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=True
        ).stdout.strip()
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "threads": kernels.num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "portfolio_engine": pe.__version__,
        "load": os.getloadavg()[0],
    }


def main() -> None:
    """Command line of `./run bench`."""
    parser = argparse.ArgumentParser(prog="./run bench", description="Time the kernels on this machine.")
    parser.add_argument("--quick", action="store_true", help="small sizes only")
    parser.add_argument("--seconds", type=float, default=1.0, help="time spent on each case (default 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    options = parser.parse_args()
    about = machine()
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print(f"\n{'kernel':<30}{'size':<16}{'median ms':>11}{'fastest':>11}{'slowest':>11}{'calls':>7}  outcome")
    rows: list[dict[str, Any]] = []
    for kernel, size, call, outcome in cases(options.quick):
        times, result = measure(call, options.seconds)
        middle, low, high = (1e3 * value for value in (statistics.median(times), min(times), max(times)))
        said = outcome(result)
        print(f"{kernel:<30}{size:<16}{middle:>11.3f}{low:>11.3f}{high:>11.3f}{len(times):>7}  {said}", flush=True)
        rows.append({"kernel": kernel, "size": size, "milliseconds": middle, "fastest": low, "outcome": said})
    if options.json:
        options.json.write_text(json.dumps({"machine": about, "results": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
