"""What would mend what a check found, a setting mostly; and which findings block nothing, because they were asked for.

What belongs here: settings and comparisons in, sentences out. The findings themselves are `comparisons.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from assets.methods import balance
from assets.selection_params import CLASS, Quota, SelectedSubset, TokenBudget
from assets.tables import escape
from orchestration.comparisons import AGAIN, Comparison, listed

_TYPICAL = ("scores", "facility_location", "kmeans")  # ways of covering that by themselves give rows like the pool's
_NEUTRAL = ("label_quality", "answer_quality", "random")  # scores that do
_WARNS = "a warning only, which blocks nothing"
_OTHER = "rows unlike the pool's"


def class_remedy(
    comparison: Comparison, target: str | Mapping[str, float], settings: SelectedSubset, seats: Mapping[str, int] | None
) -> str:
    """What would mend the class balance. `seats`: of the classes, None where no quota governs them."""
    if comparison.unknown:
        return AGAIN
    if comparison.missing:
        return _for_missing(comparison, settings, seats)
    wanted = "natural" if target in ("auto", "pool") else target
    if seats is None or (target != "auto" and _class_rule(settings) != wanted):
        return _class_quota(settings, wanted)
    if target != "auto" and balance.kl_divergence(seats, comparison.target) > comparison.bound:
        return "the pool cannot give that: lower selected_subset.budget or set checks.class_balance.target: auto"
    return _for_empty_seats(settings)


def bias_remedy(comparisons: Sequence[Comparison], settings: SelectedSubset) -> str:
    """What would mend a bias."""
    if any(comparison.unknown for comparison in comparisons):
        return AGAIN
    if any(each.column == "length_band" for each in comparisons) and _prefers_short_rows(settings):
        return "set selected_subset.budget.strength: 0"
    if not settings.quota or any(quota.rule != "natural" for quota in settings.quota):
        return "set selected_subset.quota: natural"
    far = max((c.divergence for c in comparisons if math.isfinite(c.divergence)), default=0.0)
    accept = math.ceil(far * 100) / 100
    lacking = any(comparison.missing for comparison in comparisons)
    accepted = "" if lacking else f", or set checks.bias.tolerance: {accept:g} if this is wanted"
    return f"{_towards_likeness(settings)}{accepted}"


def why_classes_only_warn(settings: SelectedSubset) -> str:
    """Why no class balance is owed: nothing asks for one."""
    what = f"gives no shares to the classes, but to {_columns(settings)}" if settings.quota else "is none"
    return f"{_WARNS}: selected_subset.quota {what}, and checks.class_balance.target is auto"


def why_bias_only_warns(settings: SelectedSubset) -> str:
    """Why no likeness to the pool is owed: other rows were asked for."""
    asked = []
    if isinstance(settings.budget, TokenBudget):
        asked.append("a budget in tokens")
    if settings.filters:
        asked.append("rows that pass filters")
    if settings.coverage.method not in _TYPICAL:
        asked.append(f"coverage: {settings.coverage.method}")
    if names := _other_scores(settings):
        asked.append(f"rows by {listed(names, 'and')}")
    if not settings.quota:
        asked.append("no quota")
    return f"{_WARNS}: selected_subset asks for {listed(asked or [_OTHER], 'and')}"


def _for_missing(comparison: Comparison, settings: SelectedSubset, seats: Mapping[str, int] | None) -> str:
    rows, classes = sum(comparison.subset.values()), len(comparison.required)
    rule = _class_rule(settings)
    if seats is None:
        return _class_quota(settings, "natural")
    if any(name not in seats for name in comparison.missing):
        return "let some of its rows pass selected_subset.filters and selected_subset.exclude"
    without_seats = any(not seats[name] for name in comparison.missing)
    if without_seats and isinstance(rule, Mapping):
        return "give every class a share in selected_subset.quota, or set selected_subset.quota: natural"
    if rows < classes:
        if isinstance(settings.budget, TokenBudget):
            return "raise selected_subset.budget.tokens"
        return f"raise selected_subset.budget to at least {classes}"
    are_left_out = any(score.missing == "leave_out" for score in settings.scores)
    if without_seats and rule in ("natural", "equal") and are_left_out:
        # Either rule has a seat for each class of which any row can be chosen.
        return "set missing: lowest for selected_subset.scores, so that rows without a score can be chosen"
    if without_seats:
        return "give the classes a minimum of 1 in selected_subset.quota"
    return _for_empty_seats(settings)


def _for_empty_seats(settings: SelectedSubset) -> str:
    """Where seats were given, and yet no row took them."""
    if settings.coverage.method == "distinct":
        return "raise selected_subset.coverage.max_similarity: rows that are too alike leave seats empty"
    return AGAIN


def _towards_likeness(settings: SelectedSubset) -> str:
    """The setting that most makes the subset unlike the pool, with quotas that do not."""
    if settings.coverage.method not in _TYPICAL:
        return "set selected_subset.coverage: facility_location"
    if settings.filters:
        return "widen selected_subset.filters"
    if names := _other_scores(settings):
        return f"lower the strength of {listed(names, 'and')} in selected_subset.scores"
    if _prefers_short_rows(settings):
        return "set selected_subset.budget.strength: 0"
    return f"raise selected_subset.budget{'.tokens' if isinstance(settings.budget, TokenBudget) else ''}"


def _prefers_short_rows(settings: SelectedSubset) -> bool:
    """Whether rows are taken by their gain per token."""
    return isinstance(settings.budget, TokenBudget) and settings.budget.strength > 0


def _class_quota(settings: SelectedSubset, rule: str | Mapping[str, float]) -> str:
    """The quota that would give the classes these shares."""
    shown = rule if isinstance(rule, str) else "the shares of checks.class_balance.target"
    if all(quota.by in (CLASS, "label") for quota in settings.quota):
        return f"set selected_subset.quota: {shown}"
    if _class_quotas(settings):
        return f"set the rule of the classes in selected_subset.quota to {shown}"
    return f"add a quota by {CLASS} to selected_subset.quota, its rule {shown}"


def _class_quotas(settings: SelectedSubset) -> list[Quota]:
    return [quota for quota in settings.quota if quota.by in (CLASS, "label")]


def _class_rule(settings: SelectedSubset) -> str | Mapping[str, float]:
    return next((quota.rule for quota in _class_quotas(settings)), "none")


def _columns(settings: SelectedSubset) -> str:
    return listed([escape(quota.by, 60) for quota in settings.quota], "and")


def _other_scores(settings: SelectedSubset) -> list[str]:
    """Scores that give other rows than the pool's, escaped."""
    return [f"'{escape(score.column, 60)}'" for score in settings.scores if score.column not in _NEUTRAL]
