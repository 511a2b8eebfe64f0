"""Dense convex quadratic programs with certificates, in the form and sign conventions of the qpsolvers package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portfolio_engine import kernels
from portfolio_engine._labels import Array, as_array

__all__ = ["QPSolution", "solve_qp", "solve_qp_batch"]

NAMES = ("P", "q", "G", "h", "A", "b", "lb", "ub")


@dataclass(frozen=True, eq=False)
class QPSolution:
    """Outcome of a quadratic program; what x, y, z and z_box mean depends on `status`.

    status
        "optimal": x minimises; y (p), z (m, >= 0) and z_box (n, < 0 at a lower, > 0 at an upper bound) are duals with
        ``P x + q + A'y + G'z + z_box = 0``.
        "primal_infeasible": no x satisfies the constraints; (y, z, z_box) is the Farkas certificate
        ``A'y + G'z + z_box = 0`` with ``b'y + h'z + sum(ub * max(z_box, 0)) + sum(lb * min(z_box, 0)) = -1``; x is 0.
        "dual_infeasible": the objective falls without limit along the ray x, if any point is feasible:
        ``P x = 0, A x = 0, G x <= 0, q'x = -1`` and x leaves no bound; duals are 0.
        "max_iterations", "numerical_error": the best point found; the residuals say how good it is.
    objective
        1/2 x'Px + q'x.
    primal_residual, dual_residual, gap
        Relative, infinity norm, on the given data; gap is the larger of duality gap and complementarity.
    polished
        True when x and the duals come from the active set solved exactly, with exact zeros and bounds.
    """

    x: Array
    y: Array
    z: Array
    z_box: Array
    status: str
    objective: float
    primal_residual: float
    dual_residual: float
    gap: float
    iterations: int
    polished: bool
    seconds: float
    device: str
    device_reason: str

    @property
    def is_optimal(self) -> bool:
        """Whether x solves the problem to the tolerance."""
        return self.status == "optimal"

    @property
    def found(self) -> bool:
        """The same as `is_optimal`, under the name qpsolvers gives it."""
        return self.is_optimal


def _arguments(function: str, **values: Any) -> dict[str, Any]:
    if values["q"] is None:
        raise ValueError(f"[{function}] q: expected a vector, got None")
    return {name: None if value is None else as_array(value, function, name) for name, value in values.items()}


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
) -> QPSolution:
    """Minimise ``1/2 x'Px + q'x`` subject to ``Gx <= h, Ax = b, lb <= x <= ub``.

    Parameters
    ----------
    P : (n, n) symmetric positive semidefinite, or None for a linear program; its rank does not matter.
    q : (n,)
    G, h : (m, n) and (m,); an entry of h may be +infinity.
    A, b : (p, n) and (p,); redundant rows are allowed.
    lb, ub : (n,); infinities allowed, equal bounds fix a variable. 1e19 and beyond counts as infinite.
    tolerance : on every relative residual and the gap, default 1e-9.
    max_iterations : of the interior point method, default 200.
    polish : solve the active set exactly at the end, default True.
    device : "auto", "cpu" or "metal".

    The problem is scaled inside; units of variables, rows and objective do not change the path. Where lb exceeds ub
    the answer is "primal_infeasible" and z_box is 1 there: the crossed pair is its own certificate.

    Raises
    ------
    ValueError : shapes that do not fit, NaN, P not symmetric or with a negative eigenvalue beyond rounding, an absent
        device. Everything else is a status.

    Sources: homogeneous embedding of Goulart and Chen (2024, "Clarabel", section 3) with Mehrotra's (1992) predictor
    and corrector, equilibration after Ruiz (2001). docs/numerics/qp.md has the formulas.
    """
    given = _arguments("solve_qp", P=P, q=q, G=G, h=h, A=A, b=b, lb=lb, ub=ub)
    return QPSolution(
        **kernels.solve_qp(**given, tolerance=tolerance, max_iterations=max_iterations, polish=polish, device=device)
    )


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
) -> list[QPSolution]:
    """Solve many quadratic programs in one native, parallel call.

    Two ways to give them:

    * Stacked arrays, arguments as in `solve_qp`: each is shared by all problems, or has a leading axis of the common
      batch length B, e.g. P (n, n) and q (B, n); at least one has it.
    * A list of problems of any shapes as the only array argument: mappings with the keys P, q, G, h, A, b, lb, ub, of
      which those not given are None. An array that is the same object in several of them is shared, not copied.

    Returns
    -------
    A list of `QPSolution`, in order. A problem without an answer (infeasible, unbounded) says so in its own status and
    leaves the others alone. On the CPU results equal those of a loop over `solve_qp` bit for bit, whatever the number
    of threads. On a Metal GPU problems of up to 256 variables and 32 rows of each kind iterate in float32, and every
    answer is polished and certified in float64 to the same `tolerance`; a problem that does not pass is solved by the
    CPU. `device` and `device_reason` of each solution say which it was; `iterations` counts the steps of that device's
    method. Memory beside arguments and results stays below 128 MiB (plus some ten n x n matrices a thread).

    Raises
    ------
    ValueError : as in `solve_qp`; arrays whose batch lengths differ; a list together with other arrays; unknown keys.

    Sources: docs/numerics/qp.md; on the GPU the alternating directions of OSQP (Stellato et al. 2020, algorithm 1).
    """
    function = "solve_qp_batch"
    options: dict[str, Any] = {
        "tolerance": tolerance,
        "max_iterations": max_iterations,
        "polish": polish,
        "device": device,
    }
    if isinstance(P, (list, tuple)) and all(isinstance(problem, Mapping) for problem in P):
        if any(value is not None for value in (q, G, h, A, b, lb, ub)):
            raise ValueError(f"[{function}] arguments: expected a list of problems alone, got other arrays beside it")
        results = kernels.solve_qp_list(_problems(P), **options)
    else:
        results = kernels.solve_qp_batch(**_arguments(function, P=P, q=q, G=G, h=h, A=A, b=b, lb=lb, ub=ub), **options)
    return [QPSolution(**result) for result in results]


def _problems(given: Sequence[Mapping[str, Any]]) -> list[list[Array | None]]:
    """The eight arrays of each problem; an object is converted once, so that the kernel sees where it is shared."""
    function = "solve_qp_batch"
    converted: dict[int, Array] = {}
    out = []
    for k, problem in enumerate(given):
        unknown = sorted(set(map(str, problem)) - set(NAMES))
        if unknown:
            raise ValueError(
                f"[{function}] problem {k}: expected the keys {', '.join(NAMES)}, got {', '.join(unknown)}"
            )
        if problem.get("q") is None:
            raise ValueError(f"[{function}] problem {k}: expected a vector q, got None")
        arrays: list[Array | None] = []
        for name in NAMES:
            value = problem.get(name)
            if value is not None and id(value) not in converted:
                converted[id(value)] = as_array(value, function, f"{name} of problem {k}")
            arrays.append(None if value is None else converted[id(value)])
        out.append(arrays)
    return out
