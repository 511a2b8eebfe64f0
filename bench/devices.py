"""CPU, GPU and MLX side by side on the contract's own claims; `./run bench devices` writes docs/benchmarks.md.

Each figure is the median of repeated calls on the machine it names. A cell is empty until somebody has measured it
there: an emulated GPU is never timed, and what a device hands to another is not counted as its own. MLX runs the same
work where it has a function for it, on its default device.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import portfolio_engine as pe
from bench import devices_mlx
from bench.devices_page import page
from bench.figure import median_ms
from bench.kernels import machine, returns
from bench.promises import ROOT, commit, machine_name
from portfolio_engine import kernels

RECORD = ROOT / "docs" / "benchmarks.json"
USED = ("device", "device_reason")


@dataclass(frozen=True)
class Claim:
    """A piece of work: what the contract says of it, and how to do it on a device."""

    what: str
    size: str
    contract_ms: float | None
    call: Callable[[str], Any]
    mlx: Callable[[], Any] | None = None


def claims() -> Iterator[Claim]:
    """The contract's five, and the batches that a GPU is for."""
    observed = returns(756, 500)
    sigma = np.asarray(pe.covariance(observed, method="ledoit_wolf", device="cpu").matrix) * 252
    mu = observed.mean(axis=0) * 252
    yield Claim(
        "covariance", "500 assets x 756 days, sample", 8, lambda d: pe.covariance(observed, device=d),
        devices_mlx.covariance(observed),
    )  # fmt: skip
    yield Claim("eigendecomposition", "500 x 500", 12, lambda d: pe.eigh(sigma, device=d), devices_mlx.eigh(sigma))
    for n in (50, 500):
        rows: dict[str, Any] = {"A": np.ones((1, n)), "b": np.ones(1), "lb": np.zeros(n), "ub": np.ones(n)}
        P, q = sigma[:n, :n], -mu[:n] / 2.5
        yield Claim(
            "quadratic program", f"{n} assets, long-only", 15,
            lambda d, P=P, q=q, rows=rows: pe.solve_qp(P, q, **rows, device=d),
        )  # fmt: skip
    yield from simulations(observed[:, :50])
    moments = pe.Moments(mu[:50], sigma[:50, :50])
    frontier = "50 points, 50 assets"
    yield Claim("efficient frontier", frontier, 25, lambda d: pe.efficient_frontier(moments, 50, device=d))
    yield from batches()


def simulations(observed: np.ndarray) -> Iterator[Claim]:
    """A million scenarios of one day."""
    mean, sigma, weights = observed.mean(axis=0), np.cov(observed.T), np.full(50, 0.02)
    given: dict[str, Any] = {"scenarios": 1_000_000, "seed": 1}
    for precision in ("float32", "float64"):
        yield Claim(
            "Monte Carlo", f"1,000,000 x 50 assets, 1 day, {precision}", 50,
            lambda d, p=precision: pe.simulate(mean, sigma, weights, precision=p, device=d, **given),
            devices_mlx.simulation(mean, sigma, weights, 1_000_000) if precision == "float32" else None,
        )  # fmt: skip


def batches() -> Iterator[Claim]:
    """Many small problems in one call; the contract says nothing of them."""
    tables = [returns(252, 50) + 0.001 * k for k in range(200)]
    sigmas = np.stack([np.cov(table.T) * 252 for table in tables])
    rows: dict[str, Any] = {"A": np.ones((1, 50)), "b": np.ones(1), "lb": np.zeros(50), "ub": np.full(50, 0.1)}
    q = -np.stack([np.roll(tables[0].mean(axis=0) * 252, k) for k in range(1000)]) / 2.5
    small = np.stack([sigma[:16, :16] for sigma in sigmas] * 20)
    yield Claim("covariances", "200 of 252 x 50", None, lambda d: pe.covariance_batch(tables, device=d))
    yield Claim("eigendecompositions", "4,000 of 16 x 16", None, lambda d: pe.eigh_batch(small, device=d))
    yield Claim(
        "quadratic programs", "1,000 of 50 assets, one covariance", None,
        lambda d: pe.solve_qp_batch(sigmas[0], q, **rows, device=d),
    )  # fmt: skip
    given: dict[str, Any] = {"tolerance": 1e-10, "max_iterations": 1000}
    yield Claim(
        "risk parities", "200 of 50 assets", None,
        lambda d: kernels.risk_parity_batch(list(sigmas), [None] * len(sigmas), **given, device=d),
    )  # fmt: skip


def measure(claim: Claim, gpu: bool) -> dict[str, float | str]:
    """Milliseconds by column; a text where the column has none, which says why."""
    found: dict[str, float | str] = {"cpu": round(median_ms(lambda _: claim.call("cpu")), 3)}
    if gpu:
        used = claim.call("metal")
        first = used[0] if isinstance(used, list) else used
        device, why = (first[name] if isinstance(first, dict) else getattr(first, name) for name in USED)
        own = device == "metal"
        found["metal"] = round(median_ms(lambda _: claim.call("metal")), 3) if own else f"CPU: {why}"
    if devices_mlx.available():
        work = claim.mlx
        found["mlx"] = "no such function" if work is None else round(median_ms(lambda _: work()), 3)
    return found


def main() -> int:
    """Command line; docs/benchmarks.json keeps one record for each machine."""
    parser = argparse.ArgumentParser(prog="./run bench devices", description=__doc__)
    parser.add_argument("--print", action="store_true", dest="only_print", help="leave docs alone")
    parser.add_argument("--render", action="store_true", help="write the page again from the record, measure nothing")
    parser.add_argument("--record", type=Path, default=RECORD, help="the record to add to")
    options = parser.parse_args()
    records: dict[str, Any] = json.loads(options.record.read_text()) if options.record.exists() else {}
    if not options.render:
        health = pe.metal_health()
        gpu = health.available and not health.emulated
        print(f"{machine_name()}; GPU: {health.name if gpu else 'not measured here: ' + health.reason}", flush=True)
        rows: list[dict[str, Any]] = []
        for claim in claims():
            rows.append({"what": claim.what, "size": claim.size, "contract": claim.contract_ms} | measure(claim, gpu))
            print("  ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
        about: dict[str, Any] = {"commit": commit(), "load": round(machine()["load"], 1)}
        about |= {"gpu": health.name if gpu else "", "mlx": devices_mlx.version()}
        records[machine_name()] = {**about, "rows": rows}
    if not options.only_print:
        options.record.write_text(json.dumps(records, indent=1) + "\n")
        options.record.with_suffix(".md").write_text(page(records))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
