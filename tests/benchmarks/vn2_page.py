"""The book's page of VN2, made from the stored tables: ``python -m tests.benchmarks.vn2_page``.

The tables come from ``python -m tests.benchmarks.vn2 DIR --json book/vn2/windows.json`` and, for the windows that lie
between, ``--windows 88,96,104,112,120,128,136,144 --json book/vn2/between.json``.
"""

from __future__ import annotations

import pandas as pd

from salesforecast_lib.files import project_root, read_json, write_text
from salesforecast_lib.pipeline.markdown import opening
from tests.benchmarks.vn2_data import HOLDING, SHORTAGE
from tests.benchmarks.vn2_policy import DEMAND, OVERAGE, settings

FOLDER = project_root() / "book" / "vn2"
PAGE = project_root() / "book" / "vn2.md"
BENCHMARK, WINNER = 4334, 3763  # published costs of weeks 3-8 of the game


def stored(name: str) -> pd.DataFrame:
    """One stored table."""
    return pd.DataFrame(read_json(FOLDER / f"{name}.json")["windows"])


def earlier_settings() -> str:
    """A paragraph when a stored table was measured before the settings of today, nothing otherwise."""
    if all(read_json(FOLDER / f"{name}.json").get("settings") == settings() for name in ("windows", "between")):
        return ""
    return (
        "**The savings on this page were measured before the last change of the settings** (orders from moments, their "
        "cost of a unit left, the pace of the levels): what stands under *How the orders are made* has not been played "
        "on all windows yet.\n\n"
    )


def mean_saving(table: pd.DataFrame, definition: str = "masked") -> float:
    """Share of the benchmark's mean cost that our orders save."""
    return float(1 - table[f"ours {definition}"].mean() / table[f"benchmark {definition}"].mean())


def section(table: pd.DataFrame) -> str:
    """Windows, one a row."""
    shown = pd.DataFrame(
        {
            "week 0": table["week 0"],
            "benchmark": table["benchmark masked"].map("{:,.0f}".format),
            "ours": table["ours masked"].map("{:,.0f}".format),
            "of which holding": table["ours holding"].map("{:,.0f}".format),
            "of which shortage": table["ours shortage"].map("{:,.0f}".format),
            "saving": table["saving masked"].map("{:.1%}".format),
        }
    )
    lines = ["| " + " | ".join(shown.columns) + " |", "|---|" + "---:|" * (shown.shape[1] - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in shown.to_numpy())])


def words(name: str, table: pd.DataFrame) -> str:
    """Mean and spread under the three definitions of demand without stock."""
    parts = [f"{mean_saving(table, d):.1%} ({d})" for d in ("masked", "zero", "filled")]
    saving = table["saving masked"]
    least = table.loc[saving.idxmin(), "week 0"]
    return f"{name}: mean saving {', '.join(parts)}; windows from {saving.min():.1%} ({least}) to {saving.max():.1%}."


def for_a_shop(windows: pd.DataFrame, between: pd.DataFrame) -> list[str]:
    """What the savings mean, and how far they carry."""
    saving = pd.concat([windows["saving masked"], between["saving masked"]])
    won = int((saving > 0).sum())
    return [
        f"Our orders cost {mean_saving(windows):.1%} less than the organiser's rule on average over the windows on "
        f"which their settings were fixed, and {mean_saving(between):.1%} less on those in between.",
        f"They were the cheaper ones in {won} of {len(saving)} windows, by {saving.min():.1%} to {saving.max():.1%}: a "
        "shop has to expect times in which little is saved.",
        f"Costs are those of the game ({HOLDING} a week for a unit left, {SHORTAGE} for a unit lost): with yours the "
        "saving is another.",
    ]


_TEXT = """(vn2)=
# VN2: orders for 599 products, week by week

{opening}
{earlier}The VN2 Inventory Planning Challenge asks for six weekly orders of 599 store-product pairs. An order sells from
the third week on, a unit left costs {holding} a week and a unit lost {shortage}. Weeks 3 to 8 count. Below, its rules
are played on earlier windows of its history, against the organiser's benchmark and from the organiser's kind of
start; orders see only what was known on their day.

In the game itself the winner was {won:.1%} below the benchmark ({winner:,} against {benchmark:,}); those weeks are not
in the data here, and windows and game are not comparable week by week.

## Windows on which the settings were fixed

{windows}

## Windows in between

They start four weeks later, so that they share weeks with their neighbours. The last settings were chosen on both kinds
of windows, split into two halves that both had to gain: these are no independent sample.

{between}

Where a rise of demand came that last year's weeks announced only weakly (spring 2023, with one year of memory), our
orders ran short and saved least.

## How the orders are made

- Demand of the next three weeks is the geometric mean of trees and levels, half each. The trees are {trees} sets of
  boosted trees (Tweedie loss) that correct a level: {seeds} seeds, with all past weeks alike and with weeks that halve
  in weight every {half_life:.0f} weeks. The levels are two exponential means, one quick and one slow, each with the
  shop's season and with seasons of product groups drawn towards their parents'. Weeks without stock are left out.
- Demand is a Poisson count with a gamma rate. Its dispersion comes from each pair's past errors, shrunken to that of
  pairs of its size.
- The order is the cheapest in its first week: a quantile of demand less what lost sales leave in stock until then, from
  the moments of both, so that no draw of sample paths moves it. A unit left counts
  {overage} instead of {holding}, since it may stay for longer than a week; what is left of the last order costs in
  one counted week only and counts {holding}.

Demand in a week without stock is unknown. *Masked* counts none and no cost of that pair's week; *zero* charges
holding then; *filled* takes the mean of the weeks in stock before and after.

Tried on the first windows and kept: several half-lives, quick and slow levels, narrower paths, the last order's own
cost; each moved the mean by half a point or less, far less than windows differ. Tried and left out, as it cost more or
saved nothing: the cheapest order over paths of six weeks with later orders played along; a cost of a unit left that
falls with the pair's sales; more seeds (one instead of another moved the mean by a tenth of a point); trees that learn
six weeks at once; corrections of the whole shop's or a department's level by its last weeks.

Tried later, on the levels alone over all windows, and judged on two halves of them: orders from moments instead of
sample paths, with their own cost of a unit left, and levels of {slow} and {quick} instead of nearer ones each saved
about a third of a point in either half; a narrower or wider distribution, more or less of its skewness and another
rounding hardly moved anything. Seasons of departments only, weaker or looser ones, and three seasons instead of two
cost more or saved nothing; so did one season alone, which lies a point to three behind the mean of both. A linear
count regression on the trees' inputs, with waves of the year, was left out: alone it lies twelve points behind the
levels, and mixed in at a fifth it costs. If the total of the three
weeks ahead were known in each week, the same orders would save between two and three points more; if each
department's were known, more than ten: what is missing is the departments' weeks, not the rule of the order.
"""


def vn2_page() -> str:
    """The page as text."""
    windows, between = stored("windows"), stored("between")
    return _TEXT.format(
        earlier=earlier_settings(),
        slow=min(DEMAND.level_weights),
        quick=max(DEMAND.level_weights),
        holding=HOLDING,
        shortage=SHORTAGE,
        overage=OVERAGE,
        trees=len(DEMAND.seeds) * len(DEMAND.half_lives),
        seeds=len(DEMAND.seeds),
        half_life=min(DEMAND.half_lives),
        opening="\n".join(
            opening(
                "What six weekly orders cost, ours beside the organiser's rule.",
                f"Sales of 599 store-product pairs of the competition: {len(windows)} windows of its history on which "
                f"the settings were fixed and {len(between)} in between.",
                "`python -m tests.benchmarks.vn2 DIR/vn2 --json book/vn2/windows.json`, and with `--windows` for those "
                "in between; `tests/benchmarks/vn2_page.py` makes the page of what they stored.",
                for_a_shop(windows, between),
            )
        ),
        won=1 - WINNER / BENCHMARK,
        winner=WINNER,
        benchmark=BENCHMARK,
        windows=section(windows) + "\n\n" + words("These windows", windows),
        between=section(between) + "\n\n" + words("Windows in between", between),
    )


if __name__ == "__main__":
    write_text(vn2_page(), PAGE)
