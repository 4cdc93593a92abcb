"""What a plan saves against the best rule that needs no model; the rule of thumb would flatter it (chapter 08)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from salesforecast_lib.decisions.driving import RULES

THUMB = "rule of thumb"
_WORDS = {"WindowAverage": "window average", "SeasonalNaive": "seasonal naive"}


def simple_rule(policies: Mapping[str, Mapping[str, Any]], column: str = "total") -> str:
    """Name of the cheapest rule without a model among ``policies``; empty where there is none.

    ``policies`` : costs by policy, as in ``inventory.json``; ``column`` : the cost that counts.
    """
    rules = {name: float(policies[name][column]) for name in (THUMB, *RULES) if name in policies}
    return min(rules, key=rules.__getitem__) if rules else ""


def in_words(rule: str) -> str:
    """A rule's name in a sentence."""
    return _WORDS.get(rule, rule)


def saving(policies: Mapping[str, Mapping[str, Any]], name: str, column: str = "total") -> float:
    """Percent by which ``name`` costs less than the best simple rule; not a number where there is none."""
    rule = simple_rule(policies, column)
    cost = float(policies[rule][column]) if rule else 0.0
    return 100 * (1 - float(policies[name][column]) / cost) if cost > 0 and name in policies else float("nan")


def saving_words(report: Mapping[str, Any]) -> str:
    """One clause on what the plan saves in simulated past months, from ``inventory.json``; empty where it cannot say.

    Where the report has ``months``, the last one counts, in which neither policy nor rule was chosen.
    """
    months = report.get("months") or {}
    policies, rules = months.get("policies") or {}, months.get("simple_rules") or {}
    chosen = report.get("policy", "")
    if chosen in policies and rules:
        best = min(rules, key=lambda name: float(rules[name]["earlier"]))
        ours, theirs, span = float(policies[chosen]["last"]), float(rules[best]["last"]), "the last simulated month"
    else:
        costs, model = report.get("policies") or {}, report.get("model", "")
        best, chosen = simple_rule(costs), model
        if not best or model not in costs:
            return ""
        ours, theirs, span = float(costs[model]["total"]), float(costs[best]["total"]), "the simulated months"
    if theirs <= 0:
        return ""
    change = 100 * (1 - ours / theirs)
    if abs(change) < 0.5:
        return f"in {span} the plan costs about as much as the best simple rule ({in_words(best)})"
    word = "less" if change > 0 else "more"
    return f"in {span} the plan costs {abs(change):.1f} % {word} than the best simple rule ({in_words(best)})"
