"""Trading cost and turnover in solve_qp: against the program with bought and sold amounts, signs, slopes, edges."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from portfolio_engine.qp import QPSolution, solve_qp
from tests.python.test_qp_active_set import market

CASES = int(os.environ.get("PORTFOLIO_QP_TRADING", "40"))


def split(P: Any, q: Any, held: Any, trading_cost: Any, turnover: float, **rows: Any) -> dict[str, Any]:
    """The same program in (x, bought, sold): x - bought + sold = held."""
    n = len(q)
    eye, none = np.eye(n), np.zeros((n, n))
    wide = np.zeros((3 * n, 3 * n))
    wide[:n, :n] = P
    A = [np.hstack([eye, -eye, eye])]
    b = [np.asarray(held)]
    if rows.get("A") is not None:
        A.append(np.hstack([rows["A"], np.zeros((len(rows["b"]), 2 * n))]))
        b.append(rows["b"])
    G, h = [], []
    if rows.get("G") is not None:
        G.append(np.hstack([rows["G"], np.zeros((len(rows["h"]), 2 * n))]))
        h.append(rows["h"])
    if np.isfinite(turnover):
        G.append(np.r_[np.zeros(n), np.ones(2 * n)][None])
        h.append([turnover])
    assert none.shape == eye.shape
    return {
        "P": wide,
        "q": np.r_[q, trading_cost, trading_cost],
        "A": np.vstack(A),
        "b": np.concatenate(b),
        "G": np.vstack(G) if G else None,
        "h": np.concatenate(h) if h else None,
        "lb": np.r_[rows["lb"], np.zeros(2 * n)],
        "ub": np.r_[rows["ub"], np.full(2 * n, np.inf)],
    }


def problem(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 35))
    P, mu = market(n, seed, rows=int(rng.integers(max(3, n // 3), 3 * n)))
    held = rng.dirichlet(np.full(n, 0.5)) * (0.5 if seed % 5 == 2 else 1.0)
    out: dict[str, Any] = {
        "P": P,
        "q": -mu * rng.choice([0, 0.4, 2]),
        "A": np.ones((1, n)),
        "b": np.ones(1),
        "lb": np.full(n, -0.1 if seed % 4 == 1 else 0.0),
        "ub": np.full(n, max(0.3, 1.5 / n)),
        "held": held,
        "trading_cost": rng.uniform(0, 0.02, n) * (seed % 7 != 3),
        "turnover": np.inf if seed % 6 == 0 else float(rng.choice([0.05, 0.3, 1.0, 3.0])),
    }
    if seed % 2:
        G = np.zeros((3, n))
        G[np.arange(n) % 3, np.arange(n)] = 1.0
        out |= {"G": G, "h": np.full(3, 0.5)}
    return out


def check(p: dict[str, Any], s: QPSolution) -> None:
    """Stationarity, signs and complementarity of everything that trading adds, in NumPy."""
    trade = s.x - p["held"]
    rest = p["P"] @ s.x + p["q"] + p["A"].T @ s.y + s.z_box + s.z_trade
    if p.get("G") is not None:
        rest += p["G"].T @ s.z
        assert (p["G"] @ s.x <= p["h"] + 1e-9).all()
    assert np.abs(rest).max() <= 1e-9
    slope = p["trading_cost"] + s.turnover_dual
    assert s.turnover_dual >= 0.0
    assert (np.abs(s.z_trade) <= slope + 1e-12).all()
    np.testing.assert_allclose(s.z_trade * trade, slope * np.abs(trade), atol=1e-9)
    assert np.abs(trade).sum() <= p["turnover"] + 1e-9
    if s.turnover_dual > 1e-8:
        assert np.abs(trade).sum() == pytest.approx(p["turnover"], abs=1e-9)
    value = 0.5 * s.x @ p["P"] @ s.x + p["q"] @ s.x + p["trading_cost"] @ np.abs(trade)
    assert s.objective == pytest.approx(value, rel=1e-12, abs=1e-14)


def test_both_methods_solve_what_the_wide_program_says() -> None:
    solved = 0
    for seed in range(CASES):
        p = problem(seed)
        wide = solve_qp(**split(**p), method="interior_point")
        for method in ("active_set", "interior_point"):
            s = solve_qp(**p, method=method)
            assert s.status == wide.status, (seed, method)
            if s.status != "optimal":
                continue
            solved += s.method == "active_set"
            check(p, s)
            assert s.objective == pytest.approx(wide.objective, rel=1e-8, abs=1e-9), (seed, method)
    assert solved >= 0.6 * CASES


def test_what_is_not_worth_its_cost_is_not_traded() -> None:
    p = problem(8) | {"turnover": np.inf}
    n = len(p["q"])
    p["held"] = np.full(n, 1 / n)
    dear = solve_qp(**{**p, "trading_cost": 10.0})
    np.testing.assert_array_equal(dear.x, p["held"])
    free = solve_qp(**{**p, "trading_cost": 0.0})
    plain = solve_qp(**{k: v for k, v in p.items() if k not in ("held", "trading_cost", "turnover")})
    np.testing.assert_allclose(free.x, plain.x, atol=1e-10)
    some = solve_qp(**{**p, "trading_cost": 0.01})
    kept = some.x == p["held"]
    assert kept.sum() > 0
    assert np.abs(some.z_trade[kept]).max() <= 0.01 + 1e-12


def test_the_turnover_dual_is_the_slope_of_the_value() -> None:
    p = problem(9) | {"turnover": 0.4, "trading_cost": np.zeros(len(problem(9)["q"]))}
    p["held"] = np.full(len(p["q"]), 1 / len(p["q"]))
    s = solve_qp(**p)
    assert s.turnover_dual > 0
    step = 1e-5
    values = [solve_qp(**{**p, "turnover": 0.4 + d}).objective for d in (-step, step)]
    assert (values[1] - values[0]) / (2 * step) == pytest.approx(-s.turnover_dual, rel=1e-5)


def test_no_trade_at_all_and_a_held_that_must_change() -> None:
    p = problem(4) | {"trading_cost": np.zeros(len(problem(4)["q"]))}
    n = len(p["q"])
    p["held"] = np.full(n, 1 / n)
    still = solve_qp(**{**p, "turnover": 0.0})
    assert still.status == "optimal"
    np.testing.assert_array_equal(still.x, p["held"])
    p["held"] = np.r_[1.5, np.zeros(n - 1)]  # beyond its bound and its budget
    assert solve_qp(**{**p, "turnover": 0.1}).status == "primal_infeasible"
    moved = solve_qp(**{**p, "turnover": 2.5})
    assert moved.status == "optimal"
    check({**p, "turnover": 2.5}, moved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"held": None}, "held: expected a vector because trading_cost is given"),
        ({"held": None, "trading_cost": None}, "held: expected a vector because turnover is given"),
        ({"held": [0.5]}, "held: expected 2 entries as in q, got 1"),
        ({"held": [0.5, np.nan]}, r"held: expected finite numbers, got nan at \[1\]"),
        ({"trading_cost": [0.1, -0.1]}, r"trading_cost: expected numbers of at least 0, got -0.1 at \[1\]"),
        ({"trading_cost": [0.1]}, "trading_cost: expected 2 entries"),
        ({"turnover": -1.0}, "turnover: expected a number of at least 0, got -1"),
        ({"turnover": np.nan}, "turnover: expected a number of at least 0, got nan"),
        ({"start": [1.0]}, "start: expected 2 entries as in q, got 1"),
        ({"start": [1.0, np.inf]}, "start: expected finite numbers"),
        ({"turnover": "much"}, "turnover: expected a number, got 'much'"),
        ({"tolerance": "low"}, "tolerance: expected a number, got 'low'"),
        ({"cancel": 3}, "cancel: expected a CancelToken or None, got 3"),
        ({"time_limit": "soon"}, "time_limit: expected seconds or None, got 'soon'"),
        ({"method": "simplex"}, 'method: expected "auto", "active_set" or "interior_point", got "simplex"'),
    ],
)
def test_bad_arguments(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {
        "P": np.eye(2), "q": np.zeros(2), "held": np.ones(2), "trading_cost": [0.1, 0.1], "turnover": 1.0,
    }  # fmt: skip
    with pytest.raises(ValueError, match=r"\[solve_qp\] " + message):
        solve_qp(**{**good, **change})
