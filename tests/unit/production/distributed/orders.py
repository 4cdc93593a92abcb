"""Made order lines with everything that cleaning looks for, as a folder of Parquet files."""

from pathlib import Path

import numpy as np
import pandas as pd


def made_lines(count: int = 6_000, seed: int = 0) -> pd.DataFrame:
    """Lines of 60 products over 120 days: duplicates, cancellations, absurd orders, customers that are not known."""
    rng = np.random.default_rng(seed)
    product = np.minimum(rng.geometric(0.05, count), 60)
    lines = pd.DataFrame(
        {
            "order_id": [f"A{n}" for n in np.sort(rng.integers(0, count // 3, count))],
            "product_id": [f"P{n}" for n in product],
            "timestamp": pd.Timestamp("2024-01-03") + pd.to_timedelta(np.sort(rng.integers(0, 120 * 24, count)), "h"),
            "quantity": rng.integers(1, 6, count).astype("float64"),
            "unit_price": np.round(1 + product / 7 + rng.random(count), 2),
            "customer_id": pd.Series([f"K{n}" for n in rng.integers(0, 300, count)], dtype=object),
            "discount": np.round(rng.random(count), 2),
            "family": [f"F{n % 7}" for n in product],
        }
    )
    lines.loc[rng.random(count) < 0.2, "customer_id"] = None
    lines.loc[rng.random(count) < 0.01, "quantity"] = 50_000.0
    lines.loc[rng.random(count) < 0.01, "unit_price"] = 0.0
    lines.loc[5, "product_id"] = None
    lines.loc[7, "timestamp"] = pd.Timestamp("1970-01-01")
    lines.loc[9, "product_id"] = " P3 "
    some = lines.iloc[rng.integers(0, count, count // 50)]
    back = some.assign(order_id="C" + some["order_id"], quantity=-some["quantity"])
    later = back.assign(timestamp=back["timestamp"] + pd.Timedelta(hours=3))
    return pd.concat([lines, later, some]).sort_values("timestamp", kind="stable", ignore_index=True)


def write_folder(lines: pd.DataFrame, folder: Path, files: int = 3) -> Path:
    """The lines as so many Parquet files, each of several row groups."""
    folder.mkdir(parents=True)
    ends = np.linspace(0, len(lines), files + 1).astype(int)
    for number in range(files):
        part = lines.iloc[ends[number] : ends[number + 1]]
        part.to_parquet(folder / f"orders-{number}.parquet", index=False, row_group_size=700)
    return folder
