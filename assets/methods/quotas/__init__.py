"""Quotas: seats by several columns at once, in rows or tokens, and the numbers that clash where there are none."""
