"""Duplicates: the best row of each group stays, and a row goes only for a row that stays."""
