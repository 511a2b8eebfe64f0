"""Prints the polynomials of cpp/cpu/normals_kernel.hpp and metal/kernels/normals.h.

Minimax fits by Remez exchange with 60 digits.

Run: uv run --with mpmath python docs/numerics/normal_polynomials.py
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from mpmath import atanh, cos, expm1, log, lu_solve, matrix, mp, mpf, pi, sin, sqrt

mp.dps = 60
Function = Callable[[mpf], mpf]


def remez(f: Function, low: mpf, high: mpf, degree: int, rounds: int = 12) -> tuple[list[mpf], mpf]:
    """Coefficients, lowest first, and the largest error of the best polynomial on [low, high]."""
    count, grid_size = degree + 2, 600
    grid = [(low + high) / 2 - (high - low) / 2 * cos(pi * k / grid_size) for k in range(grid_size + 1)]
    points = [(low + high) / 2 - (high - low) / 2 * cos(pi * k / (count - 1)) for k in range(count)]
    coefficients: list[mpf] = []
    worst = mpf(0)
    for _ in range(rounds):
        system, values = matrix(count, count), matrix(count, 1)
        for row, x in enumerate(points):
            for power in range(degree + 1):
                system[row, power] = x**power
            system[row, degree + 1] = (-1) ** row
            values[row] = f(x)
        solution = lu_solve(system, values)
        coefficients = [solution[k] for k in range(degree + 1)]
        errors = [f(x) - sum(c * x**k for k, c in enumerate(coefficients)) for x in grid]
        worst = max(abs(e) for e in errors)
        extremes = alternating_extremes(errors)
        if len(extremes) < count:
            break
        while len(extremes) > count:
            extremes.pop(0 if abs(errors[extremes[0]]) < abs(errors[extremes[-1]]) else -1)
        points = [grid[k] for k in extremes]
    return coefficients, worst


def alternating_extremes(errors: list[mpf]) -> list[int]:
    """Places of the largest error between changes of sign."""
    places = [0]
    for k, error in enumerate(errors):
        if error * errors[places[-1]] < 0:
            places.append(k)
        elif abs(error) > abs(errors[places[-1]]):
            places[-1] = k
    return places


def single(x: mpf) -> float:
    return float(struct.unpack("f", struct.pack("f", float(x)))[0])


EIGHTH_TURN = mpf(1) / 64  # t^2 for |t| <= 1/8 of a turn
ATANH_ARGUMENT = (sqrt(mpf(2)) - 1) / (sqrt(mpf(2)) + 1)
FITS: list[tuple[str, Function, mpf, mpf, int, Callable[[mpf], float]]] = [
    (
        "log32: (log(1 + f) - f) / f^2 in f",
        lambda f: (log(1 + f) - f) / f**2 if abs(f) > mpf(10) ** -20 else -mpf(1) / 2,
        sqrt(mpf(1) / 2) - 1,
        sqrt(mpf(2)) - 1,
        8,
        single,
    ),
    (
        "log64: (2 artanh(s) / s - 2) / s^2 in s^2",
        lambda z: (2 * atanh(sqrt(z)) / sqrt(z) - 2) / z if z > mpf(10) ** -30 else mpf(2) / 3,
        mpf(0),
        ATANH_ARGUMENT**2,
        7,
        float,
    ),
    *(
        (f"sin{bits}: sin(2 pi t) / t in t^2", SINE, mpf(0), EIGHTH_TURN, degree, rounding)
        for SINE in [lambda z: sin(2 * pi * sqrt(z)) / sqrt(z) if z > 0 else 2 * pi]
        for bits, degree, rounding in ((32, 4, single), (64, 7, float))
    ),
    *(
        (f"cos{bits}: cos(2 pi t) in t^2", COSINE, mpf(0), EIGHTH_TURN, degree, rounding)
        for COSINE in [lambda z: cos(2 * pi * sqrt(z))]
        for bits, degree, rounding in ((32, 4, single), (64, 7, float))
    ),
    (
        "expm1_32: (exp(r) - 1 - r) / r^2 in r",
        lambda r: (expm1(r) - r) / r**2 if abs(r) > mpf(10) ** -20 else mpf(1) / 2,
        -log(mpf(2)) / 2,
        log(mpf(2)) / 2,
        5,
        single,
    ),
]

if __name__ == "__main__":
    for name, function, low, high, degree, rounding in FITS:
        found, error = remez(function, low, high, degree)
        print(f"{name}, largest error {float(error):.2g}")
        for value in reversed(found):
            print(f"  {rounding(value)!r}")
