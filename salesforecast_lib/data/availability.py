"""Which periods say something about demand: likely stock-outs, and the account of a panel's periods (chapter 01)."""

from __future__ import annotations

import numpy as np
import pandas as pd


def likely_stockouts(sold: np.ndarray, shop_open: np.ndarray, odds: float) -> np.ndarray:
    """Periods in which a product was probably out of stock; (series, periods).

    Order lines do not say when a shelf was empty. With the share p of open periods with a sale up to the last one (with
    one success and one failure added, Laplace), r open periods without a sale have the probability (1 - p)^r. Where it
    falls below ``odds`` the product counts as out of stock until its next sale. Only the past of a period is looked at:
    the first periods of a gap keep their zeros, and no later day can change them.

    Parameters
    ----------
    sold : (series, periods), whether something was sold. ``shop_open`` : (periods,).
    odds : probability below which chance is not believed; 0 marks nothing.
    """
    if odds <= 0:
        return np.zeros(sold.shape, dtype=bool)
    sales, opened = sold.cumsum(1), np.broadcast_to(shop_open.cumsum(), sold.shape)
    started = sales > 0
    before_launch = np.maximum.accumulate(np.where(started, 0, opened), axis=1)
    at_last_sale = np.maximum.accumulate(np.where(sold, opened, 0), axis=1)
    rate = (sales + 1) / np.maximum(at_last_sale - before_launch + 2, 1)  # before the launch it is not used
    run = opened - at_last_sale
    return started & (run * np.log1p(-np.minimum(rate, 1 - 1e-9)) < np.log(odds))


def period_report(panel: pd.DataFrame) -> pd.DataFrame:
    """Where the periods of a panel went: ``step, before, taken, after``, in series × periods.

    Rows before launch and after delisting are not in the panel; closed and out-of-stock periods are, with
    ``available`` 0, and are not learned from.
    """
    spans = panel.groupby("unique_id")["ds"].agg(["min", "max"])
    position = pd.Series(range(panel["ds"].nunique()), index=np.sort(panel["ds"].unique()))
    open_ = panel["open"] > 0 if "open" in panel else pd.Series(True, index=panel.index)
    taken = {
        "before launch": int(spans["min"].map(position).sum()),
        "after delisting": int((len(position) - 1 - spans["max"].map(position)).sum()),
        "shop closed": int((~open_).sum()),
        "out of stock": int((open_ & (panel["available"] <= 0)).sum()),
    }
    report = pd.DataFrame({"step": list(taken), "taken": list(taken.values())})
    report["before"] = len(spans) * len(position) - report["taken"].cumsum().shift(fill_value=0)
    report["after"] = report["before"] - report["taken"]
    return report[["step", "before", "taken", "after"]]
