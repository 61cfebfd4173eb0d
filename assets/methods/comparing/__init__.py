"""Comparing: whether choosing rows by a strategy beats drawing them at random, by what a small model learns from them.

`experiment.compare` runs strategies against each other on held-out rows; `contrasts` judges the figures; `verdicts`
says it in words.
"""
