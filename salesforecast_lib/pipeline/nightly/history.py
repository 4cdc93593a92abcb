"""All sales so far: those of the run, and what each night added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salesforecast_lib.files import read_json

if TYPE_CHECKING:
    import pandas as pd

FOLDER, BASE, LINES, STATE = "nights", "base.parquet", "lines.parquet", "state.json"
KEYS = ["unique_id", "ds"]


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
        }
        if not self.panel:
            return {**self.values, **plain}
        roles = {
            role: [name for name in self.meta[role] if name != "open"] for role in ("static", "future", "historical")
        }
        country = self.meta.get("country_column") or self.meta["country"]
        return {**self.values, **plain, **roles, "dataset": "own_panel", "country": country}

    def base(self) -> pd.DataFrame:
        """Sales of the run itself, kept as they were when the first night came."""
        import pandas as pd

        from salesforecast_lib.data.reading import read_orders
        from salesforecast_lib.files import write_parquet
        from salesforecast_lib.pipeline.runs.files import reading_options

        kept = self.place / BASE
        if kept.is_file():
            return pd.read_parquet(kept)
        if self.panel:
            names = [*KEYS, "y", "available"]
            names += [n for role in ("static", "historical", "future") for n in self.meta[role]]
            table = pd.read_parquet(self.run / "panel.parquet")[list(dict.fromkeys(names))]
        else:
            table = read_orders(self.values["path"], reading_options(self.values)).frame.drop(columns="row")
        write_parquet(_plain(table), kept)
        return pd.read_parquet(kept)

    def sales(self, tonight: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        """Everything known, tonight's files last; of a panel the latest word on a product and period counts."""
        import pandas as pd

        earlier = [pd.read_parquet(path / LINES) for path in self.nights() if (path / LINES).is_file()]
        parts = [self.base(), *earlier, *map(_plain, tonight.values())]
        table = pd.concat(parts, ignore_index=True)
        if not self.panel:
            return table
        table = table.drop_duplicates(KEYS, keep="last").sort_values(KEYS, ignore_index=True)
        known = [name for name in self.meta["static"] if name in table]
        table[known] = table.groupby("unique_id")[known].transform(lambda column: column.ffill().bfill())
        return table


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Columns of mixed cells as text, which Parquet can hold."""
    import pandas as pd

    odd = [name for name in table if table[name].dtype == object]
    texts = {name: table[name].map(lambda cell: cell if pd.isna(cell) else str(cell)) for name in odd}
    return table.assign(**texts)
