"""What the league's stored results say, in sentences: who is first, by how much, and what it means for a shop."""

from __future__ import annotations

from typing import Any

from salesforecast_lib.models.champion import MODEL

PEERS = (
    *("SeasonalNaive", "WindowAverage", "AutoETS", "Theta", "LightGBM", "LightGBMDirect", "fracast"),
    *("NF-LSTM", "NF-NHITS", "NF-TFT"),
)
PUBLISHED = {"LightGBM": 0.3597, "dilated CNN": 0.3766}  # MAPE of the orange juice
TITLES = {
    "complete_journey": "The Complete Journey",
    "online_retail_ii": "Online Retail II",
    "freshretailnet": "FreshRetailNet",
    "orange_juice": "Orange juice",
}
BIAS = 0.05  # of the sum of sales: what we would like the mean's bias to stay below
COVERAGE = (0.77, 0.83)  # of sales: what we would like intervals of 80 % to hold
BEHIND = 0.02  # of its best member's loss: what the champion may lose by not knowing which is best


def named(name: str, result: dict[str, Any]) -> str:
    """A model's name in a sentence, and whose it is."""
    if name == MODEL:
        return "the champion"
    kind = result["models"][name]["kind"]
    if kind == "member":
        return f"the champion's {name.removesuffix(' (member)')} alone"
    return name if kind == "peer" else f"our {name}"


def ranking(result: dict[str, Any], measure: str) -> dict[str, float]:
    """Losses of all models, the smallest first; in WAPE all but the champion get the better of median and mean."""
    value = {name: row[measure] for name, row in result["models"].items()}
    if measure == "wape":
        for name, row in result["models"].items():
            if name != MODEL:
                value[name] = min(row["wape"], row["wape_of_mean"])
    return dict(sorted(value.items(), key=lambda item: item[1]))


def leader(result: dict[str, Any], measure: str, title: str) -> str:
    """Who is first in a measure, who next, and where the champion is when it is neither."""
    value = ranking(result, measure)
    names = list(value)
    line = f"First in {title}: **{named(names[0], result)}** ({value[names[0]]:.4f}"
    if len(names) > 1:
        line += f"; next {named(names[1], result)}, {value[names[1]]:.4f}"
    if MODEL in names[2:]:
        line += f"; the champion is number {names.index(MODEL) + 1}, {value[MODEL]:.4f}"
    return f"{line})."


def best_peer(result: dict[str, Any], measure: str = "scaled_quantile_loss") -> str:
    """The peer with the lowest loss, of those that ran now or before; empty without one."""
    losses = {name: row[measure] for name, row in result["models"].items() if row["kind"] == "peer"}
    return min(losses, key=lambda name: losses[name]) if losses else ""


def against(row: dict[str, float], peer: str, best: str = "") -> str:
    """The champion's relative difference to a peer with its 95 % interval, as a sentence.

    ``best`` is the best peer, if another one than that whose forecasts were at hand.
    """
    value, low, high = (100 * row[key] for key in ("relative", "relative_low", "relative_high"))
    who = f"the best peer, {peer}" if best in ("", peer) else f"{peer}, the best peer that was run again"
    if high < 0:
        words, ends = f"The champion is {-value:.1f} % better than {who}", f"{-high:.1f} to {-low:.1f} %"
    elif low > 0:
        words = f"{who[0].upper()}{who[1:]}, wins: the champion is {value:.1f} % worse"
        ends = f"{low:.1f} to {high:.1f} %"
    else:
        words = f"The champion and {who}, are about level: its loss differs by {value:+.1f} %"
        ends = f"{low:+.1f} to {high:+.1f} %"
    return f"{words} (95 % interval {ends})."


def within(result: dict[str, Any]) -> dict[str, tuple[bool, str]]:
    """Three statements on the champion, whether each is true, and its figure; those that cannot be judged are left out.

    Keys are "bias", "coverage" and "members".
    """
    if MODEL not in result["models"]:
        return {}
    row = result["models"][MODEL]
    found = {
        "bias": (abs(row["bias"]) < BIAS, f"{row['bias']:+.1%}"),
        "coverage": (COVERAGE[0] <= row["coverage_80"] <= COVERAGE[1], f"{row['coverage_80']:.1%}"),
    }
    members = {n: r["scaled_quantile_loss"] for n, r in result["models"].items() if r["kind"] == "member"}
    if members:
        best = min(members, key=lambda name: members[name])
        gap = row["scaled_quantile_loss"] / members[best] - 1
        found["members"] = (gap <= BEHIND, f"{gap:+.1%} ({best.removesuffix(' (member)')})")
    return found


STATEMENTS = {
    "bias": f"the mean's bias is below {BIAS:.0%}",
    "coverage": f"intervals of 80 % hold {COVERAGE[0]:.0%} to {COVERAGE[1]:.0%} of sales",
    "members": f"its quantile loss is at most {BEHIND:.0%} above that of its best member",
}


def statements(results: dict[str, dict[str, Any]]) -> list[tuple[str, bool, str]]:
    """Each statement, whether it is true on all data sets, and the figure of each."""
    lines = []
    for key, words in STATEMENTS.items():
        found = {task: within(result)[key] for task, result in results.items() if key in within(result)}
        if found:
            figures = ", ".join(f"{TITLES.get(task, task)} {figure}" for task, (_, figure) in found.items())
            lines.append((words, all(true for true, _ in found.values()), figures))
    return lines


def found(result: dict[str, Any]) -> list[str]:
    """What the numbers of one result say: who is first, by how much, how calibrated, and which network."""
    models, comparison = result["models"], result["comparison"]
    lines = []
    absent = [name for name in PEERS if name not in models]
    if absent:
        lines.append(f"- **Not run: {', '.join(absent)}.** What follows is said of the models in the table only.")
    peers = {name: row for name, row in models.items() if row["kind"] == "peer"}
    for measure, title in (("scaled_quantile_loss", "scaled quantile loss"), ("wape", "WAPE")):
        lines.append(f"- {leader(result, measure, title)}")
    rows = comparison["intervals"]["both"] if comparison else {}
    if MODEL not in models:
        lines.append("- The champion was not run on this data set.")
    elif MODEL in rows:
        lines.append(f"- {against(rows[MODEL], comparison['best_peer'], best_peer(result))}")
    for key, (true, figure) in within(result).items():
        lines.append(
            f"- {STATEMENTS[key][0].upper()}{STATEMENTS[key][1:]}: **{'true' if true else 'not true'}**, {figure}."
        )
    single = {n: r["scaled_quantile_loss"] for n, r in models.items() if r["kind"] == "network"}
    neural = {n: r["scaled_quantile_loss"] for n, r in peers.items() if n.startswith("NF-")}
    if single and neural:
        ours, theirs = min(single, key=lambda n: single[n]), min(neural, key=lambda n: neural[n])
        first = f"our {ours}" if single[ours] < neural[theirs] else f"neuralforecast's {theirs}"
        lines.append(
            f"- Best single network: **{first}** (ours: {ours} {single[ours]:.4f}; best of neuralforecast: {theirs} "
            f"{neural[theirs]:.4f})."
        )
    else:
        lines.append("- Our best network against neuralforecast's: one side was not run.")
    if result["task"] == "orange_juice" and MODEL in models:
        lines.append(f"- {percentage(models[MODEL])}")
    return [*lines, *before(result)]


def percentage(row: dict[str, float]) -> str:
    """The champion's MAPE on the orange juice beside published ones, of the point that is asked for and of its mean."""
    rivals = ", ".join(f"{name} {100 * value:.2f} %" for name, value in PUBLISHED.items())
    best = min(PUBLISHED, key=lambda name: PUBLISHED[name])
    place = "lower than all published" if row["mape"] < PUBLISHED[best] else f"the published {best} wins"
    return (
        f"MAPE of the champion's point of least percentage error: {100 * row['mape']:.2f} %, **{place}** ({rivals}); "
        f"of its mean {100 * row['mape_of_mean']:.2f} %. Published numbers are those of Microsoft's forecasting "
        "repository, on the same rounds."
    )


def before(result: dict[str, Any]) -> list[str]:
    """What models of ours that only the league had reached, and whether the champion does better; empty without any."""
    old = {name: row["scaled_quantile_loss"] for name, row in result.get("retired", {}).items()}
    if not old:
        return []
    old = dict(sorted(old.items(), key=lambda item: item[1]))
    listed = ", ".join(f"{name} {loss:.4f}" for name, loss in old.items())
    day = max(row["run"] for row in result["retired"].values())
    words = f"- Of models that no run of the library had, as they were on {day}: {listed}."
    if MODEL in result["models"]:
        name = next(iter(old))
        gap = result["models"][MODEL]["scaled_quantile_loss"] / old[name] - 1
        words += f" The champion's loss lies {abs(gap):.1%} {'below' if gap < 0 else 'above'} the best of these."
    return [words]


def for_a_shop(results: dict[str, dict[str, Any]]) -> list[str]:
    """One to three sentences: who won how often, and what the champion is worth beside simpler forecasts."""
    known = {name: result for name, result in results.items() if MODEL in result["models"]}
    if not known:
        return ["Nothing yet: the champion was run on 0 data sets."]
    losses = {task: ranking(result, "scaled_quantile_loss") for task, result in known.items()}
    others = [
        f"{named(next(iter(loss)), known[task])} on {TITLES.get(task, task)}"
        for task, loss in losses.items()
        if next(iter(loss)) != MODEL
    ]
    sentences = [
        f"In quantile loss the champion is first on {len(known) - len(others)} of {len(known)} data sets"
        + (f"; first elsewhere: {', '.join(others)}." if others else ".")
    ]
    compared = {task: best_peer(r) for task, r in known.items() if best_peer(r)}
    gains = {task: 100 * (1 - losses[task][MODEL] / losses[task][peer]) for task, peer in compared.items()}
    if gains:
        rows = [
            known[task]["comparison"]["intervals"]["both"][MODEL]
            for task, peer in compared.items()
            if known[task]["comparison"] and known[task]["comparison"]["best_peer"] == peer
        ]
        sure = sum(row["relative_high"] < 0 for row in rows)
        names = ", ".join(sorted(set(compared.values())))
        sentences.append(
            f"Its loss lies {min(gains.values()):.1f} to {max(gains.values()):.1f} % below that of the best single "
            f"peer ({names}), with a 95 % interval that leaves out zero on {sure} of {len(gains)}: so much a shop "
            "gives up that runs that peer instead."
        )
    shares = [
        (losses[task]["SeasonalNaive"] - losses[task][peer]) / (losses[task]["SeasonalNaive"] - losses[task][MODEL])
        for task, peer in compared.items()
        if losses[task].get("SeasonalNaive", 0) > losses[task][MODEL]
    ]
    if shares:
        sentences.append(
            f"The peer alone has {min(shares):.0%} to {max(shares):.0%} of what the champion gains over repeating the "
            "last season."
        )
    return sentences
