"""Part V, production: what a run becomes when it answers every day (chapters 14 and 15)."""
