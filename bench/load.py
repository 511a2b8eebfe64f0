"""Load, overload, stop and restart of a real service with 1000 portfolios of 50 positions, as a table of promises.

`python -m bench.load` takes about four minutes; `--seconds`, `--portfolios` and `--clients` make it smaller. All
traffic stays on loopback. The clients run in a process of their own on the same machine, so that they take from the
service what they use.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from bench.kernels import returns
from bench.promises import Row, machine_line, table
from bench.served import Served
from bench.traffic import Client, Tally, create, visitor

BIG = 500  # assets of the optimisation that runs meanwhile


@dataclass
class Plan:
    """Sizes of one run."""

    portfolios: int = 1000
    positions: int = 50
    clients: int = 200
    seconds: float = 60
    pause_s: float = 1.0
    database: str | None = None
    symbols: list[str] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.database} if self.database else {}


def simulated_symbols() -> list[str]:
    """What the simulated market knows."""
    from portfolio_service.adapters.market_data.simulated_model import shared_history

    return list(shared_history().columns)


def market_file(folder: Path, assets: int = BIG + 20) -> Path:
    """A file of made-up daily prices of more symbols than the simulated market has."""
    names = ["SPY", "AAPL", "MSFT", "GOOGL", *(f"N{k:03d}" for k in range(assets - 4))]
    closes = 100 * np.cumprod(1 + returns(800, assets), axis=0)
    dates = pd.bdate_range(end=pd.Timestamp.now().normalize() - pd.Timedelta(days=1), periods=len(closes), name="date")
    path = folder / "prices.csv"
    pd.DataFrame(closes.round(4), index=dates, columns=names).to_csv(path)
    return path


async def optimise_on(
    client: Client, portfolio_id: str, symbols: Sequence[str], until: float, pause_s: float = 0
) -> None:
    """One optimisation of many assets after the other, never from the cache."""
    for k in range(100_000):
        if time.perf_counter() >= until:
            return
        body = {"method": "min_variance", "symbols": list(symbols), "lookback_days": 700 - k % 200}
        await client.call("optimize", "POST", f"/portfolios/{portfolio_id}/optimize", body, parse=False)
        await asyncio.sleep(pause_s)


async def traffic(url: str, ids: Sequence[str], plan: Plan, symbols: Sequence[str]) -> Tally:
    """All clients for the given time, while an optimisation over `symbols` runs."""
    tally, until = Tally(), time.perf_counter() + plan.seconds
    async with Client(url, tally, plan.clients + 10) as client:
        visitors = [visitor(client, ids, random.Random(k), until, plan.pause_s) for k in range(plan.clients)]
        await asyncio.gather(*visitors, optimise_on(client, ids[0], symbols, until))
    return tally


def said(tally: Tally) -> str:
    """The traffic in words."""
    worst = ", ".join(f"{error} x{count}" for error, count in tally.errors.most_common(3))
    return f"{tally.requests} requests, {tally.resets} resets" + (f"; {worst}" if worst else "")


async def live_books(service: Served, plan: Plan, base_mib: float) -> tuple[list[Row], list[str]]:
    """Row 10 on live ticks, and row 11 with an optimisation over all simulated symbols."""
    setup = Tally()
    began = time.perf_counter()
    async with Client(service.url, setup) as client:
        ids = await create(client, plan.portfolios, plan.symbols, plan.positions)
    created_s = time.perf_counter() - began
    each_mib = (service.memory_mib() - base_mib) / plan.portfolios
    walls = []
    for _ in range(5):
        began = time.perf_counter()
        listed = await asyncio.to_thread(service.get, "/portfolios?limit=1000")
        walls.append(time.perf_counter() - began)
    before = await asyncio.to_thread(loop_lag, service)
    tally = await traffic(service.url, ids, plan, plan.symbols)
    lag = lag_p99_ms(before, await asyncio.to_thread(loop_lag, service))
    after_mib = (service.memory_mib() - base_mib) / plan.portfolios
    count, size = f"{plan.portfolios} x {plan.positions}", f"{plan.clients} clients, {plan.seconds:g} s, live ticks"
    gets = tally.percentile_ms("read portfolio", 0.99)
    rows = [
        Row(
            "10", f"portfolios held ({count}, created in {created_s:.0f} s)", plan.portfolios, listed["count"], "least"
        ),
        Row("10", "all revalued exactly: GET /portfolios?limit=1000", 1.0, sorted(walls)[2], unit="s"),
        Row("10", f"p99 of GET /portfolios/ID, {size}", 100, gets, unit="ms", note=said(tally)),
        Row("10", "memory of a portfolio after creation", 2.3, each_mib, unit="MiB"),
        Row("10", "memory of a portfolio after the traffic", 2.3, after_mib, unit="MiB"),
        *traffic_rows(tally, lag, f"{size}, optimising {len(plan.symbols)} assets"),
    ]
    return rows, ids


def traffic_rows(tally: Tally, lag: float | None, size: str) -> list[Row]:
    """Row 11 of one stretch of traffic."""
    rows = [
        Row("11", f"errors ({size})", 0, sum(tally.errors.values()) + tally.refused, note=said(tally)),
        Row("11", f"p99 of reads ({size})", 250, tally.percentile_ms("read", 0.99), unit="ms"),
    ]
    if lag is not None:
        rows.append(Row("11", f"p99 of the event loop's lag ({size})", 50, lag, unit="ms"))
    return rows


def loop_lag(service: Served) -> dict[float, float]:
    """Cumulative counts of the service's own event-loop lag by bucket bound in seconds; empty where it has none."""
    found: dict[float, float] = {}
    for line in str(service.get("/metrics/prometheus")).splitlines():
        if "event_loop_lag_seconds_bucket" in line and not line.startswith("#"):
            bound = line.partition('le="')[2].partition('"')[0]
            found[float(bound.replace("+Inf", "inf"))] = float(line.rpartition(" ")[2])
    return found


def lag_p99_ms(before: dict[float, float], after: dict[float, float]) -> float | None:
    """The bucket bound below which 99 of 100 lags of the stretch lie: an upper bound of their p99."""
    counts = {bound: after[bound] - before.get(bound, 0.0) for bound in sorted(after)}
    total = max(counts.values(), default=0.0)
    return next((1e3 * bound for bound, count in counts.items() if total and count >= 0.99 * total), None)


async def big_optimisation(folder: Path, plan: Plan) -> list[Row]:
    """Row 11 while an optimisation of 500 assets runs, on made-up prices from a file."""
    prices = market_file(folder)
    names = [f"N{k:03d}" for k in range(BIG)]
    given = {"MARKET_DATA_PROVIDER": "files", "MARKET_DATA_DIR": str(prices)}
    with Served(folder / "files", **given) as service:
        async with Client(service.url, Tally()) as client:
            ids = await create(client, min(plan.portfolios, 200), ["AAPL", "MSFT", "GOOGL", *names], plan.positions)
        await asyncio.to_thread(service.get, "/portfolios?limit=1000")  # valued once, as the live books were
        before = await asyncio.to_thread(loop_lag, service)
        tally = await traffic(service.url, ids, plan, names)
        lag = lag_p99_ms(before, await asyncio.to_thread(loop_lag, service))
        service.stop()
    size = f"{plan.clients} clients, {plan.seconds:g} s, optimising {BIG} assets"
    done = len(tally.seconds.get("optimize", []))
    middle = tally.percentile_ms("optimize", 0.5)
    optimised = Row(
        "11", f"optimisations of {BIG} assets finished meanwhile", 1, done, "least", note=f"{middle:.0f} ms"
    )
    return [*traffic_rows(tally, lag, size), optimised]


async def run(plan: Plan) -> list[Row]:
    """Every row."""
    from bench import faults

    plan.symbols = plan.symbols or simulated_symbols()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Served(folder / "live", **plan.environment()) as service:
            base = service.memory_mib()
            say("creating, valuing, live traffic")
            found, ids = await live_books(service, plan, base)
            rows += found
            say("fifty rebalances of one portfolio at once")
            rows += await faults.one_portfolio(service, ids[1])
            say("overload")
            rows += await faults.overload(service, ids, plan)
            say("stop under load, restart")
            rows += await faults.stop_and_restart(service, ids, plan)
        say(f"traffic while {BIG} assets are optimised")
        rows += await big_optimisation(folder, plan)
    return sorted(rows, key=lambda row: int(row.number))


def say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S', time.gmtime())} {what}", flush=True)


def main() -> int:
    """Command line; 0 when every row is met."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--portfolios", type=int, default=1000)
    parser.add_argument("--positions", type=int, default=50)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument(
        "--pause", type=float, default=1.0, dest="pause_s", help="mean seconds between a client's calls"
    )
    parser.add_argument("--database", help="DATABASE_URL, default SQLite in a temporary folder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows here")
    options = parser.parse_args()
    given = {name: value for name, value in vars(options).items() if name != "json"}
    print(machine_line(), flush=True)
    rows = asyncio.run(run(Plan(**given)))
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
