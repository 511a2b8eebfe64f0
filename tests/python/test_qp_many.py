"""Batches of quadratic programs on every device that is here: KKT conditions recomputed, degenerate members, memory."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from portfolio_engine import available_devices
from portfolio_engine.qp import QPSolutions, solve_qp, solve_qp_batch
from tests.python.qp_cases import Case, make
from tests.python.qp_checks import is_primal_certificate, is_ray, residuals

DEVICES = [device.name for device in available_devices() if device.available]
LIMIT = 1e-8


def portfolio(n: int, seed: int, rows: int | None = None) -> dict[str, Any]:
    """Mean-variance utility, fully invested, long only, capped; a daily covariance of `rows` returns."""
    rng = np.random.default_rng(seed)
    returns = 0.01 * (rng.normal(size=(rows or 2 * n, n)) + 0.7 * rng.normal(size=(rows or 2 * n, 1)))
    return {
        "P": returns.T @ returns / len(returns),
        "q": -1e-4 * rng.normal(size=n),
        "A": np.ones((1, n)),
        "b": np.ones(1),
        "lb": np.zeros(n),
        "ub": np.full(n, max(0.1, 3 / n)),
    }


def check(problem: dict[str, Any], solution: Any) -> None:
    assert solution.status == "optimal"
    assert max(residuals(Case(problem, "optimal"), solution).values()) <= LIMIT
    alone = solve_qp(**problem, device="cpu")
    assert solution.objective == pytest.approx(alone.objective, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize("device", DEVICES)
def test_own_matrices_of_any_size(device: str) -> None:
    problems = [portfolio(n, n) for n in (1, 2, 5, 31, 32, 33, 64)]
    solved = solve_qp_batch(problems, device=device)
    for problem, solution in zip(problems, solved, strict=True):
        check(problem, solution)
        assert solution.device == device
        assert solution.device_reason


@pytest.mark.parametrize("device", DEVICES)
def test_one_matrix_for_all(device: str) -> None:
    """Stacked and listed, a shared P gives the same; rows that cut, gradients from nothing to dominant."""
    n, count = 21, 20
    shared = portfolio(n, 3)
    G = np.vstack([np.arange(n) < 7, np.arange(n) >= 14]).astype(float)
    scale = np.geomspace(1e-3, 1e2, count)[:, None]
    q = scale * shared["q"]
    h = np.full((count, 2), 0.4)
    stacked = solve_qp_batch(**{**shared, "q": q, "G": G, "h": h}, device=device)
    listed = solve_qp_batch([{**shared, "q": q[k], "G": G, "h": h[k]} for k in range(count)], device=device)
    for k in range(count):
        check({**shared, "q": q[k], "G": G, "h": h[k]}, stacked[k])
        np.testing.assert_array_equal(stacked[k].x, listed[k].x)
    assert {solution.device for solution in stacked} == {device}


@pytest.mark.parametrize("held", [None, np.full(9, 1 / 9)])
def test_fields_of_all_are_those_of_each(held: Any) -> None:
    shared = portfolio(9, 4)
    q = np.geomspace(1e-2, 1e2, 7)[:, None] * shared["q"]
    trading = {} if held is None else {"held": held, "trading_cost": 1e-4, "turnover": 0.3}
    found = solve_qp_batch(**{**shared, "q": q}, **trading, device="cpu")
    assert isinstance(found, QPSolutions)
    assert len(found) == 7
    assert found.x.shape == (7, 9)
    for k, (solution, again) in enumerate(zip(found, found[:], strict=True)):
        alone = solve_qp(**{**shared, "q": q[k]}, **trading, device="cpu")
        assert vars(solution).keys() == vars(alone).keys()
        for name, value in vars(alone).items():
            if name == "seconds":
                continue
            for got in (getattr(solution, name), getattr(again, name), getattr(found, name)[k]):
                np.testing.assert_array_equal(got, value, err_msg=name)
            assert type(getattr(solution, name)) is type(value), name
    assert found[-1].objective == found[6].objective
    assert [one.objective for one in found[2:6:3]] == [found[2].objective, found[5].objective]
    with pytest.raises(IndexError):
        found[7]
    again_from = solve_qp_batch(**{**shared, "q": q}, **trading, start=found, device="cpu")
    assert sum(again_from.iterations) < sum(found.iterations)


@pytest.mark.parametrize("device", DEVICES)
def test_degenerate_members(device: str) -> None:
    """Each gets what it would get alone, and spoils no other."""
    plain = portfolio(12, 1)
    n = len(plain["q"])
    risky = plain["P"].copy()
    risky[3, :] = risky[:, 3] = 0.0
    twin = plain["P"].copy()
    twin[5, :], twin[:, 5] = twin[4, :], twin[:, 4]
    twin[5, 5] = twin[4, 4]
    fixed = plain["lb"].copy()
    fixed[:3] = plain["ub"][:3]
    problems: dict[str, dict[str, Any]] = {
        "plain": plain,
        "infeasible": {**plain, "ub": np.full(n, 0.01)},
        "crossed": {**plain, "lb": np.full(n, 0.3), "ub": np.full(n, 0.2)},
        "unbounded": {"P": None, "q": -np.ones(n), "lb": np.zeros(n)},
        "zero variance": {**plain, "P": risky},
        "duplicates": {**plain, "P": twin},
        "fixed": {**plain, "lb": fixed},
        "all fixed": {**plain, "lb": np.full(n, 1 / n), "ub": np.full(n, 1 / n)},
        "few observations": portfolio(30, 2, rows=7),
        "linear": {**plain, "P": None},
        "redundant": {**plain, "A": np.ones((3, n)), "b": np.ones(3)},
        "contradicting": {**plain, "A": np.ones((2, n)), "b": np.array([1.0, 2.0])},
        "no gradient": {**plain, "q": np.zeros(n)},
        "zero is best": {"P": plain["P"], "q": np.zeros(n), "lb": np.zeros(n)},
    }
    solved = dict(zip(problems, solve_qp_batch(list(problems.values()), device=device), strict=True))
    for name, problem in problems.items():
        alone = solve_qp(**problem, device="cpu")
        case, solution = Case(problem, alone.status), solved[name]
        assert solution.status == alone.status, name
        if alone.status == "optimal":
            assert max(residuals(case, solution).values()) <= LIMIT, name
            assert solution.objective == pytest.approx(alone.objective, rel=1e-9, abs=1e-13), name
        elif alone.status == "primal_infeasible" and name != "crossed":
            assert is_primal_certificate(case, solution), name
        elif alone.status == "dual_infeasible":
            assert is_ray(case, solution), name
    assert solved["plain"].device == device
    if device == "metal":
        for name in ("infeasible", "crossed", "unbounded", "all fixed", "contradicting"):
            assert solved[name].device == "cpu", name
            assert solved[name].device_reason not in ("", "requested"), name


@pytest.mark.parametrize("device", DEVICES)
def test_random_problems(device: str) -> None:
    """The first of the thousand of test_qp_random, all kinds, in one list."""
    cases = [make(seed) for seed in range(40) if len(make(seed).data["q"]) <= 64]
    solved = solve_qp_batch([case.data for case in cases], device=device)
    for seed, (case, solution) in enumerate(zip(cases, solved, strict=True)):
        assert solution.status == case.status, seed
        if case.status == "optimal":
            assert max(residuals(case, solution).values()) <= LIMIT, seed
        elif case.status == "primal_infeasible":
            assert is_primal_certificate(case, solution), seed
        else:
            assert is_ray(case, solution), seed


def test_arguments() -> None:
    plain = portfolio(3, 1)
    assert solve_qp_batch([]) == []
    with pytest.raises(ValueError, match=r"\[solve_qp_batch\] problem 1: expected the keys P, q, .* got bounds"):
        solve_qp_batch([plain, {**plain, "bounds": 1}])
    with pytest.raises(ValueError, match=r"\[solve_qp_batch\] problem 0: expected a vector q, got None"):
        solve_qp_batch([{"P": np.eye(2)}])
    with pytest.raises(ValueError, match=r"\[solve_qp_batch\] arguments: expected a list of problems alone"):
        solve_qp_batch([plain], np.ones(3))
    with pytest.raises(ValueError, match=r"\[solve_qp_batch\] q of problem 0: expected numbers"):
        solve_qp_batch([{**plain, "q": "abc"}])
    with pytest.raises(ValueError, match=r"\[solve_qp_batch\] lb: expected 3 entries as in q, got 2"):
        solve_qp_batch([plain, {**plain, "lb": np.zeros(2)}])
    with pytest.raises(ValueError, match=r"\[solve_qp_batch\] P: expected a positive semidefinite matrix"):
        solve_qp_batch([plain, {**plain, "P": -np.eye(3)}])


MEMORY = """
import json, resource, sys
import tests.conftest  # the same build of the extension as this test
import numpy as np
from portfolio_engine import solve_qp_batch
from tests.python.test_qp_many import portfolio
count, device, own = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "own"
shared = portfolio(50, 1)
q = shared["q"] * np.linspace(0.5, 2.0, count)[:, None]
P = np.repeat(shared["P"][None], count, axis=0) if own else shared["P"]
solve_qp_batch(**{**shared, "q": q[:2], "P": P[:2] if own else P}, device=device)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
before = peak()
solved = solve_qp_batch(**{**shared, "q": q, "P": P}, device=device)
assert all(s.is_optimal for s in solved)
print(json.dumps({"added": peak() - before, "devices": sorted({s.device for s in solved})}))
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("own", ["shared", "own"])
@pytest.mark.parametrize("device", DEVICES)
def test_memory_of_a_large_batch(device: str, own: str) -> None:
    """10,000 programs of 50 assets add at most 256 MiB to the process, results included. The emulation takes fewer."""
    emulated = device == "metal" and "emulation" in available_devices()[1].description
    count = 2_000 if emulated else 10_000
    command = [sys.executable, "-c", MEMORY, str(count), device, own]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    said = json.loads(done.stdout)
    assert said["added"] <= 256 << 20
    assert said["devices"] == [device]
