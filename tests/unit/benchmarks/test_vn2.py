"""VN2's rules, files and validation on small made files in the organiser's format."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.files import project_root

sys.path.insert(0, str(project_root()))  # before site-packages, where another package is called tests
from tests.benchmarks import vn2  # noqa: E402
from tests.benchmarks.vn2_data import (  # noqa: E402
    State,
    advance,
    check_orders,
    organisers_start,
    read_history,
    read_state,
    read_template,
    write_orders,
)
from tests.benchmarks.vn2_page import PAGE, mean_saving, stored, vn2_page  # noqa: E402
from tests.benchmarks.vn2_policy import DEMAND, benchmark_order, planner  # noqa: E402

PAIRS, WEEKS = 24, 120


def write_week(folder, keys, sales, dates, week):
    table = pd.concat([keys, pd.DataFrame(sales, columns=[str(d.date()) for d in dates])], axis=1)
    table.to_csv(folder / f"Week {week} - {dates[-1].date()} - Sales.csv", index=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Files of a small game with weeks 0 to 8; the sales rows are shuffled against the template."""
    folder = tmp_path_factory.mktemp("vn2")
    rng = np.random.default_rng(5)
    template = pd.DataFrame(
        {"Store": np.arange(PAIRS) // 4, "Product": rng.permutation(PAIRS) % 9 + 10 * (np.arange(PAIRS) % 4)}
    )
    dates = pd.date_range("2022-01-03", periods=WEEKS + 8, freq="7D")
    rate = rng.gamma(1.5, 2.0, (PAIRS, 1)) * (1 + 0.5 * np.sin(2 * np.pi * np.arange(WEEKS + 8) / 52))
    sales = rng.poisson(rate).astype(float)
    known = rng.random((PAIRS, WEEKS)) > 0.08
    sales[:, :WEEKS] *= known
    template.assign(**{"0": 0}).to_csv(folder / "Week 0 - Submission Template.csv", index=False)
    mixed = rng.permutation(PAIRS)
    keys = template.iloc[mixed].reset_index(drop=True)
    for week in range(9):
        write_week(folder, keys, sales[mixed, : WEEKS + week], dates[: WEEKS + week], week)
    flags = pd.DataFrame(known[mixed], columns=[str(d.date()) for d in dates[:WEEKS]])
    pd.concat([keys, flags], axis=1).to_csv(folder / "Week 0 - In Stock.csv", index=False)
    names = ("ProductGroup", "Division", "Department", "DepartmentGroup", "StoreFormat", "Format")
    keys.assign(**{n: keys["Product"] % k for n, k in zip(names, (9, 5, 4, 2, 2, 3), strict=True)}).to_csv(
        folder / "Week 0 - Master.csv", index=False
    )
    state = {"End Inventory": mixed % 5, "In Transit W+1": mixed % 2, "In Transit W+2": mixed % 3}
    keys.assign(**state).to_csv(folder / f"Week 0 - {dates[WEEKS - 1].date()} - Initial State.csv", index=False)
    return folder, template, sales, known


def test_a_week_by_hand():
    start = State(np.array([1.0, 0.0]), np.array([2.0, 0.0]), np.array([5.0, 1.0]))
    state, left, lost = advance(start, np.array([2.0, 4.0]), np.array([7.0, 9.0]))
    assert left.tolist() == [1, 0] and lost.tolist() == [0, 4]
    assert (state.stock.tolist(), state.next_week.tolist(), state.week_after.tolist()) == ([1, 0], [5, 1], [7, 9])


def test_an_order_first_sells_in_the_third_week():
    state, sold = State(np.zeros(1), np.zeros(1), np.zeros(1)), []
    for week in range(5):
        state, _, lost = advance(state, np.array([3.0]), np.array([3.0]) if week == 0 else np.zeros(1))
        sold.append(3 - lost[0])
    assert sold == [0, 0, 3, 0, 0]


def test_files_are_read_in_the_order_of_the_template(made):
    folder, template, sales, known = made
    history = read_history(folder, 2)
    assert history.sales.shape == (PAIRS, WEEKS + 2) and np.array_equal(history.sales, sales[:, : WEEKS + 2])
    assert np.array_equal(history.in_stock[:, :WEEKS], known) and history.in_stock[:, WEEKS:].all()
    assert read_state(folder).stock.tolist() == (np.arange(PAIRS) % 5).tolist()
    assert history.attributes[["Store", "Product"]].equals(template)


def test_submissions_follow_the_template_and_are_whole(made, tmp_path):
    folder, template, _, _ = made
    order = np.arange(PAIRS, dtype=float)
    written = pd.read_csv(write_orders(order, read_template(folder), tmp_path / "a" / "round_1.csv"))
    assert written[["Store", "Product"]].equals(template) and written["0"].tolist() == list(range(PAIRS))
    for bad in (order - 1, order + 0.5, order[1:], np.where(order == 3, np.nan, order)):
        with pytest.raises(ValueError, match="whole numbers"):
            check_orders(bad, PAIRS)


def test_benchmark_by_hand(made):
    folder, _, sales, known = made
    history, state = read_history(folder, 0), read_state(folder)
    masked = pd.DataFrame(np.where(known, sales[:, :WEEKS], np.nan).T, index=history.dates)
    factor = masked.mean(axis=1).groupby(masked.index.isocalendar().week.astype(int).to_numpy()).mean()
    factor /= factor.mean()
    flat = masked.div(factor.loc[masked.index.isocalendar().week.astype(int)].to_numpy(), axis=0)
    ahead = pd.date_range(history.dates[-1], periods=5, freq="7D")[1:].isocalendar().week.astype(int)
    wanted = flat.iloc[-13:].mean() * factor.loc[ahead].sum() - (
        np.arange(PAIRS) % 5 + np.arange(PAIRS) % 2 + np.arange(PAIRS) % 3
    )
    assert benchmark_order(history, state).tolist() == np.maximum(wanted.round(), 0).tolist()


def test_game_costs_follow_from_its_own_submissions(made, tmp_path):
    folder, _, sales, _ = made
    table = vn2.play(folder, tmp_path, benchmark_order)
    orders = [pd.read_csv(tmp_path / f"round_{k}.csv")["0"].to_numpy() for k in range(1, 7)]
    assert not (tmp_path / "round_7.csv").exists() and table["week"].tolist() == list(range(1, 9))
    i = np.arange(PAIRS)
    stock, due = (i % 5).astype(float), [i % 2, i % 3, *orders]  # weeks 1, 2, 3..8
    for week in range(8):
        stock = stock + due[week]
        lost = np.maximum(sales[:, WEEKS + week] - stock, 0).sum()
        stock = np.maximum(stock - sales[:, WEEKS + week], 0)
        assert table["cost"][week] == pytest.approx(0.2 * stock.sum() + lost)


def test_later_files_change_no_earlier_order(made, tmp_path):
    """Rounds 1-3 from a folder that ends with week 2, and from one whose later weeks are turned upside down."""
    folder, template, sales, _ = made
    dates = pd.date_range("2022-01-03", periods=WEEKS + 8, freq="7D")
    short, other = tmp_path / "short", tmp_path / "other"
    for target in (short, other):
        target.mkdir()
        for path in folder.iterdir():
            if path.name.startswith("Week 0") or path.name[5] in "12":
                (target / path.name).write_bytes(path.read_bytes())
    changed = sales.copy()
    changed[:, WEEKS + 2 :] = changed[::-1, WEEKS + 2 :] * 3 + 7
    for week in range(3, 9):
        write_week(other, template, changed[:, : WEEKS + week], dates[: WEEKS + week], week)
    written = {}
    for target in (folder, short, other):
        vn2.play(target, tmp_path / "out" / target.name, planner(dataclasses.replace(DEMAND, rounds=15)))
        written[target] = [(tmp_path / "out" / target.name / f"round_{k}.csv").read_text() for k in (1, 2, 3)]
    assert written[folder] == written[short] == written[other]
    assert not (tmp_path / "out" / "short" / "round_4.csv").exists()
    late = [(tmp_path / "out" / t.name / "round_4.csv").read_text() for t in (folder, other)]
    assert late[0] != late[1], "a changed week must reach the order after it"


def test_validation_sees_nothing_after_a_decision(made):
    history = read_history(made[0], 0)
    seen = []

    def watch(past, state):
        seen.append(past.sales.shape[1] - 1)
        assert past.in_stock.shape == past.sales.shape and len(past.dates) == past.sales.shape[1]
        return np.zeros(PAIRS)

    vn2.play_window(history, 100, watch, vn2.demand_of(history, "masked"))
    assert seen == [100, 101, 102, 103, 104, 105]


def test_definitions_of_unknown_demand(made):
    history = read_history(made[0], 0)
    masked, zero, filled = (vn2.demand_of(history, name) for name in vn2.DEFINITIONS)
    assert np.array_equal(masked.counts, history.in_stock) and zero.counts.all() and filled.counts.all()
    assert np.array_equal(masked.units, zero.units) and (zero.units[~history.in_stock] == 0).all()
    assert np.array_equal(filled.units[history.in_stock], zero.units[history.in_stock])
    assert filled.units[~history.in_stock].mean() == pytest.approx(zero.units[history.in_stock].mean(), rel=0.25)
    with pytest.raises(ValueError, match="definition"):
        vn2.demand_of(history, "guess")


def test_start_of_a_window_is_the_organisers_rule():
    class Year:
        sales = np.repeat([[2.77], [0.9], [3.0], [0.0]], 52, axis=1)

    start = organisers_start(Year())
    assert start.stock.tolist() == [3, 1, 3, 0] and start.week_after.tolist() == [3, 1, 3, 0]
    assert start.next_week.tolist() == [0, 0, 0, 0]


def test_bad_files_are_named(made, tmp_path):
    for path in made[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(FileNotFoundError, match="Week 0"):
        vn2.sales_files(made[0].parent / made[0].name / "..")
    path = next(tmp_path.glob("Week 1 - *"))
    table = pd.read_csv(path)
    table.iloc[:-1].to_csv(path, index=False)
    with pytest.raises(ValueError, match="no row for pair"):
        read_history(tmp_path, 1)
    table.iloc[2, 7] = -1
    table.to_csv(path, index=False)
    with pytest.raises(ValueError, match="sales of zero or more"):
        read_history(tmp_path, 1)


def test_command_writes_orders_and_table(made, tmp_path):
    for path in made[0].glob("Week 0*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    command = [sys.executable, "-m", "tests.benchmarks.vn2", str(tmp_path), "--out", str(tmp_path / "out"), "--json"]
    done = subprocess.run(
        [*command, str(tmp_path / "t.json"), "--windows", "104"], cwd=project_root(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "round_1.csv").exists() and "saving" in done.stdout
    (window,) = json.loads((tmp_path / "t.json").read_text())["windows"]
    assert window["week 0"] == "2024-01-01"
    assert window["ours masked"] == pytest.approx(window["ours holding"] + window["ours shortage"], abs=0.11)


def test_page_is_made_from_the_stored_tables_and_our_orders_save_in_every_window():
    assert PAGE.read_text() == vn2_page(), "run python -m tests.benchmarks.vn2_page"
    windows, between = stored("windows"), stored("between")
    assert len(windows) >= 8 and not set(windows["week 0"]) & set(between["week 0"])
    assert mean_saving(windows) >= 0.15 and mean_saving(between) >= 0.15
    assert (windows["saving masked"] > 0).all() and (between["saving masked"] > 0).all()
