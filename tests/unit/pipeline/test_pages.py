"""Pages that a run writes into its book hold the run's own numbers, whatever its products are called."""

from __future__ import annotations

import nbformat
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.files import write_csv, write_json, write_parquet
from salesforecast_lib.pipeline import cli
from salesforecast_lib.pipeline.pages import findings_page, markdown_table, run_pages, running_times
from salesforecast_lib.pipeline.stages import STAGES

SERVICE = 0.9
SCORES = {"wape": 0.5, "bias": 0.1, "mase": None, "rmsse": 0.9, "scaled_quantile_loss": 0.2, "coverage_90": 0.9}
MADE_OF = {
    "weights": {"Boosting": 0.6, "Net*works": 0.4},
    "losses": {"Boosting": 0.2, "Net*works": 0.25, "Theta": 0.3},
    "left_out": {"Ridge": "it failed: no row"},
    "validated_at": ["2024-03-01", "2024-03-15"],
}
COST = {"holding": 1.0, "shortage": 2.0, "fill_rate": 0.9, "turnover": 3.0, "saving_percent": 0.0}


def made_result(gain: float = 0.25, cheapest: str = "Champion", ours: str = "Champion") -> dict:
    totals = {"rule of thumb": 200.0, ours: 150.0, "Theta": 150.0 if cheapest == ours else 100.0}
    naive = {**SCORES, "wape": SCORES["wape"] / (1 - gain)}
    return {
        "metrics": {
            "models": {ours: SCORES, "Theta": {**SCORES, "wape": 0.4}, "SeasonalNaive": naive},
            "winner": {"wape": "Theta", "scaled_quantile_loss": ours},
            "series": 2,
            "cutoffs": ["2024-01-01"],
            "horizon": 7,
        },
        "inventory": {
            "policies": {name: {**COST, "total": total} for name, total in totals.items()},
            "cheapest_model": cheapest,
        },
    }


def write_history(plan, folder, horizon: int = 14):
    """Panel and forecasts of the plan's products; the last one is young. Demand is flat, so sums can be checked."""
    days = pd.date_range("2024-01-01", periods=100)
    level = dict(zip(plan["unique_id"], (0.4, 90.0, 0.5), strict=True))
    panel = pd.concat(
        pd.DataFrame({"unique_id": name, "ds": days[-20 if name == plan["unique_id"].iloc[-1] else 0 :], "y": mean})
        for name, mean in level.items()
    )
    write_parquet(panel, folder / "panel.parquet")
    parts = []
    for cutoff in (days[-1 - horizon], days[-1]):
        ds = pd.date_range(cutoff + pd.Timedelta(days=1), periods=horizon)
        for name, mean in level.items():
            spread = {column: mean * (0.6 + 0.1 * k) for k, column in enumerate(QUANTILE_COLUMNS)}
            y = np.where(ds <= days[-1], mean + 0.1 * (ds.dayofweek - 3), np.nan)
            rows = {"unique_id": name, "ds": ds, "cutoff": cutoff, "model": "Champion", "mean": mean, **spread, "y": y}
            parts.append(pd.DataFrame(rows))
    write_parquet(pd.concat(parts, ignore_index=True), folder / "forecasts.parquet")


def made_run(folder, source: str):
    result = made_result()
    for name in ("metrics", "inventory"):
        write_json(result[name], folder / f"{name}.json")
    write_json({"dataset": "own_data", "path": "/secret/place/orders.csv", "freq": "D"}, folder / "parameters.json")
    plan = pd.DataFrame(
        {
            "unique_id": ["a|b", "=1+1", "quiet"],
            "stock": [1.0, 0.0, 9.0],
            "order_quantity": [5, 1200, 0],
            "risk_before_delivery": [0.2, 0.9, 0.1],
            "runs_out_before_delivery": [False, True, False],
            "order_up_to_level": [6.0, 1200.0, 8.0],
            "expected_demand": [4.0, 900.0, 5.0],
            "why": ["stock 1 *is* low"] * 3,
            "stock_source": source,
        }
    )
    write_csv(plan, folder / "replenishment.csv")
    for name in ("excess", "prices", "promotions", "alerts", "segments"):
        write_csv(pd.DataFrame(columns=["unique_id", "action", "why"]), folder / f"{name}.csv")
    write_json({"dataset": "own_data", "freq": "D", "season_length": 7}, folder / "panel.json")
    write_json({**result["inventory"], "service_level": SERVICE, "model": "Champion"}, folder / "inventory.json")
    write_json({"compositions": {"2024-04-09": MADE_OF}}, folder / "champion.json")
    write_history(plan, folder)
    for stage in STAGES:
        notebook = nbformat.v4.new_notebook(metadata={"papermill": {"duration": 1.26}})
        (folder / "notebooks").mkdir(exist_ok=True)
        nbformat.write(notebook, folder / "notebooks" / f"{stage.name}.ipynb")
    return folder


def test_table_writes_unknowns_as_dashes_and_thousands_whole():
    lines = markdown_table({"a": {"x": 1234.5, "y": 0.12345}, "b|c": {"x": None, "y": -2.0}}, ["x", "y"], 2)
    assert lines[2:] == ["| a | 1,234 | 0.12 |", "| b\\|c | – | -2.00 |"]


def test_plan_on_the_page_is_most_urgent_first_and_safe_to_print(tmp_path):
    pages = run_pages(made_run(tmp_path, "stock_file"))
    text = pages["findings.md"]
    assert text.index("1,200") < text.index("a\\|b") and "quiet" not in text, "products without an order stay out"
    assert "2 of 3 products need an order; 1 will probably run out" in text
    assert "stock 1 \\*is\\* low" in text and "your stock file" in text
    assert "Champion\\: Boosting 60 \\%, Net\\*works 40 \\%; judged on 2 earlier cutoffs" in text
    assert "forecast of the Champion" in pages["decisions.md"] and "## Forecast" in pages["decisions.md"]
    assert "orders.csv" in text and "secret" not in text, "the book names the file, not the place"
    assert "| 01_preprocessing | 1.3 |" in pages["status.md"]
    assert "1200" in pages["decisions.md"] and "No price change or test is proposed" in pages["decisions.md"]
    assert "stock_file=FILE" in run_pages(made_run(tmp_path, "simulated"))["findings.md"]


@pytest.mark.parametrize("gain, words", [(0.25, "25.0 % below"), (-0.1, "10.0 % above")])
def test_a_loss_to_the_seasonal_naive_is_said(gain, words):
    assert words in findings_page({"complete_journey": made_result(gain)})


def test_the_page_says_where_the_champions_recipe_was_settled():
    without = findings_page({"complete_journey": made_result(0.2, "LSTM", "LSTM")})
    assert "recipe" not in without, "there is no champion in it"
    page = findings_page({"complete_journey": made_result(), "online_retail_ii": made_result()})
    ours, other = page.split("## Online Retail II")
    assert "recipe was settled" in ours and "had been seen" in ours
    assert "recipe was settled" in other and "had been seen" not in other


@pytest.mark.parametrize("ours", ["Champion", "LSTM"])
def test_the_cheapest_forecast_is_named_beside_ours(ours):
    page = findings_page({"online_retail_ii": made_result(cheapest="Theta", ours=ours)})
    assert f"**Theta**: no model does better than this simple rule; the {ours} costs 50.0 % more." in page
    assert f"The {ours}'s WAPE is 25.0 % below" in page


@pytest.mark.parametrize(
    ("rule", "cost", "words"),
    [
        ("WindowAverage", 120.0, "saves 16.7 % of the cost of the best simple rule, the window average; the Champion"),
        ("SeasonalNaive", 125.0, "saves 20.0 % of the cost of the best simple rule, the seasonal naive; the Champion"),
    ],
)
def test_savings_are_held_against_the_best_simple_rule(rule, cost, words):
    """The published page said 22 % against the rule of thumb, where 8.5 % against the window average was true."""
    result = made_result()
    policies = result["inventory"]["policies"]
    policies |= {"LightGBM": {**COST, "total": 100.0}, rule: {**COST, "total": cost}}
    policies["Theta"]["total"] = 400.0
    page = findings_page(
        {"online_retail_ii": {**result, "inventory": {**result["inventory"], "cheapest_model": "LightGBM"}}}
    )
    assert words in page and "rule of thumb |" in page, "the table still shows the rule of thumb"


def test_running_times_name_the_longest_chapter():
    words = running_times({"seconds": {"01_x": 30.0, "02_y": 90.0}, "machine": "2 cores"})
    assert "2.0 minutes together, 02_y most (1.5 minutes), on 2 cores" in words


def test_findings_of_an_unfinished_run_are_refused(tmp_path):
    result = CliRunner().invoke(cli.app, ["findings", str(tmp_path)])
    assert result.exit_code == 1 and "Traceback" not in result.output
