"""Mean-CVaR programs over scenarios, with duals and certificates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portfolio_engine import kernels
from portfolio_engine._labels import Array, as_array
from portfolio_engine.cancel import CancelToken, Limit

__all__ = ["CVaRSolution", "solve_cvar"]


@dataclass(frozen=True, eq=False)
class CVaRSolution:
    """Outcome of a mean-CVaR program; what x and the duals mean depends on `status`.

    status
        "optimal": x minimises; y (p), z (m, >= 0), z_box (n, < 0 at a lower, > 0 at an upper bound) and scenarios (T)
        are duals with ``q - returns'scenarios + A'y + G'z + z_box = 0``.
        "primal_infeasible", "dual_infeasible": as in `QPSolution`, (y, z, z_box) is the Farkas certificate or x the ray
        along which the objective falls at the rate 1; cvar and var are NaN.
        "max_iterations", "numerical_error", "time_limit", "cancelled": the point reached; the residuals say how good
        it is.
    scenarios
        (T,) probabilities of the worst case that CVaR is the mean of: they sum to one, each is at most its scenario's
        probability / (1 - confidence), and 0 for scenarios better than VaR.
    objective
        cvar + q'x.
    cvar
        Mean loss of the worst 1 - confidence of the probability, in units of the returns; a loss is positive.
    var
        The confidence-quantile of the loss, the smallest where there are several.
    primal_residual, dual_residual, gap
        As in `QPSolution`, recomputed from the given data.
    iterations
        Steps from vertex to vertex.
    """

    x: Array
    y: Array
    z: Array
    z_box: Array
    scenarios: Array
    status: str
    objective: float
    cvar: float
    var: float
    primal_residual: float
    dual_residual: float
    gap: float
    iterations: int
    seconds: float
    device: str
    device_reason: str

    @property
    def is_optimal(self) -> bool:
        """Whether x solves the problem to the tolerance."""
        return self.status == "optimal"


def solve_cvar(
    returns: Any,
    q: Any = None,
    G: Any = None,
    h: Any = None,
    A: Any = None,
    b: Any = None,
    lb: Any = None,
    ub: Any = None,
    *,
    confidence: float = 0.95,
    probabilities: Any = None,
    start: Any = None,
    tolerance: float = 1e-9,
    max_iterations: int = 100_000,
    device: str = "auto",
    time_limit: float | None = None,
    cancel: CancelToken | None = None,
) -> CVaRSolution:
    """Minimise CVaR(-returns x) + q'x subject to G x <= h, A x = b, lb <= x <= ub.

    Parameters
    ----------
    returns : (T, n), a row a scenario, of one period and any units.
    q : (n,), linear cost in units of the returns, such as -risk_tolerance * expected returns; None is zero.
    G, h : (m, n), (m,), inequalities; entries of h may be +inf. None: no such rows.
    A, b : (p, n), (p,), equalities. None: no such rows. Nothing holds by itself: a budget is a row of A.
    lb, ub : (n,), bounds, infinities allowed. None: unbounded on that side.
    confidence : share of the probability that is not in the tail, above 0 and below 1, default 0.95.
    probabilities : (T,), >= 0, of the scenarios, normalised to sum to one. None: equal.
    start : (n,), a point near the answer, feasible or not.
    tolerance : on every relative residual and the gap, default 1e-9.
    max_iterations : default 100,000.
    device : "auto", "cpu" or "metal"; this kernel runs on the CPU always.
    time_limit : seconds; then the status is "time_limit" and x the point reached. None: no limit.
    cancel : a token that another thread may cancel; then the status is "cancelled".

    The answer is a vertex: weights at a bound are there exactly. Turnover against weights held needs n more columns of
    zero returns (purchases), as `optimize` adds them.

    Raises
    ------
    ValueError : shapes that do not fit, NaN, a confidence outside (0, 1), negative probabilities, an absent device.
        Everything else is a status.

    Source: Rockafellar and Uryasev (2000), "Optimization of conditional value-at-risk", equations 4 and 17, solved by
    an active set on the kinks of the piecewise linear objective. docs/numerics/cvar.md has the method.
    """
    function = "solve_cvar"
    vectors = {"q": q, "G": G, "h": h, "A": A, "b": b, "lb": lb, "ub": ub}
    vectors |= {"probabilities": probabilities, "start": start}
    arguments: dict[str, Any] = {
        name: None if value is None else as_array(value, function, name) for name, value in vectors.items()
    }
    arguments |= Limit.of(function, time_limit, cancel).arguments
    return CVaRSolution(
        **kernels.solve_cvar(
            as_array(returns, function, "returns"),
            confidence=float(confidence),
            tolerance=float(tolerance),
            max_iterations=int(max_iterations),
            device=device,
            **arguments,
        )
    )
