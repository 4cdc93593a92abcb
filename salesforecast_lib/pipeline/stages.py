"""The stages of a run: which notebook reads and writes what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from salesforecast_lib.files import project_root


@dataclass(frozen=True)
class Stage:
    """A notebook with the run's files it reads and writes; its imports say which modules it depends on.

    Parameters
    ----------
    may_read : files that it reads where they are and does without where they are not: it waits for the stage that
        writes them if that one is run as well.
    length : "long" and "short" ones take more than a minute and less than twenty seconds of the default run. Where
        several could begin, long ones and those that others wait for come first and short ones last, so that no worker
        is left with a long one at the end.
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    may_read: tuple[str, ...] = ()
    length: str = ""

    @property
    def source(self) -> Path:
        """The notebook's source, py:percent."""
        return project_root() / "notebooks" / f"{self.name}.py"


STAGES = (
    Stage(
        "01_preprocessing",
        (),
        ("panel.parquet", "panel.json", "plan.parquet", "quarantine.parquet", "cleaning.json"),
    ),
    Stage(
        "02_feature_engineering",
        ("panel.parquet", "panel.json", "plan.parquet"),
        ("features.parquet", "features.json", "ahead.parquet"),
    ),
    Stage("03_lstm_derivation", (), ("derivation.json",), length="short"),
    Stage(
        "04_training",
        ("features.parquet", "features.json", "ahead.parquet"),
        ("model/model.safetensors", "model/model.json", "training_log.json", "lstm_forecasts.parquet"),
    ),
    Stage("05_model_selection", ("features.parquet", "features.json"), (), length="long"),
    Stage(
        "06_ensembles",
        ("panel.parquet", "panel.json", "features.parquet", "features.json", "ahead.parquet", "lstm_forecasts.parquet"),
        ("members.parquet", "ensemble.json"),
    ),
    Stage(
        "06b_champion",
        ("panel.parquet", "panel.json", "features.parquet", "features.json", "ahead.parquet"),
        ("champion_forecasts.parquet", "champion.json", "champion/champion.json"),
    ),
    Stage(
        "07_evaluation",
        (
            *("panel.parquet", "panel.json", "ahead.parquet"),
            *("lstm_forecasts.parquet", "members.parquet", "champion_forecasts.parquet"),
        ),
        ("forecasts.parquet", "metrics.json"),
    ),
    Stage(
        "08_inventory",
        ("panel.parquet", "panel.json", "champion_forecasts.parquet", "champion.json"),
        ("replenishment.csv", "warnings.csv", "excess.csv", "projection.csv", "inventory.json"),
        may_read=("forecasts.parquet",),
        length="short",
    ),
    Stage(
        "09_alerts",
        ("panel.parquet", "panel.json", "forecasts.parquet"),
        ("alerts.csv", "alerts.json"),
    ),
    Stage(
        "10_customers",
        ("panel.json",),
        ("segments.csv", "intentions.csv", "recommendations.csv", "customers.json"),
    ),
    Stage("11_advertising", (), ("channels.json",)),
    Stage(
        "12_promotions",
        ("panel.parquet", "panel.json", "forecasts.parquet"),
        ("promotions.csv", "promotions.json"),
        length="short",
    ),
    Stage("13_pricing", ("panel.parquet", "panel.json"), ("prices.csv", "pricing.json")),
    Stage(
        "14_deployment",
        (
            *("features.parquet", "features.json", "ahead.parquet"),
            *("champion/champion.json", "champion_forecasts.parquet"),
        ),
        ("deployment.json",),
        may_read=("metrics.json",),
        length="long",
    ),
    Stage(
        "15_monitoring",
        ("panel.parquet", "panel.json", "features.parquet", "features.json"),
        ("monitoring.json", "dashboard.html"),
    ),
    Stage(
        "16_trust",
        (
            *("features.parquet", "features.json", "ahead.parquet", "model/model.json"),
            *("champion/champion.json", "champion_forecasts.parquet"),
        ),
        ("reasons.csv", "trust.json"),
    ),
    Stage(
        "16b_robustness",
        (
            *("panel.parquet", "panel.json", "features.parquet", "features.json", "ahead.parquet"),
            *("champion/champion.json", "champion_forecasts.parquet"),
        ),
        ("robustness.json",),
        length="long",
    ),
    Stage(
        "18_scaling_out",
        ("panel.parquet", "panel.json", "features.parquet", "features.json"),
        ("scaling.json",),
    ),
)


def stage_names() -> list[str]:
    """Names in the order of a run."""
    return [stage.name for stage in STAGES]


def graph() -> str:
    """Mermaid source of who reads whose files."""
    writer = {file: stage.name for stage in STAGES for file in stage.writes}
    lines = ["flowchart LR"]
    for stage in STAGES:
        lines.append(f'    {stage.name}["{stage.name.replace("_", " ")}"]')
    for stage in STAGES:
        for source in dict.fromkeys(writer[file] for file in stage.reads):
            lines.append(f"    {source} --> {stage.name}")
        for source in dict.fromkeys(writer[file] for file in stage.may_read):
            lines.append(f"    {source} -.-> {stage.name}")
    return "\n".join(lines) + "\n"
