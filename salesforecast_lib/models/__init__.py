"""Part II, models: the LSTM, its training and its peers (chapters 03 to 06)."""
