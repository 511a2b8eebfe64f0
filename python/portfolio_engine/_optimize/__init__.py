"""The optimiser: one file a method, a registry, and the machinery that the methods share."""

from portfolio_engine._optimize import methods  # importing them registers them
from portfolio_engine._optimize.batch import optimize_batch
from portfolio_engine._optimize.entry import optimize

__all__ = ["methods", "optimize", "optimize_batch"]
