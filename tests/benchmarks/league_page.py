"""The book's page of the league, made from the stored results: ``python -m tests.benchmarks.league_page``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib.files import project_root, read_json, write_text
from salesforecast_lib.models.champion import MODEL
from salesforecast_lib.pipeline.markdown import opening
from tests.benchmarks.champion import consists_of
from tests.benchmarks.league_words import TITLES, for_a_shop, found, statements

FOLDER = project_root() / "book" / "league"
PAGE = project_root() / "book" / "league.md"
ORDER = ("complete_journey", "online_retail_ii", "freshretailnet", "orange_juice")
COLUMNS = {  # measure: its heading and how a number is written
    "mape": ("MAPE", ".4f"),
    "mape_of_mean": ("MAPE as given", ".4f"),
    "scaled_quantile_loss": ("scaled quantile loss", ".4f"),
    "wape": ("WAPE", ".4f"),
    "mase": ("MASE", ".3f"),
    "bias": ("bias", "+.3f"),
    "coverage_50": ("in 50 %", ".0%"),
    "coverage_80": ("in 80 %", ".0%"),
    "coverage_90": ("in 90 %", ".0%"),
    "seconds": ("seconds", ",.0f"),
}
TRIED = {
    "complete_journey": "`LSTM` is one network, one seed, fitted once as neuralforecast's are, with the same "
    "covariates: 1,000 steps for theirs. The history that gives a series' level was searched for our models and for "
    "the peer LightGBMDirect (LightGBMShort keeps the first window), not for neuralforecast's, which read eight weeks. "
    "Over the two cutoffs before the first scored one all of the year so far is the best; over six a mean of a long "
    "and a short window is, and the champion's boosting and networks take both. The scored months, autumn and winter, "
    "like the short window better than the search could know.",
    "online_retail_ii": "A level over a whole year, a wider network and much dropout were found for `LSTM` on the "
    "validation cutoffs; the peer LightGBMDirect has the same year, neuralforecast's read half of one. Tried without "
    "success there: networks with normal and negative binomial heads, GRU, two layers, and LightGBMDirect on four "
    "times the rows, with twice the trees or larger ones.",
    "freshretailnet": "What moved this task was fitting anew at each cutoff, as 90 days of history are short and "
    "every week counts. Longer windows gave nothing.",
    "orange_juice": "The models of earlier versions were made for this task alone: log sales, columns of the shelf, "
    "the percentage error as the objective. The champion knows nothing of the task; prices, deals and features are "
    "told ahead as any shop would tell them.",
}


def searched(rows: list[dict[str, Any]]) -> list[str]:
    """What `league_search` stored: each model's settings, mean over the seeds, the best first; empty without rows."""
    if not rows:
        return []
    frame = pd.DataFrame(rows)
    frame["settings"] = [", ".join(f"{name}={value}" for name, value in row["settings"].items()) for row in rows]
    measures = ["scaled_quantile_loss", "wape"]
    groups = frame.groupby(["model", "cutoffs", "settings"])
    table = groups.agg(seeds=("seed", "size"), **{name: (name, "mean") for name in measures}).reset_index()
    table = table.sort_values(["model", "cutoffs", "scaled_quantile_loss"])
    lines = ["Searched before the first scored cutoff by `tests.benchmarks.league_search`, mean over seeds:", ""]
    lines += ["| model | settings | cutoffs | seeds | scaled quantile loss | WAPE |", "|---|---|---:|---:|---:|---:|"]
    for row in table.to_dict("records"):
        lines.append(
            f"| {row['model']} | {row['settings']} | {row['cutoffs']} | {row['seeds']} | "
            f"{row['scaled_quantile_loss']:.4f} | {row['wape']:.4f} |"
        )
    return [*lines, ""]


def ran(result: dict[str, Any]) -> str:
    """Which rows ran when: those that were run again for this table, and those kept from before."""
    days: dict[str, list[str]] = {}
    for name, row in result["models"].items():
        days.setdefault(row["run"], []).append(name)
    if len(days) == 1:
        return f"All rows were run by {next(iter(days))}."
    parts = [f"{', '.join(sorted(names))} on {day}" for day, names in sorted(days.items(), reverse=True)[:-1]]
    return f"Run {'; '.join(parts)}; the other rows were run by {min(days)}, on the same series, periods and sales."


def section(result: dict[str, Any], search: list[dict[str, Any]]) -> list[str]:
    """One data set: protocol, table, what was found, what was searched, what each model is."""
    models = dict(sorted(result["models"].items(), key=lambda item: item[1]["scaled_quantile_loss"]))
    columns = {
        key: form for key, form in COLUMNS.items() if result["task"] == "orange_juice" or not key.startswith("mape")
    }
    table = ["| | " + " | ".join(title for title, _ in columns.values()) + " |", "|---|" + "---:|" * len(columns)]
    for name, row in models.items():
        table.append(f"| {name} | " + " | ".join(f"{row[key]:{form}}" for key, (_, form) in columns.items()) + " |")
    period = {"D": "days", "W": "weeks"}[result["freq"][0]]
    words = (
        f"{result['series']} series, horizon {result['horizon']} {period}, {len(result['cutoffs'])} cutoffs from "
        f"{result['cutoffs'][0]} to {result['cutoffs'][-1]}, {result['rows']:,} rows scored for every model."
    )
    if result["skipped"]:
        words += f" The first {result['skipped']} of the horizon is not scored: the protocol's gap."
    lines = [f"## {result['title']}", "", f"{words} {ran(result)}", "", *table, ""]
    lines += ["What was found:", "", *found(result), ""]
    made = result["settings"].get(MODEL, {}).get("compositions", {})
    if made:
        lines += [consists_of(list(made.values())), ""]
    if TRIED.get(result["task"]):
        lines += [TRIED[result["task"]], ""]
    lines += searched(search)
    lines += ["| model | kind | what it is | fitted |", "|---|---|---|---|"]
    for name in models:
        settings = result["settings"][name]
        when = "at each cutoff" if settings["refit"] else "before the first cutoff"
        lines.append(f"| {name} | {models[name]['kind']} | {settings['words']} | {when} |")
    return [*lines, ""]


def league_page(results: dict[str, dict[str, Any]], searches: dict[str, list[dict[str, Any]]]) -> str:
    """The page: rules, one section a data set with results, and which have none."""
    known = [results[name] for name in ORDER if name in results]
    sizes = [f"{result['title']} ({result['series']:,} series)" for result in known]
    page = [
        "# The league",
        "",
        *opening(
            "The losses of our models and of other people's on forecasts of the same rows from the same cutoffs.",
            f"{', '.join(sizes)}: public data sets.",
            "`python -m tests.benchmarks.league DATASET --data DIR --json book/league/DATASET.json` for each, or, for "
            "some models alone, `--models Champion,LightGBMDirect --keep book/league/DATASET.json`; "
            "`python -m tests.benchmarks.league_page` makes the page of what it stored.",
            for_a_shop(results),
        ),
        "All models forecast the same rows from the same cutoffs; what each may see is cut off by the harness, which "
        "hides sales, availability and every covariate not known ahead after the cutoff.",
        "",
        "WAPE and MASE are those of each model's median, which minimises absolute errors; MAPE is that of the median "
        'under weights 1/y, taken from each model\'s quantiles {cite:p}`gneiting2011`; "as given" is the MAPE of the '
        "point forecast in the table. Daily losses are scaled by the seasonal naive error at lag 7, weekly ones at lag "
        "1, so that no young series is left out. Intervals: paired bootstrap over series and blocks of periods. "
        "Seconds are wall time on a shared machine, an order of magnitude; the champion's include its members' and all "
        "earlier cutoffs.",
        "",
        "The champion is the library's: what `salesforecast run` forecasts with, with one configuration for all data "
        "sets. It learns weights and spread at each cutoff on cutoffs before it. Its members stand in the tables on "
        "their own; which of them is best here is known only afterwards.",
        "",
    ]
    judged = statements(results)
    if judged:
        page += ["| the champion | on all data sets? | figures |", "|---|---|---|"]
        page += [
            f"| {words} | {'**true**' if true else '**not true**'} | {figures} |" for words, true, figures in judged
        ]
        page.append("")
    for name in ORDER:
        if name in results:
            page += section(results[name], searches.get(name, []))
        else:
            page += [f"## {TITLES[name]}", "", "Not run yet: no result is stored.", ""]
    return "\n".join(page).rstrip() + "\n"


def stored_results(folder: Path = FOLDER) -> dict[str, Any]:
    """What the JSON files of a folder hold, by task."""
    return {file.stem: read_json(file) for file in sorted(folder.glob("*.json"))}


if __name__ == "__main__":
    write_text(league_page(stored_results(), stored_results(FOLDER / "search")), PAGE)
