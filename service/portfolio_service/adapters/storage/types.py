"""Column types: exact decimals and UTC times; scaled integers and sortable text in SQLite."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, Integer, Numeric, String
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

from portfolio_service.domain.money import EXACT

POSTGRESQL = "postgresql"
DIGITS = 19  # of the largest 64-bit integer: both databases hold the same range


class Scaled(TypeDecorator[Decimal]):
    """A Decimal that is a multiple of 10**-places: an integer number of them in SQLite, NUMERIC in PostgreSQL."""

    impl = BigInteger
    cache_ok = True

    def __init__(self, places: int) -> None:
        super().__init__()
        self.places = places

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Decimal] | TypeEngine[int]:
        if dialect.name == POSTGRESQL:
            return dialect.type_descriptor(Numeric(DIGITS, self.places))
        return dialect.type_descriptor(BigInteger())

    @override
    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | Decimal | None:
        if value is None:
            return None
        scaled = value.scaleb(self.places)
        if scaled != scaled.to_integral_value() or abs(scaled) >= 2**63:
            raise ValueError(f"[storage] value: expected a multiple of 1e-{self.places} in range, got {value}")
        return value if dialect.name == POSTGRESQL else int(scaled)

    @override
    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """A start reads hundreds of thousands of them: one call each, where process_result_value would take three."""
        if dialect.name == POSTGRESQL:
            return None  # its driver gives a Decimal
        unit = Decimal(1).scaleb(-self.places)
        return lambda value: None if value is None else EXACT.multiply(value, unit)


class Utc(TypeDecorator[datetime]):
    """A time with a zone: 2025-08-24T10:30:15.000000Z in SQLite, TIMESTAMPTZ in PostgreSQL."""

    impl = String(27)
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime] | TypeEngine[str]:
        if dialect.name == POSTGRESQL:
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(String(27))

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"[storage] time: expected a time with a zone, got {value!r}")
        return value if dialect.name == POSTGRESQL else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    @override
    def process_result_value(self, value: str | datetime | None, dialect: Dialect) -> datetime | None:
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return None if value is None else datetime.fromisoformat(value)


def money_type() -> Scaled:
    return Scaled(2)


def units_type() -> Scaled:
    return Scaled(8)


def number_type() -> TypeEngine[int]:
    """For numbers that count up for ever; SQLite counts by itself only in an INTEGER, which has 64 bits there."""
    return BigInteger().with_variant(Integer(), "sqlite")
