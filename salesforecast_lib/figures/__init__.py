"""Figures longer than a notebook cell; used by notebooks only."""
