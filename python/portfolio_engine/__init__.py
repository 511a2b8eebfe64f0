"""Portfolio construction: native kernels, moments, optimisation, frontier, rebalancing and backtests."""
