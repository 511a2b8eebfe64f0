"""The portfolio service: books, market data, optimisation and reports behind the documented REST API."""

from importlib.metadata import version

__version__ = version("portfolio-engine")
