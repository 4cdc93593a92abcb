"""The made chain as a benchmark: two tasks that differ in the promotions told, and words that follow the figures."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.benchmarks import chain, fev
from tests.benchmarks.fev_tasks import load_task
from tests.unit.benchmarks.test_fev import flat


def test_the_chain_is_told_with_and_without_promotions_and_its_closures_are_recognised(tmp_path):
    folder = chain.write_tasks(tmp_path, shops=12, days=300, seed=0, windows=1)
    plain, told = (load_task(folder, name) for name in (chain.PLAIN, chain.PROMOTED))
    assert set(told.future) - set(plain.future) == {"promo"} and "open" in plain.future
    assert "school_holiday" in plain.future and not any("(given)" in name for name in plain.future)
    shut = told.panel[told.panel["open"] == 0]
    assert len(shut) and (shut["y"] == 0).all()
    sundays = told.panel["ds"].dt.dayofweek == 6
    opened = told.panel[sundays].groupby("unique_id")["open"].mean()
    assert (opened > 0.5).sum() == 1, "one shop in ten opens on Sundays"
    assert (told.origins[0]["cutoff"] == pd.Timestamp("2022-01-03") + pd.Timedelta(days=300 - 42 - 1)).all()


def test_the_command_prints_both_tasks_and_what_promotions_bring(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fev, "champion_forecasts", flat)
    results = chain.main(["--shops", "6", "--days", "200", "--root", str(tmp_path)])
    text = capsys.readouterr().out
    assert list(results) == [chain.PLAIN, chain.PROMOTED]
    assert "series, 1 windows of 42" in text and "peak memory" in text
    assert "below its best member, Half" in text and "its WAPE by 0.0%" in text


@pytest.mark.parametrize("after, words", [(0.09, "lower its WAPE by 10.0%"), (0.11, "raise its WAPE by 10.0%")])
def test_promotions_that_help_and_that_do_not_are_told_apart(after, words):
    results = {
        name: {"champion": {"WAPE": loss, "SQL": loss}, "members": {}}
        for name, loss in ((chain.PLAIN, 0.1), (chain.PROMOTED, after))
    }
    assert words in chain.verdict(results)[-1]
