"""What exists: one module per asset, and the pure methods they call.

Nothing in here imports `orchestration`; how and when the assets run is decided there.
"""
