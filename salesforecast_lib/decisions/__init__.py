"""Part IV, decisions: what a shop does with a forecast (chapters 08 to 13)."""
