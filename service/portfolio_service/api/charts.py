"""Geometry of the page's charts: numbers in, SVG path data and ticks out; the template draws them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640.0, 280.0
LEFT, RIGHT, TOP, BOTTOM = 62.0, 12.0, 12.0, 30.0


@dataclass(frozen=True)
class Tick:
    """A grid line: its position in the drawing and its label."""

    at: float
    label: str


@dataclass(frozen=True)
class Axis:
    """A linear scale from [low, high] to [start, end] in the drawing."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 2)

    def ticks(self, label: Callable[[float], str], most: int = 5) -> list[Tick]:
        """Round values within the axis."""
        step = _round_step((self.high - self.low) / most)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [Tick(self.at(i * step), label(i * step)) for i in range(first, last + 1)]


def horizontal(low: float, high: float) -> Axis:
    return Axis(*_widened(low, high), LEFT, WIDTH - RIGHT)


def vertical(low: float, high: float, top: float = TOP, bottom: float = HEIGHT - BOTTOM) -> Axis:
    return Axis(*_widened(low, high), bottom, top)


def line(xs: Sequence[float], ys: Sequence[float]) -> str:
    """Path data through points given in drawing units."""
    return "M" + " L".join(f"{x:.2f} {y:.2f}" for x, y in zip(xs, ys, strict=True)) if xs else ""


def area(xs: Sequence[float], ys: Sequence[float], base: float) -> str:
    """The same, closed along `base`."""
    return f"{line(xs, ys)} L{xs[-1]:.2f} {base:.2f} L{xs[0]:.2f} {base:.2f} Z" if xs else ""


def compact(value: float) -> str:
    """An amount in at most five characters: 950, 12.5k, 250k, 1.25M."""
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{unit}"
    return f"{value:.4g}"


def percent(value: float) -> str:
    """Without decimals, and never -0%."""
    return f"{round(100 * value) + 0:d}%"


def thinned(count: int, most: int = 320) -> list[int]:
    """At most about `most` indices of `count`, the first and the last among them."""
    step = max(1, math.ceil(count / most))
    return sorted({*range(0, count, step), count - 1}) if count else []


def _widened(low: float, high: float) -> tuple[float, float]:
    margin = 0.06 * (high - low) or max(abs(high) * 0.05, 0.01)
    return low - margin, high + margin


def _round_step(raw: float) -> float:
    power = 10.0 ** math.floor(math.log10(raw))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= raw - 1e-12)
