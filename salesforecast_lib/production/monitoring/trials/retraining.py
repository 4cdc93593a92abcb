"""When is training anew worth it? Policies played week by week on what came (chapter 15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from salesforecast_lib.data.features import FeatureTable, build_features
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.production.monitoring.drift import data_drift
from salesforecast_lib.production.monitoring.reference import Reference
from salesforecast_lib.production.monitoring.trials.injection import META, watched_market
from salesforecast_lib.production.monitoring.trials.trees import Trees, TreesConfig, fit_trees, forecast_with, rows_at
from salesforecast_lib.production.monitoring.watch import ForecastWatch

KEYS = ["unique_id", "ds"]
NEVER, MONTHLY, WEEKLY, ON_ALARM, WARM = "never", "monthly", "weekly", "on alarm", "warm start"
POLICIES = (NEVER, MONTHLY, WEEKLY, ON_ALARM, WARM)
RETRAINS = ("level", "turn")  # kinds of data drift that a new model answers; a faulty feed is mended instead
REST = 2  # weeks after a training in which no alarm trains again: its signals need them
BACK_TEST, LEAST = 12, 4
ROUND = {"D": 7, "W": 4, "M": 3}  # periods of a round


def round_config(freq: str, seed: int, max_rows: int = 20_000, trees: int = 60) -> TreesConfig:
    """Trees for rounds of a week, of four weeks or of a quarter, by the length of the period."""
    kind = check_freq(freq).kind
    window = {"D": 56, "W": 26, "M": 12}[kind]
    return TreesConfig(trees=trees, max_rows=max_rows, window=window, horizon=ROUND[kind], seed=seed)


@dataclass(frozen=True)
class Weeks:
    """What policies are played on: features and panel of all weeks, what is known ahead, the cutoffs to play, and
    how many rounds before them tell how forecasts err."""

    table: FeatureTable
    panel: pd.DataFrame
    meta: Mapping[str, Any]
    cutoffs: Sequence[pd.Timestamp]
    config: TreesConfig = field(default_factory=TreesConfig)
    back_test: int = 12

    @classmethod
    def last(
        cls, table: FeatureTable, panel: pd.DataFrame, meta: Mapping[str, Any], weeks: int, config: TreesConfig
    ) -> Weeks:
        """The last ``weeks`` rounds of ``config.horizon`` periods of a panel, fewer where its history is short.

        Before them lie the rounds of a back-test, and a third of all periods to train on.

        Raises
        ------
        ValueError
            When not even `LEAST` rounds and a back-test of as many are there.
        """
        dates = pd.DatetimeIndex(panel["ds"].unique()).sort_values()
        rounds = (len(dates) - max(len(dates) // 3, 4 * config.horizon)) // config.horizon
        back_test = min(BACK_TEST, rounds // 2)
        played = min(weeks, rounds - back_test)
        if min(back_test, played) < LEAST:
            raise ValueError(
                f"panel: {len(dates)} periods; playing weeks needs {LEAST} rounds of {config.horizon} periods, as many "
                f"before them and a third of the history to train on: give a longer history"
            )
        ends = list(dates[-1 - played * config.horizon : -1 : config.horizon])
        return cls(table, panel, meta, ends, config, back_test)

    def at(self, cutoff: pd.Timestamp) -> Any:
        """Rows of the trees at a cutoff."""
        known = self.table.frame[[*KEYS, *self.table.roles["future"]]]
        return rows_at(self.table, known, self.meta, cutoff, self.config)

    def past(self, cutoff: pd.Timestamp) -> pd.DataFrame:
        """The panel up to a cutoff."""
        return self.panel[self.panel["ds"] <= cutoff].reset_index(drop=True)


def weeks_to_play(
    table: FeatureTable, panel: pd.DataFrame, meta: Mapping[str, Any], weeks: int, config: TreesConfig
) -> tuple[Weeks, str]:
    """The last weeks of the data, or of a simulated market where the history is too short; and which, in words."""
    try:
        found = Weeks.last(table, panel, meta, weeks, config)
        return found, f"played on the data, from {found.cutoffs[0].date()} on"
    except ValueError as error:
        market = watched_market(config.seed)
        daily = round_config("D", config.seed, config.max_rows, config.trees)
        made = Weeks.last(build_features(market.panel, META), market.panel, META, weeks, daily)
        return made, f"played on a simulated market, because of {error}"


@dataclass(frozen=True)
class Played:
    """Forecasts of each policy (column ``model``), with sales; and one row a policy and week of what it did."""

    forecasts: pd.DataFrame
    log: pd.DataFrame


def play_policies(weeks: Weeks, policies: Sequence[str] = POLICIES) -> Played:
    """Every policy forecasts each week with the trees that it has then; all begin with the same.

    A model is fitted once for a cutoff, whoever asks for it; every policy is charged for what it asks.

    Raises
    ------
    ValueError
        When a policy is not one of `POLICIES`.
    """
    unknown = [name for name in policies if name not in POLICIES]
    if unknown:
        raise ValueError(f"policies={unknown}: expected some of {POLICIES}")
    fitted: dict[pd.Timestamp, Trees] = {}
    made: dict[tuple[int, pd.Timestamp], pd.DataFrame] = {}
    rows = {cutoff: weeks.at(cutoff) for cutoff in weeks.cutoffs}

    def scratch(cutoff: pd.Timestamp) -> Trees:
        if cutoff not in fitted:
            fitted[cutoff] = fit_trees(rows[cutoff], cutoff, weeks.config)
        return fitted[cutoff]

    def forecast(trees: Trees, cutoff: pd.Timestamp) -> pd.DataFrame:
        if (id(trees), cutoff) not in made:
            made[id(trees), cutoff] = forecast_with(trees, rows[cutoff], cutoff, "")
        return made[id(trees), cutoff]

    tables, log, kept = [], [], []
    for policy in policies:
        trees, alarm = scratch(weeks.cutoffs[0]), _Alarm.begin(weeks) if policy == ON_ALARM else None
        for week, cutoff in enumerate(weeks.cutoffs):
            why = alarm.asks(weeks, cutoff, week) if alarm is not None and week else ""
            due = {MONTHLY: week % 4 == 0, WEEKLY: True, WARM: True, ON_ALARM: bool(why)}.get(policy, False)
            if due and week:
                if policy == WARM:
                    trees = fit_trees(rows[cutoff], cutoff, weeks.config, trees)
                    kept.append(trees)  # so that no id is used twice
                else:
                    trees = scratch(cutoff)
            table = forecast(trees, cutoff).assign(model=policy)
            if alarm is not None:
                alarm.saw(weeks, table, cutoff, week if due and week else None)
            tables.append(table)
            spent = trees.seconds if due and week else 0.0
            log.append((policy, week, str(cutoff.date()), bool(due and week), spent, why))
    joined = pd.concat(tables, ignore_index=True).merge(weeks.panel[[*KEYS, "y"]], on=KEYS, how="left")
    columns = ["policy", "week", "cutoff", "retrained", "seconds", "why"]
    return Played(joined, pd.DataFrame(log, columns=columns))


@dataclass
class _Alarm:
    """The policy that trains when something alarms."""

    watch: ForecastWatch
    reference: Reference
    trained: int = 0

    @classmethod
    def begin(cls, weeks: Weeks) -> _Alarm:
        first = weeks.cutoffs[0]
        step = weeks.config.horizon * check_freq(str(weeks.meta["freq"])).offset
        ends = [first - k * step for k in range(weeks.back_test, 0, -1)]
        early = fit_trees(weeks.at(ends[0]), ends[0], weeks.config)
        back_test = pd.concat([forecast_with(early, weeks.at(end), end, "") for end in ends], ignore_index=True)
        past = weeks.past(first)
        return cls(ForecastWatch.of(back_test, past, weeks.meta), Reference.of(past, weeks.meta))

    def asks(self, weeks: Weeks, cutoff: pd.Timestamp, week: int) -> str:
        """Why a new training is asked for at a cutoff, empty for no."""
        if week - self.trained < REST:
            return ""
        alarms = self.watch.alarms(cutoff)
        found = alarms[alarms["alarm"]]
        if found.empty:
            data = data_drift(self.reference, weeks.past(cutoff), weeks.meta)
            found = data[data["alarm"] & data["kind"].isin(RETRAINS)]
        return "" if found.empty else str(found["says"].iloc[0])

    def saw(self, weeks: Weeks, table: pd.DataFrame, cutoff: pd.Timestamp, trained: int | None) -> None:
        """The week after a cutoff has come in; ``trained`` is its number when a new model forecasts it."""
        if trained is not None:
            self.trained = trained
            self.watch.retrained(cutoff)
            self.reference = Reference.of(weeks.past(cutoff), weeks.meta)
        self.watch.update(table, weeks.panel[weeks.panel["ds"] > cutoff])


def policy_table(played: Played, panel: pd.DataFrame, cost: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Each policy's ``wape, bias``, trainings, compute minutes, and money against never training, in their order.

    Parameters
    ----------
    cost : policy → cost of the stock that its forecasts order, from chapter 08's simulator; ``saved`` is what is spent
        less than with the model that is never trained again, in the same money.
    """
    known = panel.loc[panel["available"] > 0, KEYS]
    rows = played.forecasts.merge(known, on=KEYS).dropna(subset="y")
    error = rows["mean"] - rows["y"]
    sums = rows.assign(size=error.abs(), error=error).groupby("model", sort=False)[["size", "error", "y"]].sum()
    log = played.log.groupby("policy", sort=False)
    table = pd.DataFrame(
        {
            "wape": sums["size"] / sums["y"],
            "bias": sums["error"] / sums["y"],
            "trainings": log["retrained"].sum(),
            "minutes": log["seconds"].sum() / 60,
        }
    )
    if cost is not None:
        table["cost"] = pd.Series(cost)
        table["saved"] = table["cost"].get(NEVER, float("nan")) - table["cost"]
    return table.reindex(log.size().index).rename_axis("policy")
