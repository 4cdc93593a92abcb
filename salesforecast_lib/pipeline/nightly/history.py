"""All sales so far: those of the run, and what each night added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salesforecast_lib.files import read_json
from salesforecast_lib.wording import counted

if TYPE_CHECKING:
    import pandas as pd

    from salesforecast_lib.pipeline.batch import NewData

FOLDER, BASE, LINES, STATE = "nights", "base.parquet", "lines.parquet", "state.json"
GIVEN = "given.parquet"  # instead of `BASE`, where it is the panel that the run was given
KEYS = ["unique_id", "ds"]
MARK = " (given)"  # of a column whose name is one of the book's own, see `data.own_columns`


@dataclass(frozen=True)
class Shop:
    """A run and its nights; ``values`` are the run's parameters, ``meta`` its ``panel.json``."""

    run: Path
    values: dict[str, Any]
    meta: dict[str, Any]

    @property
    def place(self) -> Path:
        """Folder of the nights."""
        return self.run / FOLDER

    @property
    def panel(self) -> bool:
        """Whether new files are panels; order lines are those of own data only."""
        return self.values.get("dataset") != "own_data"

    def nights(self) -> list[Path]:
        """Finished nights, oldest first."""
        return sorted(path.parent for path in self.place.glob(f"[0-9]*/{STATE}"))

    def state(self) -> dict[str, Any]:
        """What the last finished night left, empty before the first."""
        done = self.nights()
        return read_json(done[-1] / STATE) if done else {}

    def as_read(self) -> dict[str, Any]:
        """The run's parameters for files in our own names, as `sales` writes them."""
        plain = {
            "columns": {},
            "timezone": "",
            "decimal": "",
            "thousands": "",
            "date_order": "",
            "encoding": "",
            "sheet": "",
            "settled": {},
        }
        if not self._derived():
            return {**self.values, **plain}
        roles = {
            role: [name for name in self.meta[role] if name != "open"] for role in ("static", "future", "historical")
        }
        country = self.meta.get("country_column") or self.meta["country"]
        return {**self.values, **plain, **roles, "dataset": "own_panel", "country": country}

    def planned(self, new: NewData) -> NewData:
        """New data of the series that the run plans: those that ``n_series`` left out there stay out, and are counted.

        Raises ValueError where none of the run's series is left.
        """
        from salesforecast_lib.data.panel import PanelConfig
        from salesforecast_lib.pipeline.runs.shop import series_of
        from salesforecast_lib.pipeline.values import OWN_DATASETS

        most = PanelConfig(n_series=int(self.values["n_series"])).keeps(self.values.get("dataset") in OWN_DATASETS)
        if not most:
            return new
        names = series_of(self.run)
        if len(names) < most:
            return new
        inside = new.panel["unique_id"].isin(names)
        if not inside.any():
            raise ValueError(f"none of the {counted(len(names), 'series')} of {self.run} is in the data")
        panel = new.panel[inside].reset_index(drop=True)
        left = new.panel["unique_id"].nunique() - panel["unique_id"].nunique()
        said = [f"{counted(left, 'series')} not forecast, as in the run: n_series={most}"] if left else []
        plan = new.plan[new.plan["unique_id"].isin(names)].reset_index(drop=True)
        return replace(new, panel=panel, plan=plan, notes=[*new.notes, *said])

    def _derived(self) -> bool:
        """Whether the sales so far are the run's panel, not the file that the run was given.

        New files look like that file: a column that the run made of it (``available``, ``open``, one under another
        name) is not in them, so that the file is better where it is still there.
        """
        if not self.panel or (self.place / GIVEN).is_file():
            return False
        given = self.values.get("dataset") == "own_panel" and Path(str(self.values.get("path") or ".")).is_file()
        return (self.place / BASE).is_file() or not given

    def base(self) -> pd.DataFrame:
        """Sales of the run itself, kept as they were when the first night came."""
        import pandas as pd

        from salesforecast_lib.data.reading import read_orders, read_panel_file
        from salesforecast_lib.data.reading.pseudonyms import private
        from salesforecast_lib.files import write_parquet
        from salesforecast_lib.pipeline.runs.files import reading_options

        derived = self._derived()
        kept = self.place / (GIVEN if self.panel and not derived else BASE)
        if kept.is_file():
            return pd.read_parquet(kept)
        if derived:
            names = [*KEYS, "y", "available"]
            names += [n for role in ("static", "historical", "future") for n in self.meta[role]]
            table = pd.read_parquet(self.run / "panel.parquet")[list(dict.fromkeys(names))]
        else:
            read = read_panel_file if self.panel else read_orders
            options = reading_options(self.values)
            table = read(self.values["path"], options).frame.drop(columns="row")
            table = table if self.panel else private(table, options.customer_ids)  # it stays in the run folder
        write_parquet(_plain(table), kept)
        return pd.read_parquet(kept)

    def _named(self, table: pd.DataFrame) -> pd.DataFrame:
        """Columns of a new file under the names of the run's panel, where that is what they are added to."""
        if not self._derived():
            return table
        from salesforecast_lib.data.ahead.closures import take_closures

        table, _ = take_closures(table)
        names = [name for role in ("static", "historical", "future") for name in self.meta[role]]
        given = {name.removesuffix(MARK): name for name in names if name.endswith(MARK)}
        return table.rename(columns={old: new for old, new in given.items() if old != "open" and new not in table})

    def sales(self, tonight: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        """Everything known, tonight's files last; of a panel the latest word on a product and period counts."""
        import pandas as pd

        from salesforecast_lib.data.reading.pseudonyms import private
        from salesforecast_lib.pipeline.runs.files import reading_options

        earlier = [pd.read_parquet(path / LINES) for path in self.nights() if (path / LINES).is_file()]
        parts = [self.base(), *map(self._named, [*earlier, *map(_plain, tonight.values())])]
        table = pd.concat(parts, ignore_index=True)
        if not self.panel:  # nights of before kept ids as they were
            return private(table, reading_options(self.values).customer_ids)
        table = table.drop_duplicates(KEYS, keep="last").sort_values(KEYS, ignore_index=True)
        if self._derived():  # new files need not have what the run made of its own
            if "open" in table:
                table["open"] = table["open"].fillna(1.0)
            table["available"] = table["available"].fillna(table["open"] if "open" in table else 1.0)
        known = [name for name in self.as_read()["static"] or () if name in table]
        table[known] = table.groupby("unique_id")[known].ffill()
        table[known] = table.groupby("unique_id")[known].bfill()
        return table


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Columns of mixed cells as text, which Parquet can hold."""
    import pandas as pd

    odd = [name for name in table if table[name].dtype == object]
    texts = {name: table[name].map(lambda cell: cell if pd.isna(cell) else str(cell)) for name in odd}
    return table.assign(**texts)
