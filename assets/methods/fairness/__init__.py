"""Fairness: what a selection added to the pool's own skew, in classes, groups, mentions of groups and their company."""
