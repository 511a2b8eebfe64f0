"""The load of `./run bench load` in small: what must not depend on the machine's speed is asserted, times are not."""

from __future__ import annotations

import pytest

from bench.load import Plan, run, simulated_symbols

TIMES = {"s", "ms"}


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_load_overload_stop_and_restart_lose_no_request() -> None:
    symbols = simulated_symbols()[:40]
    rows = await run(Plan(portfolios=60, positions=20, clients=40, seconds=6, symbols=symbols))
    assert {row.number for row in rows} == {"10", "11", "12", "16", "17", "18"}
    wrong = [row.cells() for row in rows if not row.met and row.unit not in TIMES]
    assert wrong == []
    (stopped,) = [row for row in rows if row.what.startswith("seconds until it has stopped")]
    assert stopped.met
