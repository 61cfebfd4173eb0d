"""Selecting: one optimiser for any scores, ways of covering, budgets in rows or tokens, and quotas of any columns."""
