"""What the league's stored results say, in sentences: who is first, by how much, and what it means for a shop."""

from __future__ import annotations

from typing import Any

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


def named(name: str, result: dict[str, Any]) -> str:
    """A model's name in a sentence, and whether it is ours."""
    if name == "Ensemble":
        return "the ensemble"
    return name if result["models"][name]["kind"] == "peer" else f"our {name}"


def ranking(result: dict[str, Any], measure: str) -> dict[str, float]:
    """Losses of all models, the smallest first; in WAPE all but the ensemble get the better of median and mean."""
    value = {name: row[measure] for name, row in result["models"].items()}
    if measure == "wape":
        for name, row in result["models"].items():
            if name != "Ensemble":
                value[name] = min(row["wape"], row["wape_of_mean"])
    return dict(sorted(value.items(), key=lambda item: item[1]))


def leader(result: dict[str, Any], measure: str, title: str) -> str:
    """Who is first in a measure, who next, and where the ensemble is when it is neither."""
    value = ranking(result, measure)
    names = list(value)
    line = f"First in {title}: **{named(names[0], result)}** ({value[names[0]]:.4f}"
    if len(names) > 1:
        line += f"; next {named(names[1], result)}, {value[names[1]]:.4f}"
    if "Ensemble" in names[2:]:
        line += f"; the ensemble is number {names.index('Ensemble') + 1}, {value['Ensemble']:.4f}"
    return f"{line})."


def against(row: dict[str, float], peer: str) -> str:
    """The ensemble's relative difference to a peer with its 95 % interval, as a sentence."""
    value, low, high = (100 * row[key] for key in ("relative", "relative_low", "relative_high"))
    if high < 0:
        words, ends = (
            f"The ensemble is {-value:.1f} % better than the best peer, {peer}",
            f"{-high:.1f} to {-low:.1f} %",
        )
    elif low > 0:
        words, ends = f"The best peer, {peer}, wins: the ensemble is {value:.1f} % worse", f"{low:.1f} to {high:.1f} %"
    else:
        words = f"The ensemble and the best peer, {peer}, are about level: its loss differs by {value:+.1f} %"
        ends = f"{low:+.1f} to {high:+.1f} %"
    return f"{words} (95 % interval {ends})."


def found(result: dict[str, Any]) -> list[str]:
    """What the numbers of one result say: who is first, by how much, and which network."""
    models, comparison = result["models"], result["comparison"]
    lines = []
    absent = [name for name in PEERS if name not in models]
    if absent:
        lines.append(f"- **Not run: {', '.join(absent)}.** What follows is said of the models in the table only.")
    peers = {name: row for name, row in models.items() if row["kind"] == "peer"}
    for measure, title in (("scaled_quantile_loss", "scaled quantile loss"), ("wape", "WAPE")):
        lines.append(f"- {leader(result, measure, title)}")
    if "Ensemble" not in models:
        lines.append("- The ensemble was not run on this data set.")
    elif peers:
        lines.append(f"- {against(comparison['intervals']['both']['Ensemble'], comparison['best_peer'])}")
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
    if result["task"] == "orange_juice" and "Ensemble" in models:
        mine, rivals = (
            models["Ensemble"]["mape_of_mean"],
            ", ".join(f"{n} {100 * v:.2f} %" for n, v in PUBLISHED.items()),
        )
        best = min(PUBLISHED, key=lambda name: PUBLISHED[name])
        place = "lower than all published" if mine < PUBLISHED[best] else f"the published {best} wins"
        lines.append(
            f"- MAPE of the ensemble's point forecast: {100 * mine:.2f} %, **{place}** ({rivals}). Published numbers "
            "are those of Microsoft's forecasting repository, on the same rounds."
        )
    return lines


def for_a_shop(results: dict[str, dict[str, Any]]) -> list[str]:
    """One to three sentences: who won how often, and what the ensemble is worth beside simpler forecasts."""
    known = {name: result for name, result in results.items() if "Ensemble" in result["models"]}
    if not known:
        return ["Nothing yet: the ensemble was not run."]
    losses = {task: ranking(result, "scaled_quantile_loss") for task, result in known.items()}
    others = [
        f"{named(next(iter(loss)), known[task])} on {TITLES.get(task, task)}"
        for task, loss in losses.items()
        if next(iter(loss)) != "Ensemble"
    ]
    sentences = [
        f"In quantile loss the ensemble is first on {len(known) - len(others)} of {len(known)} data sets"
        + (f"; first elsewhere: {', '.join(others)}." if others else ".")
    ]
    compared = {task: r["comparison"] for task, r in known.items() if r["comparison"]["intervals"]}
    if compared:
        rows = [comparison["intervals"]["both"]["Ensemble"] for comparison in compared.values()]
        gains = [-100 * row["relative"] for row in rows]
        sure = sum(row["relative_high"] < 0 for row in rows)
        peers = ", ".join(sorted({comparison["best_peer"] for comparison in compared.values()}))
        sentences.append(
            f"Its loss lies {min(gains):.1f} to {max(gains):.1f} % below that of the best single peer ({peers}), with "
            f"a 95 % interval that leaves out zero on {sure} of {len(rows)}: so "
            "much a shop gives up that runs that peer instead."
        )
    shares = [
        (losses[task]["SeasonalNaive"] - losses[task][comparison["best_peer"]])
        / (losses[task]["SeasonalNaive"] - losses[task]["Ensemble"])
        for task, comparison in compared.items()
        if losses[task].get("SeasonalNaive", 0) > losses[task]["Ensemble"]
    ]
    if shares:
        sentences.append(
            f"The peer alone has {min(shares):.0%} to {max(shares):.0%} of what the ensemble gains over repeating the "
            "last season."
        )
    return sentences
