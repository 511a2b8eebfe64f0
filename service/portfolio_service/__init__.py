"""The portfolio service: books, market data, optimisation and reports behind the documented REST API."""
