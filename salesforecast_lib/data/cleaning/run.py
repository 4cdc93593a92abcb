"""Cleaning of order lines: documented, switchable steps whose counts always add up (chapter 01)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.cleaning.steps import (
    beyond_account_limit,
    beyond_limit,
    cancelled_orders,
    match_cancellations,
    repeated,
)
from salesforecast_lib.data.schema import QUARANTINE_COLUMNS, quarantine_rows


@dataclass(frozen=True)
class CleaningConfig:
    """Switches of the cleaning steps; every step can be turned off.

    Parameters
    ----------
    duplicates : drop lines equal in every column to an earlier line.
    cancellations : take out cancelling lines (order id starting with ``cancellation_prefix``) and the
        latest earlier order of the same customer, product and quantity.
    cancelled_when : ``{column: values}``; an order is cancelled, with all its lines, when one of its lines holds one of
        the values there (of an empty list: holds anything). Exports write the state on an order's first line only.
    returns : negative quantities left over go to quarantine.
    non_products : product ids matching ``product_pattern`` only are kept; an empty pattern keeps all.
    excluded : ``(column, values)`` that are no products of the shop, such as a department that sells petrol.
    required : attribute columns that must be known, for example the level the panel is built on.
    prices : "positive" refuses zero and negative prices, "keep" keeps zero prices.
    zero_quantity : refuse lines that sold nothing.
    outliers : "quarantine", "cap" or "keep" for quantities beyond the robust limit of their product.
    outlier_width : limit = width of the robust limit on the log scale, see `outlier_limit`.
    account_totals : quarantine what one customer takes of a product in four weeks, where that is beyond the robust
        limit of such totals; a large order split into many lines is one order (chapter 16b). Off unless asked for: a
        trade customer who buys a lot is no fraud.
    """

    duplicates: bool = True
    cancellations: bool = True
    cancellation_prefix: str = "C"
    cancelled_when: Mapping[str, Sequence[str]] = field(default_factory=dict)
    returns: bool = True
    non_products: bool = True
    product_pattern: str = ""
    excluded: tuple[str, tuple[str, ...]] = ("", ())
    required: tuple[str, ...] = ()
    prices: str = "positive"
    zero_quantity: bool = True
    outliers: str = "quarantine"
    outlier_width: float = 8.0
    account_totals: bool = False

    def __post_init__(self) -> None:
        allowed = {"prices": ("positive", "keep"), "outliers": ("quarantine", "cap", "keep")}
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{name}={getattr(self, name)!r}: expected one of {values}")
        if not self.outlier_width > 0:
            raise ValueError(f"outlier_width={self.outlier_width}: expected a positive number")

    def change(self, switches: Mapping[str, Any]) -> CleaningConfig:
        """Copy with some switches changed; raises ValueError on a name that is not a switch."""
        names = [switch.name for switch in fields(self)]
        unknown = sorted(set(switches) - set(names))
        if unknown:
            raise ValueError(f"cleaning: unknown switches {unknown}; expected some of {names}")
        return replace(self, **switches)


@dataclass(frozen=True)
class Cleaned:
    """Result of `clean`: ``kept``, ``quarantine``, ``cancelled`` lines and the ``report`` of counts per step."""

    kept: pd.DataFrame
    quarantine: pd.DataFrame
    cancelled: pd.DataFrame
    report: pd.DataFrame


def clean(
    lines: pd.DataFrame, config: CleaningConfig = CleaningConfig(), quarantined: pd.DataFrame | None = None
) -> Cleaned:
    """Run the steps in order; ``input = kept + quarantined + cancelled`` holds by construction and is checked.

    Parameters
    ----------
    lines : validated order lines with ``row`` (see `schema.validate_order_lines`).
    quarantined : quarantine of the reading step, counted as the first step of the report.
    """
    parts = [] if quarantined is None or quarantined.empty else [quarantined]
    read = len(lines) + sum(map(len, parts))
    steps: list[tuple[str, int, int, int]] = [("schema", read, read - len(lines), 0)]
    alive = np.ones(len(lines), dtype=bool)  # one mask, one slice at the end: the lines are not copied step by step
    cancelled = np.zeros(len(lines), dtype=bool)

    def take(name: str, mask: np.ndarray, column: str, reason: str, cancel: bool = False) -> None:
        mask = mask & alive
        removed = int(mask.sum())
        steps.append((name, int(alive.sum()), 0 if cancel else removed, removed if cancel else 0))
        if removed and not cancel:
            parts.append(quarantine_rows(lines, mask, column, reason))
        cancelled[:] |= mask & cancel
        alive[mask] = False

    if config.duplicates:
        columns = [c for c in lines.columns if c != "row"]
        take("duplicates", repeated(lines, columns), "order_id", "exact duplicate of an earlier line")
    for column, values in config.cancelled_when.items():
        take(f"cancelled ({column})", cancelled_orders(lines, column, values), column, "", cancel=True)
    if config.cancellations:
        mask = np.zeros(len(lines), dtype=bool)
        mask[alive] = match_cancellations(lines.loc[alive], config.cancellation_prefix)
        take("cancellations", mask, "order_id", "", cancel=True)
    if config.non_products and config.product_pattern:
        products = lines["product_id"].astype(str)
        valid = products.drop_duplicates()
        valid = valid[valid.str.fullmatch(config.product_pattern)]
        take("non-product codes", ~products.isin(valid).to_numpy(), "product_id", "not a product code")
    column, values = config.excluded
    if config.non_products and column:
        take("non-product groups", lines[column].isin(values).to_numpy(), column, "not a product of the shop")
    for column in config.required:
        take(f"unknown {column}", lines[column].isna().to_numpy(), column, "the product table does not know it")
    quantity, price = lines["quantity"].to_numpy(), lines["unit_price"].to_numpy()
    if config.returns:
        take("returns", quantity < 0, "quantity", "negative quantity without an order")
    if config.zero_quantity:
        take("zero quantities", quantity == 0, "quantity", "zero quantity")
    refused = price <= 0 if config.prices == "positive" else price < 0
    take("prices", refused, "unit_price", "price not positive" if config.prices == "positive" else "negative price")
    capped = None
    if config.outliers != "keep":
        absurd, capped = beyond_limit(lines, alive, config.outlier_width)
        if config.outliers == "quarantine":
            take("absurd quantities", absurd, "quantity", "quantity beyond the robust limit of its product")
        else:
            steps.append((f"absurd quantities (capped {int(absurd.sum())})", int(alive.sum()), 0, 0))
    if config.account_totals and "customer_id" in lines:
        mask = beyond_account_limit(lines, alive, config.outlier_width)
        take("absurd accounts", mask, "customer_id", "one customer's total of a product beyond its robust limit")
    kept = lines if alive.all() else lines.loc[alive]
    kept = kept.set_axis(pd.RangeIndex(len(kept)), axis=0, copy=False)  # reset_index would copy every column again
    if config.outliers == "cap" and capped is not None:
        kept = kept.assign(quantity=capped[alive])
    report = pd.DataFrame(steps, columns=["step", "before", "quarantined", "cancelled"])
    report["after"] = report["before"] - report["quarantined"] - report["cancelled"]
    quarantine = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=QUARANTINE_COLUMNS)
    result = Cleaned(kept, quarantine, lines.loc[cancelled].reset_index(drop=True), report)
    if len(result.kept) + len(result.quarantine) + len(result.cancelled) != read:
        raise AssertionError("cleaning lost rows: kept + quarantined + cancelled differs from the input")
    return result
