"""Support library of the sales-forecasting book: each package is a part of the book."""

QUANTILES: tuple[float, ...] = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
QUANTILE_COLUMNS: tuple[str, ...] = tuple(f"q{p}" for p in QUANTILES)
