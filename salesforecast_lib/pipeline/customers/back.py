"""From pseudonyms back to ids: the shop's order file is hashed again and compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salesforecast_lib.files import unescape_formula
from salesforecast_lib.pipeline.runs.files import reading_options
from salesforecast_lib.wording import counted

if TYPE_CHECKING:
    import pandas as pd

ID = "customer_id"
TABLES = ("segments.csv", "intentions.csv", "recommendations.csv")


def own_ids(orders: Path, values: Mapping[str, Any]) -> dict[str, str]:
    """By pseudonym the id in the shop's file, read as the run's parameters say.

    Raises
    ------
    ValueError
        When the file has no customers.
    """
    from salesforecast_lib.data.reading import read_orders
    from salesforecast_lib.data.reading.pseudonyms import pseudonym, secret_key

    lines = read_orders(orders, reading_options(values)).frame
    if ID not in lines:
        raise ValueError(f"--orders {orders}: no column with customers; name it with --column customer_id=NAME")
    key = secret_key()
    return {pseudonym(name, key): name for name in map(str, lines[ID].dropna().unique())}


def with_own_ids(table: Path, known: Mapping[str, str]) -> tuple[pd.DataFrame, str]:
    """A table of the run with the shop's own ids in place of pseudonyms, and a note on those that are not in the file.

    Raises
    ------
    ValueError
        When none is: the key is another, or the ids were never hashed.
    """
    import pandas as pd

    rows = pd.read_csv(table, dtype=str, keep_default_na=False)
    if ID not in rows:
        raise ValueError(f"{table}: no column {ID!r}; expected one of {', '.join(TABLES)}")
    own = rows[ID].map(known)
    lost = int(rows.loc[own.isna(), ID].nunique())
    if len(rows) and own.isna().all():
        raise ValueError(
            f"{table}: not one of its customers is in the order file under this machine's key; the run was made with "
            "customer_ids=plain, with another key, or from another file"
        )
    texts = {name: rows[name].map(unescape_formula) for name in rows if name != ID}
    note = f"{counted(lost, 'customer')} of the table not in the order file; left as they are" if lost else ""
    return rows.assign(**texts, **{ID: own.fillna(rows[ID])}), note
