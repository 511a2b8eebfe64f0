"""A Market Data Engine of our own on port 8800: the documented calls, from the simulated market or a file."""
