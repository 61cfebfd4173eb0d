"""Similarity: how alike the rows of a pool are to the items of a target set, by vectors, by words or by edits."""
