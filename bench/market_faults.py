"""Row 13 with the times as they ship: a real service, a fault proxy, a real market data server.

.venv/bin/python -m bench.market_faults
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from bench.promises import Row, machine_line, table
from tests.service.conftest import TECH, start_market_data, start_server
from tests.service.fault_proxy import FaultProxy
from tests.service.test_market_faults import HELD_BACK, PART, PROMISED

AWAY_S = 3.0  # how long a fault lasts once it is noticed


def main() -> int:
    """Prints the table; 0 when every promise is met."""
    folder = Path(tempfile.mkdtemp(prefix="market-faults-"))
    rows: list[Row] = []
    with start_market_data(folder) as source, FaultProxy(source.url) as proxy:
        server = start_server(folder, MARKET_DATA_PROVIDER="engine", MARKET_DATA_URL=proxy.url)
        try:
            with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as http:
                body = {"portfolio_name": "Tech", "symbols": TECH, "initial_value": 250000}
                path = "/portfolios/" + http.post("/portfolios/with-symbols", json=body).json()["portfolio_id"]
                for fault in PROMISED:
                    rows += measured(http, proxy, fault, path)
        finally:
            server.stop()
    print(machine_line())
    print(table(rows))
    return 0 if all(row.met for row in rows) else 1


def measured(http: httpx.Client, proxy: FaultProxy, fault: str, path: str) -> list[Row]:
    """What one fault does, from a sound state back to one."""
    until(lambda: sound(http))
    before = state(http)
    proxy.set(fault)
    rows = []
    if fault in HELD_BACK:
        until(lambda: len(state(http)["held_back"]) == len(TECH))
    elif fault not in PART:
        took = until(lambda: state(http)["breaker_opened"] > before["breaker_opened"])
        failed = sum(state(http)["errors"].values()) - sum(before["errors"].values())
        # it opens with the fifth; up to three others were on their way
        rows.append(Row("13", f"{fault}: failed calls until the breaker opened", 8, failed, note=f"after {took:.1f} s"))
    held = http.get(path).json()["total_value"]
    time.sleep(AWAY_S)
    answer = http.get(path)
    if fault not in PART:
        moved = abs(answer.json()["total_value"] - held)
        rows.append(Row("13", f"{fault}: the value moved meanwhile by", 0, moved, note=f"GET {answer.status_code}"))
    proxy.set("ok")
    rows.append(Row("13", f"{fault}: used again after", 10, until(lambda: sound(http)), unit="s"))
    return rows


def state(http: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = http.get("/health").json()["market_data"]
    return found


def sound(http: httpx.Client) -> bool:
    """Prices come in again and nothing is held back."""
    found = state(http)
    recent = found["last_update_age_s"] is not None and found["last_update_age_s"] < 1.5
    return bool(found["breaker"] == "closed" and found["status"] == "ok" and not found["held_back"] and recent)


def until(holds: Callable[[], bool], within_s: float = 20) -> float:
    """Seconds until it holds."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > within_s:
            return float("nan")
        time.sleep(0.05)
    return time.monotonic() - began


if __name__ == "__main__":
    raise SystemExit(main())
