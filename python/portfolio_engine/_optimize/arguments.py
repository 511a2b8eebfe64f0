"""Checks of what `optimize` was given."""

from __future__ import annotations

import math

import numpy as np

from portfolio_engine._optimize.problem import Targets
from portfolio_engine.constraints import Constraints
from portfolio_engine.devices import available_devices
from portfolio_engine.moments import Moments

FUNCTION = "optimize"


def check_device(device: str, function: str = FUNCTION) -> None:
    """A named device that is absent is an error, also for methods that need none."""
    if device in ("auto", "cpu"):
        return
    known = {info.name: info for info in available_devices()}
    if device not in known:
        raise ValueError(f'[{function}] device: expected "auto" or one of {", ".join(known)}, got {device!r}')
    if not known[device].available:
        raise ValueError(f"[{function}] device: {device!r} is not available here: {known[device].description}")


def check_numbers(**values: float) -> None:
    for name, value in values.items():
        number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        if not (number and math.isfinite(value)):
            raise ValueError(f"[{FUNCTION}] {name}: expected a finite number, got {value!r}")
        if name == "risk_aversion" and value <= 0:
            raise ValueError(f"[{FUNCTION}] {name}: expected a number > 0, got {value}")
        if name == "risk_free_rate" and abs(value) > 2:
            raise ValueError(
                f"[{FUNCTION}] {name}: expected an annual rate such as 0.02, got {value}; did you mean {value / 100:g}?"
            )


def check_targets(moments: Moments, target_return: float | None, max_volatility: float | None) -> None:
    """Numbers only, and percentages that were meant as fractions are recognised by the size of the moments."""
    if target_return is None and max_volatility is None:
        return
    given = {"target_return": target_return, "max_volatility": max_volatility}
    sizes = {
        "target_return": float(np.abs(moments.mu).max()),
        "max_volatility": math.sqrt(float(moments.variances.max())),
    }
    for name, value in given.items():
        if value is None:
            continue
        check_numbers(**{name: value})
        if abs(value) >= 2 and abs(value) > 10 * sizes[name]:
            raise ValueError(
                f"[{FUNCTION}] {name}: expected an annual fraction (0.12 is 12 %), got {value:g}; "
                f"did you mean {value / 100:g}?"
            )
    if max_volatility is not None and max_volatility < 0:
        raise ValueError(f"[{FUNCTION}] max_volatility: expected a number >= 0, got {max_volatility}")


def sent(constraints: Constraints, targets: Targets, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Names of everything asked for beyond the budget."""
    names = [
        name for name, default in (("min_weight", 0.0), ("max_weight", 1.0)) if getattr(constraints, name) != default
    ]
    for lower, upper, _, low, high in constraints.rows(labels)[1:]:  # the first row is the budget
        names += [name for name, bound in ((lower, low), (upper, high)) if np.isfinite(bound)]
    given = (
        ("tracking_error", constraints.tracking_error),
        ("max_volatility", targets.max_volatility),
        ("turnover", targets.turnover),
        ("target_return", targets.target_return),
    )
    names += [name for name, value in given if value is not None]
    return tuple(dict.fromkeys(names))
