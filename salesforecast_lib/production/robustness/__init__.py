"""Chapter 16b, robustness: what can break a forecast, and what stops it."""
