"""Are changes seen, are alarms false, is retraining worth it: ``python tests/benchmarks/monitoring.py``.

Parts (``--parts``, separated by commas):

* ``drifts``: changes injected into simulated markets, night by night for a quarter, over ``--seeds`` seeds: share
  seen, days until the first alarm, calls a quarter; beside evidently's documented default tests;
* ``evidently``: do the plain tests say what evidently says? (``--evidently`` names a Python that has it);
* ``journey``: policies of retraining on the last 12 weeks of The Complete Journey, over ``--policy-seeds`` seeds, from
  the features of a finished run (``--run``), with the money of chapter 08's simulator;
* ``retail``: the same on Online Retail II by day (``--data`` names the folder that holds online_retail_ii).

With ``--json FILE`` the parts that ran replace those stored there; ``monitoring_page.py`` makes the page. One thread.
Margins were chosen on the markets of seeds 100 to 105.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

if __name__ == "__main__":  # a script's own folder comes first: add the project's root
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from salesforecast_lib.data.features import FeatureTable, build_features, load_features
from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.prepare import load_panel, prepare
from salesforecast_lib.decisions import inventory
from salesforecast_lib.files import project_root, read_json, write_json
from salesforecast_lib.production.monitoring.trials import injection, retraining, trial
from salesforecast_lib.production.monitoring.trials.trees import TreesConfig

COSTS = inventory.SimulationConfig(lead_time=2, review_period=1, holding_cost=0.02, shortage_cost=0.5)
LEVEL = inventory.critical_ratio(0.5, 0.02)


def drifts_part(arguments: argparse.Namespace) -> dict[str, Any]:
    """Table of detection over the seeds, and what was alarmed at all where nothing changed."""
    seeds = list(range(arguments.seeds))
    began, parts = time.process_time(), []
    for seed in seeds:
        parts.append(trial.play_trials(injection.watched_market, [seed]))
        print(f"drifts: seed {seed}, {time.process_time() - began:.0f} s", flush=True)
    alarms = pd.concat(parts, ignore_index=True)
    table = trial.summarise(alarms, seeds, list(injection.DRIFTS))
    quiet = alarms[(alarms["drift"] == "nothing") & (alarms["source"] != trial.PLAIN)]
    kinds = quiet.drop_duplicates(["seed", "kind"]).groupby("kind").size()
    return {
        "seeds": seeds,
        "rows": [{k: None if pd.isna(v) else v for k, v in row.items()} for row in table.to_dict("records")],
        "quiet_seeds_by_kind": {str(name): int(count) for name, count in kinds.items()},
        "minutes": (time.process_time() - began) / 60,
    }


def evidently_part(arguments: argparse.Namespace) -> dict[str, Any]:
    """How often evidently itself says the same as our stand-in, on each week of each change in some markets."""
    theirs = Path(__file__).with_name("monitoring_evidently.py")
    ours: dict[str, bool] = {}
    with tempfile.TemporaryDirectory() as place:
        for seed in range(arguments.evidently_seeds):
            market = injection.watched_market(seed)
            for drift in injection.DRIFTS:
                panel = injection.inject(market, drift, seed)
                for day in range(7, injection.QUARTER + 1, 7):
                    tonight, name = market.cutoff + pd.Timedelta(days=day), f"{seed}-{drift}-{day}".replace(" ", "_")
                    before, now = trial.plain_tables(panel, market.cutoff, tonight)
                    before.to_parquet(f"{place}/{name}-before.parquet")
                    now.to_parquet(f"{place}/{name}-now.parquet")
                    ours[name] = trial.plain_alarm(panel, market.cutoff, tonight)
        subprocess.run([arguments.evidently, str(theirs), place], check=True, env={"PATH": os.environ["PATH"]})
        told = read_json(Path(place) / "answers.json")
    same = sum(told["alarms"][name] == alarm for name, alarm in ours.items())
    return {
        "version": told["version"],
        "tables": len(ours),
        "same": same,
        "alarms_ours": sum(ours.values()),
        "alarms_theirs": sum(told["alarms"].values()),
    }


def money(played: retraining.Played, panel: pd.DataFrame, season: int) -> dict[str, float]:
    """Cost of the stock that each policy's forecasts order, by chapter 08's simulator."""
    case = inventory.build_case(played.forecasts, panel, COSTS, season)
    return inventory.compare(case, COSTS, LEVEL).set_index("policy")["total"].to_dict()


def policies(
    table: FeatureTable, panel: pd.DataFrame, meta: Mapping[str, Any], seeds: int, name: str
) -> dict[str, Any]:
    """Policies over seeds of the trees: each table, and the mean of the tables."""
    tables, log = [], []
    for seed in range(seeds):
        weeks = retraining.Weeks.last(table, panel, meta, 12, TreesConfig(seed=seed))
        played = retraining.play_policies(weeks)
        cost = money(played, panel, int(meta["season_length"]))
        tables.append(retraining.policy_table(played, panel, cost))
        asked = played.log[(played.log["policy"] == retraining.ON_ALARM) & played.log["retrained"]]
        log += [{"seed": seed, "cutoff": row.cutoff, "why": row.why} for row in asked.itertuples()]
        print(f"{name}: seed {seed}\n{tables[-1].round(4)}", flush=True)
    joined = pd.concat(tables, keys=range(seeds), names=["seed"])
    mean, spread = joined.groupby("policy", sort=False).mean(), joined.groupby("policy", sort=False).std()
    return {
        "seeds": seeds,
        "products": int(panel["unique_id"].nunique()),
        "from": str(weeks.cutoffs[0].date()),
        "until": str(panel["ds"].max().date()),
        "mean": mean.reset_index().to_dict("records"),
        "sd": spread.fillna(0.0).reset_index().to_dict("records"),
        "saved_by_seed": {str(p): part["saved"].round(1).tolist() for p, part in joined.groupby("policy", sort=False)},
        "asked": log,
    }


def journey_part(arguments: argparse.Namespace) -> dict[str, Any]:
    """The default data, from a finished run."""
    table, meta = load_features(arguments.run)
    return policies(table, load_panel(arguments.run)[0], meta, arguments.policy_seeds, "journey")


def retail_part(arguments: argparse.Namespace) -> dict[str, Any]:
    """Online Retail II by day, its 200 products that sell on most days."""
    path = str(Path(arguments.data) / "online_retail_ii" / "online_retail_ii.parquet")
    made = prepare("online_retail_ii", PanelConfig(freq="D", n_series=200), 7, path=path, country="GB")
    return policies(build_features(made.panel, made.meta), made.panel, made.meta, arguments.policy_seeds, "retail")


PARTS = {"drifts": drifts_part, "evidently": evidently_part, "journey": journey_part, "retail": retail_part}


def main() -> None:
    """Run the parts and store them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--policy-seeds", type=int, default=3)
    parser.add_argument("--run", default="runs/default", help="a finished run of the default profile")
    parser.add_argument("--data", default="data/raw", help="folder that holds online_retail_ii")
    parser.add_argument("--evidently", default="", help="a Python with evidently 0.7 and pandas 2")
    parser.add_argument("--evidently-seeds", type=int, default=2)
    parser.add_argument("--json", default="")
    arguments = parser.parse_args()
    chosen = [name.strip() for name in arguments.parts.split(",") if name.strip()]
    unknown = [name for name in chosen if name not in PARTS]
    if unknown:
        parser.error(f"--parts: unknown {unknown}; expected some of {list(PARTS)}")
    if not arguments.evidently:
        chosen = [name for name in chosen if name != "evidently"]
    for name in chosen:
        result = PARTS[name](arguments)
        if arguments.json:
            file = project_root() / arguments.json
            write_json({**(read_json(file) if file.is_file() else {}), name: result}, file)
        print(name, result, flush=True)


if __name__ == "__main__":
    main()
