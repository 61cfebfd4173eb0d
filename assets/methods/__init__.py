"""Pure methods: arrays and Arrow tables in; indices, scores and small dataclasses out.

No module here knows Dagster, DVC, Great Expectations, the settings file or the layout of `data/`.
"""
