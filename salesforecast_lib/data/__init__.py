"""Part I, data: from order lines to a panel with features (chapters 01 and 02)."""
