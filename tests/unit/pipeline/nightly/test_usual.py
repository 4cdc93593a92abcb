"""After new models serve, what is usual is what they were trained on: a lasting change does not alarm for ever."""

import shutil
from dataclasses import replace

import pandas as pd
import pytest

from salesforecast_lib.files import read_json, write_json
from salesforecast_lib.pipeline.nightly import NightlyConfig, play, read_config
from salesforecast_lib.pipeline.nightly.history import Shop
from salesforecast_lib.pipeline.nightly.retrain import due
from salesforecast_lib.pipeline.nightly.usual import reference_of, watch_of
from salesforecast_lib.production import registry
from tests.unit.pipeline.nightly.made import DAYS, lines, quick, shop


class Champion:
    """Models whose sales end with March."""

    cutoff = pd.Timestamp("2024-03-31")


def on(day: str) -> pd.Timestamp:
    return pd.Timestamp(day)


@pytest.mark.parametrize(
    ("retrain", "day", "alarms", "tried", "wanted", "words"),
    [
        ("never", "2024-05-30", 9, "", False, ""),
        ("weekly", "2024-04-06", 9, "", False, ""),
        ("weekly", "2024-04-07", 0, "", True, "7 days old"),
        ("weekly", "2024-04-08", 0, "2024-04-07", False, ""),  # they were refused the night before
        ("weekly", "2024-04-14", 0, "2024-04-07", True, "14 days old"),
        ("monthly", "2024-04-28", 0, "", True, "28 days old"),
        ("monthly", "2024-05-20", 0, "2024-04-28", False, ""),
        ("alarm", "2024-04-01", 1, "", True, "1 alarm"),
        ("alarm", "2024-04-01", 0, "", False, ""),
        ("alarm", "2024-04-05", 2, "2024-04-01", False, "again from 2024-04-08 on"),
        ("alarm", "2024-04-08", 2, "2024-04-01", True, "2 alarms"),
        ("alarm", "2024-03-31", 2, "", False, ""),  # nothing new to learn from
    ],
)
def test_training_is_due_when_it_can_help_and_not_night_after_night(retrain, day, alarms, tried, wanted, words):
    config = NightlyConfig(run=None, new="", retrain=retrain)
    found, why = due(config, Champion(), on(day), alarms, tried)
    assert found is wanted and (words in why if words else why == "")


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """A shop that sells three times as much from the first night on: trained again, and two days later."""
    file = shop(tmp_path_factory.mktemp("changed") / "shop")
    told = file.read_text() + "retrain: alarm\ngate: {margin: 0.9, bias: 0.9, coverage: 0.9}\n"
    file.write_text(told)
    nights = []
    for first, days in ((DAYS, 21), (DAYS + 21, 1), (DAYS + 22, 1)):
        lines(first, days, factor=3.0).to_csv(file.parent / "inbox" / f"{first}.csv", index=False)
        nights.append(play(read_config(file), fitted=quick))
    return file, nights


def test_a_lasting_change_alarms_until_models_that_know_it_serve(changed):
    file, nights = changed
    run = file.parent / "run"
    assert nights[0].code == 1 and any(line.startswith("trained again, because") for line in nights[0].lines)
    assert registry.versions(run) == ["v000001"] == [registry.current(run)]  # and on no night after it
    for night in nights[1:]:
        assert night.code == 0, night.lines
    kept = read_json(nights[-1].folder / "watch.json")
    assert kept["since"] == "2024-04-28"
    assert len(pd.DataFrame(kept["figures"])["ds"].unique()) > 7  # earlier nights stay on record


def test_the_measure_of_a_version_is_its_own_and_comes_back_with_it(changed, tmp_path):
    file, nights = changed
    shutil.copytree(file.parent, tmp_path / "shop")
    run = tmp_path / "shop" / "run"
    made = Shop(run, {}, read_json(run / "panel.json"))
    mine, own = reference_of(made, "v000001"), reference_of(made, "run")
    assert mine.last == "2024-04-28" and own.last == "2024-04-07" and mine.level > own.level
    assert watch_of(made, "v000001").baseline != watch_of(made, "run").baseline
    registry.verify(registry.model_folder(run))  # the file is one of those that are checked
    other = shutil.copytree(run / "models" / "v000001", tmp_path / "other")  # somebody lets another version serve
    write_json({**read_json(other / "model.json"), "note": "other"}, other / "model.json")
    registry.promote(run, registry.publish(run, other))
    config = replace(read_config(file), run=run, new=str(tmp_path / "shop" / "inbox"), stock=None, retrain="never")
    lines(DAYS + 23, 1, factor=3.0).to_csv(tmp_path / "shop" / "inbox" / "late.csv", index=False)
    night = play(config)
    assert read_json(night.folder / "watch.json")["since"] == "2024-05-01"  # signals begin anew
    assert read_json(night.folder / "state.json")["version"] == "v000002"


@pytest.mark.parametrize(("plan", "jobs"), [("", 1), ("plan.csv", 2)])
def test_a_training_reads_all_sales_and_the_plan_and_ends_with_the_champion(tmp_path, monkeypatch, plan, jobs):
    from salesforecast_lib.pipeline import parameters, runner
    from salesforecast_lib.pipeline.nightly.retrain import train
    from salesforecast_lib.pipeline.runs.choice import chosen_stages

    asked = {}
    monkeypatch.setattr(runner, "run", lambda values, folder, **told: asked.update(told, values=values, folder=folder))
    values = {
        "dataset": "own_panel",
        "path": str(tmp_path / "old.csv"),
        "columns": {"y": "Qty"},
        "future": ["promo"],
        "horizon": 14,
        "ablation_seeds": 3,  # a run of the whole book measures for its readers
        "whatif_markets": 5,
    }
    (tmp_path / "old.csv").write_text("unique_id,ds,Qty\n")
    sales = tmp_path / "sales.parquet"
    config = NightlyConfig(run=tmp_path, new="", plan=tmp_path / plan if plan else None, jobs=jobs)
    folder = train(Shop(tmp_path, values, {}), sales, config)
    assert asked["folder"] == folder == tmp_path / "nights" / ".challenger" and asked["jobs"] == jobs
    given = parameters.check(asked["values"])  # the run takes them
    assert given["path"] == str(sales) and "columns" not in given and given["future"] == ["promo"]
    assert given["ablation_seeds"] == given["whatif_markets"] == 0, "a night has no readers"
    assert given.get("plan_file", "") == (str(tmp_path / plan) if plan else "")
    last = chosen_stages(goal=asked["goal"], to_stage=asked["to_stage"]).wanted[-1]
    assert "champion_forecasts.parquet" in last.writes
