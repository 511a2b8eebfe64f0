"""Market data providers behind the MarketDataClient port."""
