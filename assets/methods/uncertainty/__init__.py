"""Uncertainty: how sure models are of each row, and whether they believe its label. Its use belongs to `selecting`.

`score` is the way in for a pool with labels; the measures are also of use by themselves.
"""

from assets.methods.uncertainty.probe import ProbeSettings, steps
from assets.methods.uncertainty.scoring import Scores, score

__all__ = ["ProbeSettings", "Scores", "score", "steps"]
