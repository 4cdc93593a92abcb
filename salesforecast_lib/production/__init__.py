"""Part V, production: room for chapters 12 to 16."""
