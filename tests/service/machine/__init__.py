"""Random lives of portfolios over the whole API, and the naive books they are held against."""
