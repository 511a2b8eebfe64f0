"""Dense convex quadratic programs with certificates, in the form and sign conventions of the qpsolvers package."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from portfolio_engine import kernels
from portfolio_engine._labels import Array, as_array
from portfolio_engine.factor_covariance import FactorCovariance
from portfolio_engine.kernels import CancelToken
from portfolio_engine.qp_solution import QPSolution, QPSolutions, solution

__all__ = ["QPSolution", "QPSolutions", "solve_qp", "solve_qp_batch"]

QPMethod = Literal["auto", "active_set", "interior_point"]
NAMES = ("P", "q", "G", "h", "A", "b", "lb", "ub", "start", "held", "trading_cost")
KEYS = (*NAMES, "turnover")
FLOAT64 = np.dtype(np.float64)


def _ready(value: Any) -> bool:
    """Whether the kernel takes it as it is: the usual case, which shall cost nothing."""
    return value is None or (type(value) is np.ndarray and value.dtype is FLOAT64)


def _number(turnover: Any, function: str) -> float:
    if turnover is None:
        return math.inf
    try:
        return float(turnover)
    except (TypeError, ValueError):
        raise ValueError(f"[{function}] turnover: expected a number, got {turnover!r}") from None


def _start(value: Any) -> Any:
    """The weights of a solution, or of each of several."""
    if isinstance(value, (QPSolution, QPSolutions)):
        return value.x
    if isinstance(value, (list, tuple)) and any(isinstance(one, QPSolution) for one in value):
        return np.stack([_start(one) for one in value])
    return value


def _arrays(function: str, P: Any, values: Sequence[Any]) -> list[Array | None]:
    """P and the rest of NAMES, and what a factor model has in place of P, in the order of the kernel."""
    if values[0] is None:
        raise ValueError(f"[{function}] q: expected a vector, got None")
    factors: list[Array | None] = [None, None, None]
    if isinstance(P, FactorCovariance):
        factors = [P.loadings, P.factor_covariance, P.specific_variance]
        P = None
    given = [P, *values]
    given[8] = _start(given[8])
    arrays = [
        value if _ready(value) else as_array(value, function, name) for value, name in zip(given, NAMES, strict=True)
    ]
    return arrays + factors


def solve_qp(
    P: Any,
    q: Any,
    G: Any = None,
    h: Any = None,
    A: Any = None,
    b: Any = None,
    lb: Any = None,
    ub: Any = None,
    *,
    tolerance: float = 1e-9,
    max_iterations: int = 200,
    polish: bool = True,
    device: str = "auto",
    method: QPMethod = "auto",
    start: Any = None,
    time_limit: float | None = None,
    cancel: CancelToken | None = None,
    held: Any = None,
    trading_cost: Any = None,
    turnover: float | None = None,
    check_matrix: bool = True,
) -> QPSolution:
    """Minimise ``1/2 x'Px + q'x`` subject to ``Gx <= h, Ax = b, lb <= x <= ub``.

    With `held`, ``sum(trading_cost * |x - held|)`` joins the objective and ``sum(|x - held|) <= turnover`` the
    constraints, without further variables.

    Parameters
    ----------
    P : (n, n) symmetric positive semidefinite, or None for a linear program; its rank does not matter. A
        `FactorCovariance` is used by its factors: no n x n matrix is formed.
    q : (n,)
    G, h : (m, n) and (m,); an entry of h may be +infinity.
    A, b : (p, n) and (p,); redundant rows are allowed.
    lb, ub : (n,); infinities allowed, equal bounds fix a variable. 1e19 and beyond counts as infinite.
    tolerance : on every relative residual and the gap, default 1e-9.
    max_iterations : of the interior point method, default 200.
    polish : solve the interior point's active set exactly at the end, default True.
    device : "auto", "cpu" or "metal".
    method : "auto" tries the active set within a budget of work, then the interior point; "active_set" without the
        budget, the interior point only where it fails; "interior_point" alone.
    start : (n,) or a `QPSolution`, a point near the answer, feasible or not; the active set starts from it (else where
        one factor would lead, `held` or zero). It changes the time, not the answer.
    time_limit : seconds after which the best point so far is returned with status "time_limit"; None for no limit.
    cancel : a `CancelToken`; another thread's ``cancel()`` ends the work with status "cancelled".
    held : (n,) the present weights.
    trading_cost : (n,) or a number, >= 0, per unit traded from `held`.
    turnover : at most this sum of absolute trades.
    check_matrix : whether P is checked to be finite, symmetric and positive semidefinite, default True. That takes n^3
        / 3 operations, most of the time of a large problem; without it the answer for another P means nothing.

    The problem is scaled inside; units of variables, rows and objective do not change the path. Where lb exceeds ub
    the answer is "primal_infeasible" and z_box is 1 there: the crossed pair is its own certificate.

    Raises
    ------
    ValueError : shapes that do not fit, NaN, P not symmetric or with a negative eigenvalue beyond rounding, an absent
        device. Everything else is a status.

    Sources: primal active set with inertia control (Gill, Murray, Saunders and Wright 1991, "Inertia-controlling
    methods for general quadratic programming"); homogeneous embedding of Goulart and Chen (2024, "Clarabel", section
    3) with Mehrotra's (1992) predictor and corrector, equilibration after Ruiz (2001). docs/numerics/qp.md has the
    formulas.
    """
    function = "solve_qp"
    if trading_cost is not None and np.ndim(trading_cost) == 0:
        trading_cost = np.full(np.shape(q)[-1:], float(trading_cost))
    arrays = _arrays(function, P, (q, G, h, A, b, lb, ub, start, held, trading_cost))
    limit = _number(turnover, function)
    options = (tolerance, max_iterations, polish, device, method, time_limit, cancel, check_matrix)
    return solution(kernels.solve_qp(*arrays, limit, options))


def solve_qp_batch(
    P: Any,
    q: Any = None,
    G: Any = None,
    h: Any = None,
    A: Any = None,
    b: Any = None,
    lb: Any = None,
    ub: Any = None,
    *,
    tolerance: float = 1e-9,
    max_iterations: int = 200,
    polish: bool = True,
    device: str = "auto",
    method: QPMethod = "auto",
    start: Any = None,
    time_limit: float | None = None,
    cancel: CancelToken | None = None,
    held: Any = None,
    trading_cost: Any = None,
    turnover: Any = None,
    check_matrix: bool = True,
) -> Sequence[QPSolution]:
    """Solve many quadratic programs in one native, parallel call.

    Two ways to give them:

    * Stacked arrays, arguments as in `solve_qp`: each is shared by all problems, or has a leading axis of the common
      batch length B, e.g. P (n, n) and q (B, n); at least one has it. A `FactorCovariance` is shared by all.
    * A list of problems of any shapes as the only array argument: mappings with the keys P, q, G, h, A, b, lb, ub,
      start, held, trading_cost, turnover, of which those not given are None. An array (or `FactorCovariance`) that is
      the same object in several of them is shared, not copied.

    `time_limit` is that of the whole batch. Nothing passes from one problem to the next: each starts from its own
    `start`, `held` or zero.

    Returns
    -------
    A sequence of `QPSolution`, in order: of stacked arrays a `QPSolutions`, which has each field of all problems
    too (x is (B, n)), of a list of problems a list. A problem without an answer (infeasible, unbounded) says so in
    its own status and leaves the others alone. On the CPU results equal those of a loop over `solve_qp` bit for
    bit, whatever the number of threads. On a Metal GPU problems of up to 256 variables and 32 rows of each kind
    iterate in float32, and every answer is polished and certified in float64 to the same `tolerance`; a problem
    that does not pass is solved by the CPU. `device` and `device_reason` of each solution say which it was;
    `iterations` counts the steps of that device's method. Memory beside arguments and results stays below 128 MiB
    (plus some ten n x n matrices a thread).

    Raises
    ------
    ValueError : as in `solve_qp`; arrays whose batch lengths differ; a list together with other arrays; unknown keys.

    Sources: docs/numerics/qp.md; on the GPU the alternating directions of OSQP (Stellato et al. 2020, algorithm 1).
    """
    function = "solve_qp_batch"
    options = (tolerance, max_iterations, polish, device, method, time_limit, cancel, check_matrix)
    others = (q, G, h, A, b, lb, ub, start, held, trading_cost)
    if isinstance(P, (list, tuple)) and all(isinstance(problem, Mapping) for problem in P):
        if any(value is not None for value in (*others, turnover)):
            raise ValueError(f"[{function}] arguments: expected a list of problems alone, got other arrays beside it")
        return [solution(result) for result in kernels.solve_qp_list(*_problems(P), options)]
    if trading_cost is not None and np.ndim(trading_cost) == 0:
        others = (*others[:-1], np.full(np.shape(q)[-1:], float(trading_cost)))
    limits = math.inf if turnover is None else turnover
    limit = as_array(limits, function, "turnover").reshape(np.shape(limits))  # as_array gives a number an axis
    return QPSolutions(**kernels.solve_qp_batch(*_arrays(function, P, others), limit, options))


def _problems(given: Sequence[Mapping[str, Any]]) -> tuple[list[list[Array | None]], list[float]]:
    """Arrays and turnover of each problem; an object is converted once, so that the kernel sees where it is shared."""
    function = "solve_qp_batch"
    converted: dict[int, Array] = {}
    out, limits = [], []
    for k, problem in enumerate(given):
        unknown = sorted(set(map(str, problem)) - set(KEYS))
        if unknown:
            raise ValueError(f"[{function}] problem {k}: expected the keys {', '.join(KEYS)}, got {', '.join(unknown)}")
        if problem.get("q") is None:
            raise ValueError(f"[{function}] problem {k}: expected a vector q, got None")
        P = problem.get("P")
        factors: list[Array | None] = [None, None, None]
        if isinstance(P, FactorCovariance):
            factors = [P.loadings, P.factor_covariance, P.specific_variance]
        arrays: list[Array | None] = []
        for name in NAMES:
            value = _start(problem.get(name))
            if name == "trading_cost" and value is not None and np.ndim(value) == 0:
                value = np.full(len(problem["q"]), float(value))
            if isinstance(value, FactorCovariance):
                value = None
            elif value is not None and id(value) not in converted:
                converted[id(value)] = as_array(value, function, f"{name} of problem {k}")
            arrays.append(None if value is None else converted[id(value)])
        out.append(arrays + factors)
        limits.append(_number(problem.get("turnover"), function))
    return out, limits
