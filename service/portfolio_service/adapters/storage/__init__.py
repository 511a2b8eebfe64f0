"""Storage: the books in SQLite, in one file."""

from portfolio_service.adapters.storage.recovery import BooksDamaged
from portfolio_service.adapters.storage.repository import SqlRepository

__all__ = ["BooksDamaged", "SqlRepository"]
