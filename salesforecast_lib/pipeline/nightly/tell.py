"""A running server is told what was sold since it was told last."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

AT_ONCE = 500  # observations of a request
SECONDS = 20


def tell_server(address: str, panel: pd.DataFrame, since: str) -> str:
    """POST the sales after ``since`` (ISO date; of the last period only, where it is empty), period by period.

    Returns
    -------
    A sentence where it did not work, which begins with "the server"; else empty. The same again changes nothing there.
    """
    import pandas as pd

    begin = pd.Timestamp(since) if since else panel["ds"].max() - pd.Timedelta(days=1)
    rows = panel[panel["ds"] > begin].sort_values(["ds", "unique_id"])
    for _, day in rows.groupby("ds", sort=True):
        told = [
            {"id": str(row.unique_id), "date": str(row.ds.date()), "y": float(row.y), "available": float(row.available)}
            for row in day.itertuples()
        ]
        for first in range(0, len(told), AT_ONCE):
            body = json.dumps({"observations": told[first : first + AT_ONCE]}).encode()
            request = urllib.request.Request(
                f"{address.rstrip('/')}/observe", body, {"Content-Type": "application/json"}, method="POST"
            )
            try:
                with urllib.request.urlopen(request, timeout=SECONDS):
                    pass
            except (urllib.error.URLError, OSError, ValueError) as error:
                return f"the server {address} could not be told what was sold ({error}); see that it runs"
    return ""
