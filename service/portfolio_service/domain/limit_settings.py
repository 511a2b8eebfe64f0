"""Setting the risk limits of a portfolio: a change like any other, with its version and audit record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from portfolio_service.domain.books import Books
from portfolio_service.domain.errors import FieldError, Unacceptable
from portfolio_service.domain.limits import DEFAULTS, Level, stored
from portfolio_service.domain.models import Actor, Change, Portfolio
from portfolio_service.domain.ports import Clock


class LimitSettings:
    """Replaces a portfolio's limits; what is not named goes back to the documented level."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books = books
        self._clock = clock

    async def put(
        self, portfolio_id: str, levels: Mapping[str, Level], actor: Actor, if_match: int | None = None
    ) -> Portfolio:
        """The portfolio after it; Unacceptable("limit_order") when a warning is above its breach."""
        for name, level in levels.items():
            if level.warning > level.breach:
                detail = f"{name}: expected warning <= breach, got {level.warning:g} above {level.breach:g}"
                raise Unacceptable("limit_order", detail, [FieldError(f"{name}.warning", detail)])
        async with self._books.lock(portfolio_id):
            portfolio = self._books.get(portfolio_id)
            self._books.check_version(portfolio, if_match)
            limits = stored({**DEFAULTS, **levels})
            after = replace(portfolio, limits=limits, version=portfolio.version + 1)
            change = Change("portfolio.limits", after, portfolio.version, actor, self._clock.now())
            return await self._books.apply(change)
