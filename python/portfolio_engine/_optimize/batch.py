"""Many optimisations at once: their first programs in one native call, the rest of each on threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np

from portfolio_engine._labels import as_array
from portfolio_engine._optimize import registry
from portfolio_engine._optimize.request import Request, prepare
from portfolio_engine._optimize.settle import settle
from portfolio_engine._optimize.solver import FirstProgramError
from portfolio_engine.allocation import Allocation
from portfolio_engine.cancel import CancelToken, Limit
from portfolio_engine.constraints import Constraints
from portfolio_engine.errors import CancelledError, SolverError
from portfolio_engine.moments import Moments, estimate_moments
from portfolio_engine.qp import QPSolution, solve_qp_batch

FUNCTION = "optimize_batch"
AT_ONCE = 256  # problems between two reports of progress: enough to keep many cores busy
EACH = ("target_return", "max_volatility", "risk_aversion", "risk_free_rate")
FAILURES = (ValueError, SolverError, CancelledError, TimeoutError)
Outcome = Allocation | Exception


def optimize_batch(
    returns_or_moments: Any,
    method: str = "mean_variance",
    constraints: Constraints | Sequence[Constraints | None] | None = None,
    *,
    expected_returns: Any | None = None,
    on_error: Literal["raise", "return"] = "raise",
    progress: Callable[[int, int], None] | None = None,
    device: str = "auto",
    time_limit: float | None = None,
    cancel: CancelToken | None = None,
    **options: Any,
) -> list[Any]:
    """Solve many problems of `optimize`, natively in parallel.

    Whatever is given once is shared by all problems; what is given as a list has one entry for each, and at least one
    argument is. The first quadratic program of every problem, for most methods the only one, is solved in native
    batches on all cores (a covariance that is the same object is shared, not copied); what follows runs on threads.

    Args:
        returns_or_moments: one table or Moments for all, or a list of them (or a (B, T, n) array), as in `optimize`.
        method: as in `optimize`, the same for all.
        constraints: Constraints for all, or a list of B.
        expected_returns: (B, n), annual: each problem's own, in place of those of the moments.
        on_error: "raise" raises the first problem's error with its number in a note; "return" puts each error in the
            place of its answer.
        progress: called with (problems done, problems in all) about every 256 problems.
        device: "auto", "cpu" or "metal".
        time_limit: seconds the whole batch may take, none by default; problems without an answer by then have a
            TimeoutError.
        cancel: a CancelToken with which another thread can end it, with a CancelledError for what is left.
        options: of `optimize`; target_return, max_volatility, risk_aversion and risk_free_rate may be lists or arrays
            with an entry for each problem, trading_cost a list.

    Returns:
        One Allocation for each problem, in order, or the exception that `optimize` would have raised. The numbers are
        those of `optimize` up to rounding, and the same whatever the number of threads; `milliseconds` of each counts
        from the start of the whole batch.

    Raises:
        ValueError: arguments of different lengths, or none with an entry for each problem; an unknown `on_error`.
    """
    if on_error not in ("raise", "return"):
        raise ValueError(f'[{FUNCTION}] on_error: expected "raise" or "return", got {on_error!r}')
    limit = Limit.of(FUNCTION, time_limit, cancel)
    shared = returns_or_moments
    several = isinstance(shared, (list, tuple)) or (isinstance(shared, np.ndarray) and shared.ndim == 3)
    if not (several or isinstance(shared, Moments) or registry.needs_scenarios(method)):
        shared = estimate_moments(shared, device=device)
    problems = _problems(shared, constraints, expected_returns, device, {"method": method, "limit": limit, **options})
    outcomes: list[Outcome] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(problems), AT_ONCE):
            outcomes += _solved(problems[start : start + AT_ONCE], device, limit, pool)
            if on_error == "raise":
                _raise_first(outcomes)
            if progress is not None:
                progress(len(outcomes), len(problems))
    return outcomes


def _problems(
    given: Any, constraints: Any, expected_returns: Any, device: str, options: dict[str, Any]
) -> list[dict[str, Any]]:
    """The arguments of `prepare` for each problem."""
    each: dict[str, Sequence[Any]] = {}
    if isinstance(given, (list, tuple)) or (isinstance(given, np.ndarray) and given.ndim == 3):
        each["returns_or_moments"] = list(given)
    if isinstance(constraints, (list, tuple)):
        each["constraints"] = constraints
    if expected_returns is not None:
        table = as_array(expected_returns, FUNCTION, "expected_returns")
        if table.ndim != 2:
            raise ValueError(
                f"[{FUNCTION}] expected_returns: expected shape (B, n), a row a problem, got {table.shape}"
            )
        each["expected_returns"] = list(table)
    each |= {name: list(options[name]) for name in EACH if isinstance(options.get(name), (list, tuple, np.ndarray))}
    if isinstance(options.get("trading_cost"), (list, tuple)):  # an array is one problem's, of all assets
        each["trading_cost"] = options["trading_cost"]
    lengths = {name: len(values) for name, values in each.items()}
    if not lengths or len(set(lengths.values())) > 1:
        got = ", ".join(f"{name}: {length}" for name, length in lengths.items()) or "none"
        raise ValueError(f"[{FUNCTION}] arguments: expected lists of one length, an entry a problem, got {got}")
    shared = {"device": device, "returns_or_moments": given, "constraints": constraints, **options}
    count = next(iter(lengths.values()))
    return [shared | {name: values[k] for name, values in each.items()} for k in range(count)]


def _solved(problems: list[dict[str, Any]], device: str, limit: Limit, pool: ThreadPoolExecutor) -> list[Outcome]:
    outcomes: list[Outcome | Request] = [*pool.map(_prepared, problems)]
    programs: list[tuple[int, dict[str, Any]]] = []
    for k, request in enumerate(outcomes):
        if isinstance(request, Request) and not request.method.scenarios:
            request.problem.solver.first = "ask"
            outcome = _outcome(request)
            if isinstance(outcome, FirstProgramError):
                programs.append((k, outcome.arguments))
                continue
            outcomes[k] = outcome
    solutions: Sequence[QPSolution] = []
    if programs:
        given = [arguments for _, arguments in programs]
        solutions = solve_qp_batch(given, check_matrix=False, device=device, **limit.arguments)
    waiting = [
        (k, request) for k, request in enumerate(outcomes) if isinstance(request, Request) and request.method.scenarios
    ]
    for (k, _), solution in zip(programs, solutions, strict=True):
        request = outcomes[k]
        assert isinstance(request, Request)
        request.problem.solver.first = solution
        waiting.append((k, request))
    for (k, _), outcome in zip(waiting, pool.map(lambda item: _outcome(item[1]), waiting), strict=True):
        outcomes[k] = outcome
    return [outcome for outcome in outcomes if not isinstance(outcome, Request)]


def _prepared(own: dict[str, Any]) -> Request | Exception:
    try:
        arguments = dict(own)
        mu = arguments.pop("expected_returns", None)
        if mu is not None:
            moments = arguments["returns_or_moments"]
            if not isinstance(moments, Moments):
                moments = estimate_moments(moments, device=arguments["device"])
            arguments["returns_or_moments"] = moments.with_expected_returns(mu)
        given = arguments.pop("returns_or_moments")
        return prepare(given, **arguments)
    except FAILURES as error:
        return error


def _outcome(request: Request) -> Outcome:
    try:
        return settle(request)
    except (*FAILURES, FirstProgramError) as error:
        return error


def _raise_first(outcomes: list[Outcome]) -> None:
    for k, outcome in enumerate(outcomes):
        if isinstance(outcome, Exception):
            outcome.add_note(f"problem {k} of the batch")
            raise outcome
