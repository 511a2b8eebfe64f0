"""Shadow prices by name, worked out when somebody looks at them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np

from portfolio_engine._labels import Array
from portfolio_engine._optimize.point import Point
from portfolio_engine._optimize.program import TRACKING, TURNOVER, Program


class ShadowPrices(Mapping[str, float]):
    """Slopes of the stated objective: `scale` times those of the point's minimum, and `extra` by name.

    A bound given once for all assets also lists each asset that it holds. The names of thousands of assets cost more
    than the optimum itself, so nothing is put into words before the first look.
    """

    def __init__(
        self, point: Point, scale: float, extra: Mapping[str, float], hard: Program, labels: tuple[str, ...]
    ) -> None:
        self._source = (point, scale, extra, hard, labels)

    @cached_property
    def _prices(self) -> dict[str, float]:
        point, scale, extra, hard, labels = self._source
        prices = {name: scale * slope + 0.0 for name, slope in slopes(point).items()}
        box = point.z_box[: hard.n]
        for names, held in ((hard.lb_names, box < 0), (hard.ub_names, box > 0)):
            for k in held.nonzero()[0].tolist():
                if not names[k].endswith("]"):
                    prices[f"{names[k]}[{labels[k]}]"] = float(-scale * box[k])
        return prices | dict(extra)

    def __getitem__(self, name: str) -> float:
        return self._prices[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._prices)

    def __len__(self) -> int:
        return len(self._prices)

    def __repr__(self) -> str:
        return repr(self._prices)


def slopes(point: Point) -> dict[str, float]:
    """Constraint name -> derivative of the point's minimum with respect to the bound as it is written."""
    program = point.program
    out = dict.fromkeys((*program.a_names, *program.g_names, *program.lb_names, *program.ub_names), 0.0)
    kinds: tuple[tuple[tuple[str, ...], Array], ...] = (
        (program.a_names, -point.y),
        (program.g_names, -point.z * program.g_sign),
        (program.lb_names, -np.minimum(point.z_box, 0.0)),
        (program.ub_names, -np.maximum(point.z_box, 0.0)),
    )
    for names, values in kinds:
        for k in values.nonzero()[0].tolist():
            out[names[k]] += float(values[k])
    out.pop("", None)
    if program.trades is not None and math.isfinite(program.trades.limit):
        out[TURNOVER] = -point.turnover_dual
    if program.tracking is not None:
        out[TRACKING] = -point.tracking_dual * program.tracking.limit
    return out
