"""Convex QPs of Maros and Meszaros (1999): the 59 convex ones of the data folder.

VALUES is not convex and is refused. PORTFOLIO_QP_LARGEST is the most variables, 1,010 unless said otherwise: the 14
with 1,075 to 3,873 are sparse, and dense matrices of that size take seconds each; 3873 asks for all of them.
"""

from __future__ import annotations

import csv
import os

import numpy as np
import pytest
from scipy.io import loadmat

from portfolio_engine.qp import solve_qp
from tests.data import market_data, needs_market_data
from tests.python.qp_cases import Case
from tests.python.qp_checks import residuals

pytestmark = [pytest.mark.market_data, needs_market_data]
FOLDER = "published/maros_meszaros"
QUICK, LARGEST, ALL = 350, 1010, 3873
ASKED = int(os.environ.get("PORTFOLIO_QP_LARGEST", str(LARGEST)))
NOT_CONVEX = "VALUES"
AGREEMENT = {"QBEACONF": 2e-6}  # the printed optimum differs from every solver's by 1.8e-6


def references() -> dict[str, tuple[int, float]]:
    with market_data(f"{FOLDER}/objectives.csv").open() as file:
        return {row["problem"]: (int(row["n_vars"]), float(row["reference_objective"])) for row in csv.DictReader(file)}


def load(name: str) -> tuple[Case, float]:
    """The file's l <= Ax <= u as rows, bounds and equalities; and the constant of its objective."""
    file = loadmat(market_data(f"{FOLDER}/{name}.mat"))
    P, A = file["P"].toarray(), file["A"].toarray()
    q, low, high = (np.asarray(file[key], dtype=float).ravel() for key in ("q", "l", "u"))
    low, high = np.where(low <= -1e19, -np.inf, low), np.where(high >= 1e19, np.inf, high)
    lb, ub = np.full(len(q), -np.inf), np.full(len(q), np.inf)
    bound = ((A != 0).sum(axis=1) == 1) & (A.max(axis=1) == 1.0)
    for row in np.flatnonzero(bound):
        j = int(np.argmax(A[row]))
        lb[j], ub[j] = max(lb[j], low[row]), min(ub[j], high[row])
    A, low, high = A[~bound], low[~bound], high[~bound]
    equal = low == high
    above, below = ~equal & np.isfinite(high), ~equal & np.isfinite(low)
    data = {
        "P": P,
        "q": q,
        "G": np.vstack([A[above], -A[below]]),
        "h": np.concatenate([high[above], -low[below]]),
        "A": A[equal],
        "b": high[equal],
        "lb": lb,
        "ub": ub,
    }
    return Case(data, "optimal"), float(np.asarray(file["r"]).ravel()[0])


def check(smallest: int, largest: int) -> int:
    solved = 0
    for name, (n, reference) in references().items():
        if not smallest < n <= largest or name == NOT_CONVEX:
            continue
        case, constant = load(name)
        s = solve_qp(*case.arguments())
        assert s.status == "optimal", name
        assert max(residuals(case, s).values()) <= 1e-8, name
        error = abs(s.objective + constant - reference) / (1 + abs(reference))
        assert error <= AGREEMENT.get(name, 1e-6), name
        solved += 1
    return solved


def test_up_to_350_variables() -> None:
    assert check(0, QUICK) == 30
    case, _ = load(NOT_CONVEX)
    with pytest.raises(ValueError, match=r"P: expected a positive semidefinite matrix, got eigenvalues from -1\.2"):
        solve_qp(*case.arguments())


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_more_variables() -> None:
    assert check(QUICK, ASKED) == {LARGEST: 15, ALL: 29}[ASKED]
