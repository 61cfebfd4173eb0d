"""The settings under `strategy_comparison`: which strategies are compared with chance, on what, and how often."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from assets.section import Section


class StrategyComparison(Section):
    """The random control: does the choice beat chance?"""

    seeds: Annotated[int, Field(ge=3, le=100)] = 5
