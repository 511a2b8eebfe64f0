"""The optimiser: one file a method, a registry, and the machinery that the methods share."""

from portfolio_engine._optimize import methods as _methods
from portfolio_engine._optimize.optimize import optimize

__all__ = ["optimize"]
assert _methods.__all__  # importing them registered them
