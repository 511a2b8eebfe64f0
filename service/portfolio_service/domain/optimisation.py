"""Optimisations: data and request to the library, its answer to a stored target; all maths is the library's."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from cachetools import TTLCache

import portfolio_engine as pe
from portfolio_service.domain import events
from portfolio_service.domain.answers import Answer, FrontierAnswer, relaxed_alerts
from portfolio_service.domain.books import Books
from portfolio_service.domain.errors import Conflict, DomainError, FieldError, Unacceptable
from portfolio_service.domain.estimation import Sample, load_sample
from portfolio_service.domain.ids import new_id
from portfolio_service.domain.models import (
    Actor,
    Book,
    Change,
    OptimizationMethod,
    OptimizationRecord,
    Portfolio,
    Receipt,
    Target,
)
from portfolio_service.domain.ports import Clock, MarketDataClient, Repository
from portfolio_service.domain.prices import Prices
from portfolio_service.domain.requests import (
    FrontierRequest,
    OptimizeRequest,
    check_names,
    documented,
    field_of,
    refusal,
    to_constraints,
)
from portfolio_service.domain.symbols import clean, require_prices
from portfolio_service.domain.valuation import value
from portfolio_service.domain.workers import QUEUE_SIZE, Workers, given_up

__all__ = ["FrontierRequest", "OptimisationService", "OptimizeRequest"]

A = TypeVar("A", Answer, FrontierAnswer)

RISK_AVERSION = 2.5
MAX_ATTEMPTS = 3  # when the books keep changing under an optimisation
BYTES = 8


@dataclass(frozen=True)
class Question:
    """What an answer takes from the books; while it is the same, ticks and other changes do not make it wrong."""

    method: OptimizationMethod
    symbols: tuple[str, ...]
    book: Book | None  # None unless turnover is limited


class OptimisationService:
    """Optimises outside any lock, in worker threads; applies the result under the book's lock."""

    def __init__(
        self,
        *,
        books: Books,
        prices: Prices,
        market: MarketDataClient,
        repository: Repository,
        clock: Clock,
        workers: int = 4,
        queue_size: int = QUEUE_SIZE,
        timeout_s: float = 300.0,
        cache_ttl_s: float = 1800.0,
        estimation_days: int = 756,
        risk_free_rate: float = 0.02,
        max_memory: int = 8 * 2**30,
        max_cached: int = 8_000_000,
    ) -> None:
        self._books = books
        self._prices = prices
        self._market = market
        self._repository = repository
        self._clock = clock
        self._estimation_days = estimation_days
        self._risk_free_rate = risk_free_rate
        self._max_memory = max_memory
        self._cache: TTLCache[str, Any] = TTLCache(
            max_cached, cache_ttl_s, timer=lambda: clock.now().timestamp(), getsizeof=lambda answer: answer.size
        )
        self.workers = Workers(workers, queue_size, timeout_s)
        self.cache_hits = self.cache_misses = 0
        self.failures: Counter[str] = Counter()  # optimisations without a result, by error code

    @property
    def cache_efficiency(self) -> float:
        """Share of the questions since the start that were answered from the cache."""
        asked = self.cache_hits + self.cache_misses
        return self.cache_hits / asked if asked else 0.0

    async def optimize(
        self,
        portfolio_id: str,
        request: OptimizeRequest,
        actor: Actor,
        if_match: int | None = None,
        cancel: pe.CancelToken | None = None,
    ) -> OptimizationRecord:
        """The finished optimisation, stored as the portfolio's target and policy; nothing is traded. With `cancel`
        the caller ends the computation, and nothing is stored."""
        cancel = cancel or pe.CancelToken()
        self._books.check_version(self._books.get(portfolio_id), if_match)
        with self._books.activity(portfolio_id, "optimizing"), self._counted():
            for _ in range(MAX_ATTEMPTS):
                begin = time.perf_counter()
                portfolio = self._books.get(portfolio_id)
                question = self._question(portfolio, request)
                answer, cached = await self._answer(portfolio, question, request, cancel)
                milliseconds = (time.perf_counter() - begin) * 1e3
                async with self._books.lock(portfolio_id):
                    portfolio = self._books.get(portfolio_id)
                    self._books.check_version(portfolio, if_match)
                    if self._question(portfolio, request) == question:
                        return await self._apply(portfolio, request, question, answer, milliseconds, cached, actor)
        raise Conflict("version_conflict", f"{portfolio_id} kept changing while it was optimised; try again")

    async def history(self, portfolio_id: str, limit: int, offset: int) -> tuple[Sequence[OptimizationRecord], int]:
        """Finished optimisations, newest first, and how many there are in all."""
        self._books.get(portfolio_id)
        return await self._repository.optimizations(portfolio_id, limit, offset)

    async def frontier(self, request: FrontierRequest, cancel: pe.CancelToken | None = None) -> dict[str, Any]:
        """Points of the efficient frontier, with the maximum-Sharpe and the minimum-variance portfolio."""
        cancel = cancel or pe.CancelToken()
        symbols = self._frontier_symbols(request)
        sample = await self._sample(symbols, request.lookback_days, asked=request.symbols is not None)
        self._check_memory(len(symbols), len(sample.returns), request.points)
        rate = self._risk_free_rate if request.risk_free_rate is None else request.risk_free_rate
        weights = await self._frontier_weights(request, symbols)
        constraints = self._constraints(request, symbols, weights)

        def compute() -> FrontierAnswer:
            moments = pe.estimate_moments(sample.returns)
            frontier = pe.efficient_frontier(moments, request.points, constraints, risk_free_rate=rate, cancel=cancel)
            return FrontierAnswer.of(frontier, sample.source)

        parameters = ["frontier", request.points, rate, weights, dict(request.constraints)]
        answer, _ = await self._cached(sample, parameters, compute, cancel)
        return dict(answer.reply)

    def close(self) -> None:
        self.workers.close()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        try:
            yield
        except DomainError as error:
            self.failures[error.code] += 1
            raise

    def _question(self, portfolio: Portfolio, request: OptimizeRequest) -> Question:
        symbols = clean(request.symbols) if request.symbols is not None else _universe(portfolio)
        if not symbols:
            raise Conflict("no_positions", f"{portfolio.portfolio_id} holds nothing; send `symbols` to choose from")
        limited = request.constraints.get("max_turnover") is not None
        method = request.method or portfolio.optimization_method
        return Question(method, tuple(symbols), portfolio.book if limited else None)

    async def _current_weights(self, portfolio: Portfolio, question: Question) -> dict[str, float]:
        """Weights that turnover is counted from; empty where it is not limited."""
        return {} if question.book is None else await self._weights(portfolio, question.symbols)

    async def _weights(self, portfolio: Portfolio, symbols: Sequence[str]) -> dict[str, float]:
        await self._prices.current(list(portfolio.book.holdings))
        positions = value(portfolio, self._prices, self._clock.now()).positions
        return {symbol: positions[symbol].weight for symbol in symbols if symbol in positions}

    async def _answer(
        self, portfolio: Portfolio, question: Question, request: OptimizeRequest, cancel: pe.CancelToken
    ) -> tuple[Answer, bool]:
        sample = await self._sample(question.symbols, request.lookback_days, asked=request.symbols is not None)
        self._check_memory(len(question.symbols), len(sample.returns), 1)
        weights = await self._current_weights(portfolio, question)
        constraints = self._constraints(request, question.symbols, weights)
        options = self._options(question.method, request)

        def compute() -> Answer:
            moments = pe.estimate_moments(sample.returns)
            allocation = pe.optimize(moments, question.method.value, constraints, cancel=cancel, **options)
            return Answer.of(allocation, sample.source)

        parameters = [question.method, weights, dict(request.constraints), options]
        return await self._cached(sample, parameters, compute, cancel)

    def _options(self, method: OptimizationMethod, request: OptimizeRequest) -> dict[str, Any]:
        options: dict[str, Any] = {
            "target_return": request.target_return,
            "max_volatility": request.max_volatility,
            "risk_aversion": RISK_AVERSION if request.risk_aversion is None else request.risk_aversion,
            "risk_free_rate": self._risk_free_rate if request.risk_free_rate is None else request.risk_free_rate,
            "strict": request.strict,
        }
        if request.views is not None:
            options["views"] = [dict(view) for view in request.views]
        if request.risk_budgets is not None:
            options["risk_budgets"] = dict(request.risk_budgets)
        return options

    async def _sample(self, symbols: Sequence[str], lookback_days: int | None, *, asked: bool) -> Sample:
        known = self._market.known_symbols()
        if asked and known is not None:
            require_prices(sorted(set(symbols) - set(known)), {}, self._market)
        return await load_sample(self._market, symbols, lookback_days or self._estimation_days)

    def _constraints(
        self, request: OptimizeRequest | FrontierRequest, symbols: Sequence[str], weights: Mapping[str, float]
    ) -> pe.Constraints:
        check_names(request, symbols)
        try:
            return to_constraints(request.constraints, symbols, self._market.sector, weights)
        except ValueError as error:
            raise refusal(error) from error

    async def _cached(
        self, sample: Sample, parameters: Any, compute: Callable[[], A], cancel: pe.CancelToken
    ) -> tuple[A, bool]:
        """The answer and whether it was known; a failure is not kept."""
        key = sample.fingerprint(parameters)
        if (known := self._cache.get(key)) is not None:
            self.cache_hits += 1
            return known, True
        self.cache_misses += 1
        try:
            answer = await self.workers.run(compute, cancel)
        except pe.CancelledError as error:
            raise given_up() from error
        except pe.InfeasibleError as error:
            fields = [FieldError(field_of(name), documented(error.explanation)) for name in error.conflict]
            raise Unacceptable("infeasible", f"constraints: {_conflict(error)}", fields) from error
        except pe.SolverError as error:
            raise Unacceptable("numerical_error", f"no verified answer: {documented(str(error))}") from error
        except ValueError as error:
            raise refusal(error) from error
        with suppress(ValueError):  # larger than the whole cache
            self._cache[key] = answer
        return answer, False

    async def _apply(
        self,
        portfolio: Portfolio,
        request: OptimizeRequest,
        question: Question,
        answer: Answer,
        milliseconds: float,
        cached: bool,
        actor: Actor,
    ) -> OptimizationRecord:
        now = self._clock.now()
        record = answer.record(new_id("opt"), portfolio.portfolio_id, question.method, milliseconds, now, cached)
        target = Target(dict(record.target_weights), answer.relaxed, record.optimization_id)
        after = replace(
            portfolio, version=portfolio.version + 1, target=target, policy=dict(request.raw), valuation=None
        )
        told = (events.optimized(record), *relaxed_alerts(record))

        def written() -> tuple[OptimizationRecord, Receipt | None]:
            reply = answer.with_covariance(record)
            return reply, actor.receipt(after, reply)

        reply, receipt = await asyncio.to_thread(written)  # a covariance is megabytes of text
        await self._books.apply(
            Change(
                "portfolio.optimize",
                after,
                portfolio.version,
                actor,
                now,
                optimization=record,
                events=told,
                receipt=receipt,
            )
        )
        return reply

    async def _frontier_weights(self, request: FrontierRequest, symbols: Sequence[str]) -> dict[str, float]:
        """Weights that turnover is counted from: those of the portfolio, without one there is nothing to count from."""
        if request.constraints.get("max_turnover") is None:
            return {}
        if request.portfolio_id is None:
            message = "expected portfolio_id beside it: turnover is counted from a portfolio's weights"
            field = "constraints.max_turnover"
            raise Unacceptable("invalid_argument", f"{field}: {message}", [FieldError(field, message)])
        return await self._weights(self._books.get(request.portfolio_id), symbols)

    def _frontier_symbols(self, request: FrontierRequest) -> tuple[str, ...]:
        if (request.symbols is None) == (request.portfolio_id is None):
            got = "neither" if request.symbols is None else "both"
            raise Unacceptable("invalid_argument", f"expected symbols or portfolio_id, got {got}")
        if request.symbols is not None:
            return clean(request.symbols)
        assert request.portfolio_id is not None
        symbols = _universe(self._books.get(request.portfolio_id))
        if not symbols:
            raise Conflict("no_positions", f"{request.portfolio_id} holds nothing; send `symbols` instead")
        return symbols

    def _check_memory(self, n: int, rows: int, points: int) -> None:
        """The largest arrays alive at once: returns and their copy, a dozen n x n matrices, the frontier's weights."""
        estimate = BYTES * (3 * rows * n + 12 * n * n + points * n)
        if estimate > self._max_memory:
            raise Unacceptable(
                "memory_limit",
                f"{n} symbols over {rows} days need about {estimate / 2**20:.0f} MB, "
                f"PORTFOLIO_MAX_MEMORY allows {self._max_memory / 2**20:.0f} MB",
            )


def _conflict(error: pe.InfeasibleError) -> str:
    names = " and ".join(documented(name) for name in error.conflict)
    return f"{names} cannot be met: {documented(error.explanation)}"


def _universe(portfolio: Portfolio) -> tuple[str, ...]:
    """What is held, and what the last optimisation gave nothing: being sold does not bar a name for ever."""
    target = portfolio.target.weights if portfolio.target else {}
    held = tuple(portfolio.book.holdings)
    return (*held, *(symbol for symbol, weight in target.items() if weight == 0 and symbol not in held)) if held else ()
