"""Alerts of the risk limits: raised on the edge, cleared with hysteresis, durable, acknowledged by people."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from portfolio_service.domain import events
from portfolio_service.domain.errors import NotFound
from portfolio_service.domain.ids import new_id
from portfolio_service.domain.limits import DRAWDOWN, VAR_95, VOLATILITY, Key, Level, Measures, State
from portfolio_service.domain.models import Actor, Alert, Event
from portfolio_service.domain.ports import AlertStore, Clock

AT_ONCE = 100  # alerts in one transaction, so that a first check of many books holds nothing up
ENDED, REPLACED = "the portfolio is gone", "replaced by an alert of the other severity"


class Alerts:
    """The alerts that stand, in memory as in the database; memory follows each commit."""

    def __init__(self, store: AlertStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._standing: dict[Key, Alert] = {}
        self._listeners: list[Callable[[], None]] = []

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call `listener()` after each commit: there are new events in the outbox."""
        self._listeners.append(listener)

    async def load(self) -> None:
        """What stood when the service stopped: it is not raised again."""
        self._standing = {_key(alert): alert for alert in await self._store.standing()}

    async def update(
        self, near: Mapping[Key, float], levels: Mapping[str, Mapping[str, Level]], measures: Mapping[str, Measures]
    ) -> list[Event]:
        """Raise and clear what has changed; the events of it, which are in the outbox with the alerts."""
        now, told = self._clock.now(), list[Event]()
        changes = self._changes(near, levels, measures, now)
        while batch := list(islice(changes, AT_ONCE)):
            raised = [new for _, new, _ in batch if new is not None]
            cleared = [replace(old, cleared_at=now) for old, _, _ in batch if old is not None]
            found = [event for old, new, why in batch for event in _events(old, new, why, now)]
            await self._store.record(raised, cleared, found)
            for alert in cleared:
                self._standing.pop(_key(alert), None)
            self._standing.update({_key(alert): alert for alert in raised})
            told += found
            for listener in self._listeners:
                listener()
            await asyncio.sleep(0)  # requests go first
        return told

    async def page(
        self, portfolio_id: str | None, status: str, severity: str | None, limit: int, offset: int
    ) -> tuple[Sequence[Alert], int]:
        """Newest first, and how many there are in all."""
        return await self._store.page(portfolio_id, status, severity, limit, offset)

    async def acknowledge(self, alert_id: str, note: str | None, actor: Actor) -> Alert:
        """Somebody has seen it; a second time changes nothing. NotFound("alert_not_found")."""
        found = await self._store.acknowledge(alert_id, actor, note, self._clock.now())
        if found is None:
            raise NotFound("alert_not_found", f"no alert {alert_id!r}; GET /alerts?status=all lists them")
        return found

    def standing(self) -> Sequence[Alert]:
        """Those not cleared."""
        return list(self._standing.values())

    def _changes(
        self,
        near: Mapping[Key, float],
        levels: Mapping[str, Mapping[str, Level]],
        measures: Mapping[str, Measures],
        now: datetime,
    ) -> Iterator[tuple[Alert | None, Alert | None, str]]:
        """(the alert that ends, the one that is raised, why it ends)."""
        for key, value in near.items():
            old = self._standing.get(key)
            level = levels[key[0]][key[1]]
            state = level.state(value, _held(old, level))
            if state in ("warning", "breach") and (old is None or old.severity != state):
                yield old, _alert(key, state, level, value, now), REPLACED
            elif state in ("ok", "disabled") and old is not None:
                yield old, None, _back(old, value)
        for key, old in list(self._standing.items()):
            if key in near:
                continue
            if key[0] not in levels:
                yield old, None, ENDED
            elif _known(key[1], measures.get(key[0])):
                yield old, None, _back(old, None)


def _known(limit: str, measures: Measures | None) -> bool:
    """Whether the limit's value is known now; while it is not, its alert stays as it is."""
    if limit == VOLATILITY:
        return measures is not None and measures.volatility is not None
    if limit == VAR_95:
        return measures is not None and measures.var_95 is not None
    return limit != DRAWDOWN or (measures is not None and measures.high is not None)


def _held(old: Alert | None, level: Level) -> State:
    """What hysteresis holds on to: the severity of an alert, as long as its level is still the limit's."""
    if old is None or old.level != (level.breach if old.severity == "breach" else level.warning):
        return "ok"
    return "breach" if old.severity == "breach" else "warning"


def _key(alert: Alert) -> Key:
    return alert.portfolio_id, alert.limit, alert.subject


def _alert(key: Key, severity: str, level: Level, value: float, now: datetime) -> Alert:
    portfolio_id, limit, subject = key
    at = level.breach if severity == "breach" else level.warning
    what = "the limit is" if severity == "breach" else f"the limit {level.breach:g} is near: warning from"
    message = f"{subject}: " if subject else ""
    message += f"{limit} is {value:.4g}, {what} {at:g}"
    return Alert(new_id("alert"), portfolio_id, limit, subject, severity, at, value, message, now)


def _back(old: Alert, value: float | None) -> str:
    subject = f"{old.subject}: " if old.subject else ""
    now = "below it" if value is None else f"{value:.4g}"
    return f"{subject}{old.limit} was {old.value:.4g} beyond {old.level:g}, is {now} now"


def _events(old: Alert | None, new: Alert | None, why: str, now: datetime) -> Iterator[Event]:
    if old is not None:
        yield _event(old, "cleared", why, now)
    if new is not None:
        yield _event(new, "raised", new.message, now)


def _event(alert: Alert, status: str, message: str, now: datetime) -> Event:
    return events.risk_alert(
        alert.portfolio_id,
        alert.limit,
        alert.level,
        alert.value,
        message,
        now,
        subject=alert.subject,
        severity=alert.severity,
        alert_id=alert.alert_id,
        status=status,
    )
