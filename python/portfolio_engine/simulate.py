"""Monte Carlo of a portfolio: correlated returns of every asset in every scenario and step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy.typing as npt

from portfolio_engine import kernels
from portfolio_engine._labels import Array, aligned_array, as_array, asset_names, check_finite, label_columns
from portfolio_engine.cancel import CancelToken, Limit

DistributionName = Literal["normal", "lognormal", "student_t"]


@dataclass(frozen=True, eq=False)
class Simulation:
    """Distribution of a portfolio's value after `horizon` steps. Money is in units of `initial_value`.

    Attributes:
        mean, volatility: of the profit or loss; standard deviation with ddof 1.
        value_at_risk: the 1 - confidence quantile of the profit or loss; negative is a loss.
        conditional_value_at_risk: mean of the worst 1 - confidence of the scenarios; negative is a loss.
        quantiles: level -> quantile of the terminal value, linear between order statistics.
        mean_se, value_at_risk_se, conditional_value_at_risk_se, quantiles_se: standard errors from the number of
            scenarios: sd / sqrt(N); sqrt(p (1 - p) / N) over the density, estimated from the order statistics around;
            and Manistre and Hancock 2005 for the tail mean.
        values: (scenarios,), terminal value of each, with keep_values; else None.
        returns: (scenarios, n), return of each asset in the first step, with keep_returns; else None. A DataFrame
            when labels were given.
        scenarios, horizon, seed, precision: as given.
        distribution: as given, or "bootstrap".
        device, device_reason: where it was computed, and why there.
    """

    mean: float
    volatility: float
    value_at_risk: float
    conditional_value_at_risk: float
    mean_se: float
    value_at_risk_se: float
    conditional_value_at_risk_se: float
    quantiles: dict[float, float]
    quantiles_se: dict[float, float]
    values: Array | None
    returns: Any
    scenarios: int
    horizon: int
    seed: int
    distribution: str
    precision: str
    device: str
    device_reason: str


def simulate(
    mean: npt.ArrayLike | Any,
    covariance: npt.ArrayLike | Any,
    weights: npt.ArrayLike | Any,
    *,
    horizon: int = 1,
    scenarios: int = 100_000,
    seed: int = 0,
    distribution: DistributionName = "normal",
    degrees_of_freedom: int = 5,
    sampling: Literal["random", "sobol"] = "random",
    scramble: bool = True,
    precision: Literal["float64", "float32"] = "float64",
    rebalanced: bool = False,
    initial_value: float = 1.0,
    confidence: float = 0.95,
    quantiles: Sequence[float] = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99),
    keep_values: bool = False,
    keep_returns: bool = False,
    device: str = "auto",
    time_limit: float | None = None,
    cancel: CancelToken | None = None,
) -> Simulation:
    """Simulate the value of a portfolio over `horizon` steps.

    Every scenario draws the returns of all assets in every step, independent between steps. The random numbers are
    Philox4x32-10 (Salmon et al. 2011) under the key `seed`, counted by path, step and pair: the same seed gives the
    same draws bit for bit, with any number of threads. In float32 they are the same on every device; float64 is
    another stream.

    Args:
        mean: (n,), expected simple return of one step.
        covariance: (n, n), symmetric positive semidefinite, of one step; singular is fine.
        weights: (n,), shares of the value at the start; what they leave of 1 is cash at zero return, what they exceed
            it is borrowed at zero.
        horizon: steps, in the period of `mean` and `covariance`.
        scenarios: N >= 2. Memory grows with the square root of N, and by 8 bytes a scenario with keep_values, 8 n with
            keep_returns; not with the horizon.
        seed: 0 to 2^64 - 1.
        distribution: of simple returns with the given mean and covariance: "normal"; "lognormal" (log(1 + R) is
            normal, so no asset falls below -1); "student_t" (multivariate, one scale for all assets in a step, with
            `degrees_of_freedom` 3 to 1000).
        sampling: "random", or "sobol": scenario p is point p of a Sobol sequence of horizon x rank dimensions (at most
            1111) through the inverse normal distribution; not for student_t. N a power of two is best. Means and
            volatilities converge much faster, quantiles of many assets somewhat; the standard errors given are those of
            random scenarios.
        scramble: of Sobol points by `seed` (Owen 1995), so that averages are unbiased; False: the bare points.
        precision: of the draws and asset returns; values are accumulated in float64, on a GPU in pairs of float32 of
            about 48 bits. Only "float32" can run on a GPU.
        rebalanced: True goes back to `weights` after every step, False buys and holds.
        initial_value: money at the start, > 0.
        confidence: of value_at_risk and conditional_value_at_risk.
        quantiles: levels between 0 and 1.
        keep_values, keep_returns: fill `values`, `returns`.
        device: "auto", "cpu" or "metal".
        time_limit: seconds, None for none; looked at between blocks of scenarios.
        cancel: a CancelToken with which another thread can end the simulation.

    Raises:
        TimeoutError, CancelledError: ended by `time_limit` or `cancel`.
        ValueError: shapes that do not match, NaN or infinity, a covariance that is not positive semidefinite, a
            lognormal mean of -1 or less, an option out of range, an absent device.
    """
    function = "simulate"
    limit = Limit.of(function, time_limit, cancel)
    names = asset_names(covariance) or asset_names(mean) or asset_names(weights)
    matrix = as_array(covariance, function, "covariance")
    check_finite(matrix, covariance, function, "covariance")
    options = _options(
        function, horizon, scenarios, seed, precision, rebalanced, initial_value, confidence, quantiles, keep_values,
        keep_returns, device,
    )  # fmt: skip
    raw = kernels.simulate(
        aligned_array(mean, names, function, "mean"),
        matrix,
        aligned_array(weights, names, function, "weights"),
        distribution=distribution,
        degrees_of_freedom=int(degrees_of_freedom),
        sampling=sampling,
        scramble=bool(scramble),
        **options,
        **limit.arguments,
    )
    return _simulation(raw, options, names, distribution)


def simulate_bootstrap(
    returns: npt.ArrayLike | Any,
    weights: npt.ArrayLike | Any,
    *,
    block_length: float = 1.0,
    horizon: int = 1,
    scenarios: int = 100_000,
    seed: int = 0,
    precision: Literal["float64", "float32"] = "float64",
    rebalanced: bool = False,
    initial_value: float = 1.0,
    confidence: float = 0.95,
    quantiles: Sequence[float] = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99),
    keep_values: bool = False,
    keep_returns: bool = False,
    device: str = "auto",
    time_limit: float | None = None,
    cancel: CancelToken | None = None,
) -> Simulation:
    """Simulate the value of a portfolio over `horizon` steps that are rows of history.

    The stationary bootstrap of Politis and Romano 1994 ("The stationary bootstrap", JASA 89, section 2): a scenario
    begins at a row drawn at random; every later step takes the next row (the first after the last) or, with probability
    1 / block_length, any row. All assets move together, so their dependence and tails are those of history.

    Args:
        returns: (T, n), simple returns of one step, oldest first, no gaps; T >= 2.
        weights: (n,), shares of the value at the start; what they leave of 1 is cash at zero return.
        block_length: mean number of successive rows, >= 1; 1 draws every row alone, longer keeps what follows what.
        horizon: steps, in the period of `returns`.
        scenarios, seed, precision, rebalanced, initial_value, confidence, quantiles, keep_values, keep_returns,
        time_limit, cancel: as in `simulate`.
        device: "auto", "cpu" or "metal"; computed on the CPU in any case, which the result says.

    Raises:
        TimeoutError, CancelledError: ended by `time_limit` or `cancel`.
        ValueError: shapes that do not match, NaN or infinity, an option out of range, an absent device.
    """
    function = "simulate_bootstrap"
    limit = Limit.of(function, time_limit, cancel)
    names = asset_names(returns) or asset_names(weights)
    matrix = as_array(returns, function, "returns")
    check_finite(matrix, returns, function, "returns")
    options = _options(
        function, horizon, scenarios, seed, precision, rebalanced, initial_value, confidence, quantiles, keep_values,
        keep_returns, device,
    )  # fmt: skip
    raw = kernels.simulate_bootstrap(
        matrix,
        aligned_array(weights, names, function, "weights"),
        block_length=float(block_length),
        **options,
        **limit.arguments,
    )
    return _simulation(raw, options, names, "bootstrap")


def _options(
    function: str, horizon: int, scenarios: int, seed: int, precision: str, rebalanced: bool, initial_value: float,
    confidence: float, quantiles: Sequence[float], keep_values: bool, keep_returns: bool, device: str,
) -> dict[str, Any]:  # fmt: skip
    """What both kinds of scenarios give the kernel."""
    for name, value in (("horizon", horizon), ("scenarios", scenarios), ("seed", seed)):
        if int(value) != value or not 0 <= value < 2**64:
            raise ValueError(f"[{function}] {name}: expected a whole number from 0 to 2^64 - 1, got {value}")
    return {
        "horizon": int(horizon),
        "scenarios": int(scenarios),
        "seed": int(seed),
        "precision": precision,
        "rebalanced": bool(rebalanced),
        "initial_value": float(initial_value),
        "confidence": float(confidence),
        "quantile_levels": [float(level) for level in quantiles],
        "keep_values": bool(keep_values),
        "keep_returns": bool(keep_returns),
        "device": device,
    }


def _simulation(raw: dict[str, Any], options: dict[str, Any], names: Any, distribution: str) -> Simulation:
    """The kernel's answer with the caller's labels."""
    levels = options["quantile_levels"]
    raw["quantiles"] = dict(zip(levels, raw["quantiles"], strict=True))
    raw["quantiles_se"] = dict(zip(levels, raw["quantiles_se"], strict=True))
    raw["values"] = raw["values"] if options["keep_values"] else None
    raw["returns"] = label_columns(raw["returns"], names) if options["keep_returns"] else None
    given = {name: options[name] for name in ("scenarios", "horizon", "precision")}
    return Simulation(**raw, **given, distribution=distribution)
