"""What stored results of fev-bench say, in sentences: our place, who is ahead, and which statements are true."""

from __future__ import annotations

from typing import Any

from tests.benchmarks.fev_score import ranks

RIVAL = "Chronos-2"
BEHIND = 0.02  # of the best published loss: how far behind we would like to be nowhere
Result = dict[str, Any]


def official(results: dict[str, Result]) -> dict[str, Result]:
    """Tasks of the published protocol: not those to which columns were added, nor those that nobody published."""
    return {name: result for name, result in results.items() if not result["base"] and result["published"]}


def loss_of(result: Result, model: str, measure: str = "SQL") -> float | None:
    """A published loss; None where there is none."""
    return next((row[measure] for row in result["published"] if row["model"] == model and measure in row), None)


def best(result: Result, measure: str = "SQL") -> tuple[str, float]:
    """The published model with the lowest loss, and it."""
    row = min((row for row in result["published"] if measure in row), key=lambda row: row[measure])
    return row["model"], row[measure]


def ahead(result: Result, rival: float, measure: str = "SQL") -> float:
    """Our loss relative to another: negative where ours is lower."""
    return float(result["champion"][measure] / rival - 1)


def place(result: Result) -> str:
    """Our rank in one task and our distance from the best published model and from the rival."""
    rank, count = ranks(result["champion"], result["published"])["SQL"], len(result["published"]) + 1
    name, loss = best(result)
    own = result["champion"]["SQL"]
    first = f"**The champion is number {rank} of {count}** (SQL {own:.4f})"
    if rank == 1:
        words = f"{first}, {-ahead(result, loss):.1%} below the best published model, {name} ({loss:.4f})"
    else:
        words = f"{first}; **{name}** is first ({loss:.4f}), ours is {ahead(result, loss):.1%} higher"
    rival = loss_of(result, RIVAL)
    if rival is not None and name != RIVAL:
        side = "below" if own < rival else "above"
        words += f". It is {abs(ahead(result, rival)):.1%} {side} {RIVAL}"
    flagged = [row["model"] for row in result["published"] if row["trained_on_this_data"]]
    if flagged:
        words += f". By their publishers' word {', '.join(flagged)} had seen these data in training"
    others = ranks(result["champion"], result["published"])
    return f"{words}. In MASE it is number {others['MASE']}, in WAPE number {others['WAPE']}."


def statements(results: dict[str, Result]) -> list[tuple[str, bool, str]]:
    """What we would like to be true, whether it is, and the figures that say so."""
    tasks = official(results)
    rivals = {name: ahead(r, loss) for name, r in tasks.items() if (loss := loss_of(r, RIVAL)) is not None}
    gaps = {name: ahead(result, best(result)[1]) for name, result in tasks.items()}
    behind = {name: gap for name, gap in rivals.items() if gap >= 0}
    won = [name for name, gap in gaps.items() if gap < 0]
    far = {name: gap for name, gap in gaps.items() if gap > BEHIND}

    def listed(found: dict[str, float]) -> str:
        return ", ".join(f"{name} {gap:+.1%}" for name, gap in found.items())

    return [
        (
            f"SQL below {RIVAL}'s on every task",
            bool(rivals) and not behind,
            f"on {len(rivals) - len(behind)} of {len(rivals)}" + (f"; not on {listed(behind)}" if behind else ""),
        ),
        (
            "SQL below that of every published model on at least three tasks",
            len(won) >= 3,
            f"on {len(won)} of {len(gaps)}" + (f": {', '.join(won)}" if won else ""),
        ),
        (
            f"SQL nowhere more than {BEHIND:.0%} above that of the best published model",
            bool(gaps) and not far,
            f"more on {listed(far)}" if far else f"from {min(gaps.values()):+.1%} to {max(gaps.values()):+.1%}",
        ),
        (
            "our own Seasonal Naive agrees with the published one to three decimals on every task",
            all(result["naive_agrees"] for result in tasks.values()),
            ", ".join(name for name, result in tasks.items() if not result["naive_agrees"])
            or f"{len(tasks)} of {len(tasks)}",
        ),
    ]


def beside_members(result: Result) -> str:
    """The champion's SQL against its best member, judged after the fact; empty without members."""
    if not result["members"]:
        return ""
    losses = {name: scores["SQL"] for name, scores in result["members"].items()}
    name = min(losses, key=lambda key: losses[key])
    gap = result["champion"]["SQL"] / losses[name] - 1
    if gap < 0:
        return f"It is {-gap:.1%} below its best member, {name}, which only the scored windows can tell."
    return f"Its best member, {name}, which only the scored windows can tell, is {gap / (1 + gap):.1%} below it."


def for_a_shop(results: dict[str, Result]) -> list[str]:
    """One to three sentences: how often we are first, how far from the best, and what promotions told ahead bring."""
    tasks = official(results)
    if not tasks:
        return ["Nothing yet: 0 tasks were played."]
    gaps = {name: ahead(result, best(result)[1]) for name, result in tasks.items()}
    first = sum(gap < 0 for gap in gaps.values())
    sentences = [
        f"One configuration, trained on a shop's own data on one processor, has a lower loss than all published models "
        f"on {first} of {len(tasks)} tasks and lies {min(gaps.values()):+.1%} to {max(gaps.values()):+.1%} from the "
        "best of them."
    ]
    told = {name: r for name, r in results.items() if r["base"] in results}
    if told:
        gains = [1 - r["champion"]["SQL"] / results[r["base"]]["champion"]["SQL"] for r in told.values()]
        low, high = min(gains), max(gains)
        size = f"{low:.1%}" if len(gains) == 1 else f"{low:.1%} to {high:.1%}"
        sentences.append(f"Where promotions are told ahead, its loss is lower by {size}: tell it what you plan.")
        if low <= 0:
            sentences[-1] = f"Promotions told ahead change its loss by {-high:+.1%} to {-low:+.1%}."
    return sentences
