"""Part III, evaluation: metrics and rolling-origin backtests (chapter 07)."""
