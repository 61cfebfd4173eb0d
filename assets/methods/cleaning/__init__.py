"""Cleaning: named steps, each a statistic computed once as a column and a bound that is applied to it afterwards."""
