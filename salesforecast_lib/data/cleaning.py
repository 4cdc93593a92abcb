"""Cleaning of order lines: documented, switchable steps whose counts always add up (chapter 01)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.schema import QUARANTINE_COLUMNS, quarantine_rows


@dataclass(frozen=True)
class CleaningConfig:
    """Switches of the cleaning steps; every step can be turned off.

    Parameters
    ----------
    duplicates : drop lines equal in every column to an earlier line.
    cancellations : take out cancelling lines (order id starting with ``cancellation_prefix``) and the
        latest earlier order of the same customer, product and quantity.
    returns : negative quantities left over go to quarantine.
    non_products : product ids matching ``product_pattern`` only are kept; an empty pattern keeps all.
    excluded : ``(column, values)`` that are no products of the shop, such as a department that sells petrol.
    required : attribute columns that must be known, for example the level the panel is built on.
    prices : "positive" refuses zero and negative prices, "keep" keeps zero prices.
    zero_quantity : refuse lines that sold nothing.
    outliers : "quarantine", "cap" or "keep" for quantities beyond the robust limit of their product.
    outlier_width : limit = width of the robust limit on the log scale, see `outlier_limit`.
    """

    duplicates: bool = True
    cancellations: bool = True
    cancellation_prefix: str = "C"
    returns: bool = True
    non_products: bool = True
    product_pattern: str = ""
    excluded: tuple[str, tuple[str, ...]] = ("", ())
    required: tuple[str, ...] = ()
    prices: str = "positive"
    zero_quantity: bool = True
    outliers: str = "quarantine"
    outlier_width: float = 8.0

    def __post_init__(self) -> None:
        allowed = {"prices": ("positive", "keep"), "outliers": ("quarantine", "cap", "keep")}
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{name}={getattr(self, name)!r}: expected one of {values}")
        if not self.outlier_width > 0:
            raise ValueError(f"outlier_width={self.outlier_width}: expected a positive number")

    def change(self, switches: Mapping[str, Any]) -> CleaningConfig:
        """Copy with some switches changed; raises ValueError on a name that is not a switch."""
        names = [field.name for field in fields(self)]
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


def outlier_limit(quantity: np.ndarray, product: np.ndarray, width: float) -> np.ndarray:
    """Largest credible quantity of each line's product.

    ``expm1(median + width * max(1.4826 * MAD, 0.5))`` of ``log1p(quantity)``: the logarithm because order sizes
    are multiplicative, median and MAD because the absurd orders must not widen their own limit, the floor because
    most products sell one piece a line (MAD 0).

    Parameters
    ----------
    quantity, product : arrays of shape (lines,); product holds integer codes.
    """
    logs = pd.Series(np.log1p(np.maximum(quantity, 0)))
    centre = logs.groupby(product).transform("median")
    spread = 1.4826 * (logs - centre).abs().groupby(product).transform("median")
    return np.expm1(centre + width * np.maximum(spread, 0.5)).to_numpy()


def match_cancellations(lines: pd.DataFrame, prefix: str) -> np.ndarray:
    """Mask of cancelling lines and of the earlier orders they cancel.

    Each order is cancelled at most once: the k-th cancellation of a (customer, product, quantity) takes the latest
    order still free before it. A cancellation whose order lies outside the data is taken out alone.
    """
    order_id = lines["order_id"]
    if pd.api.types.is_numeric_dtype(order_id):
        return np.zeros(len(lines), dtype=bool)
    is_cancel = order_id.astype(str).str.startswith(prefix).to_numpy() & (lines["quantity"].to_numpy() < 0)
    taken = is_cancel.copy()
    if not is_cancel.any():
        return taken
    who = lines["customer_id"].astype(str) if "customer_id" in lines else pd.Series("", index=lines.index)
    key = who + "\x00" + lines["product_id"].astype(str) + "\x00" + lines["quantity"].abs().astype(str)
    wanted = set(key[is_cancel])
    candidates = np.flatnonzero(key.isin(wanted).to_numpy())
    order = candidates[np.argsort(lines["timestamp"].to_numpy()[candidates], kind="stable")]
    free: dict[str, list[int]] = {}
    for position in order:  # in time, so that an order can only be cancelled after it was placed
        stack = free.setdefault(key.iat[position], [])
        if is_cancel[position]:
            if stack:
                taken[stack.pop()] = True
        elif lines["quantity"].iat[position] > 0:
            stack.append(position)
    return taken


def clean(lines: pd.DataFrame, config: CleaningConfig = CleaningConfig(),
          quarantined: pd.DataFrame | None = None) -> Cleaned:
    """Run the steps in order; ``input = kept + quarantined + cancelled`` holds by construction and is checked.

    Parameters
    ----------
    lines : validated order lines with ``row`` (see `schema.validate_order_lines`).
    quarantined : quarantine of the reading step, counted as the first step of the report.
    """
    parts = [] if quarantined is None or quarantined.empty else [quarantined]
    read = len(lines) + sum(map(len, parts))
    steps: list[tuple[str, int, int, int]] = [("schema", read, read - len(lines), 0)]
    cancelled = [lines.iloc[:0]]
    remaining = lines

    def take(name: str, mask: np.ndarray, column: str, reason: str, cancel: bool = False) -> None:
        nonlocal remaining
        removed = int(mask.sum())
        steps.append((name, len(remaining), 0 if cancel else removed, removed if cancel else 0))
        if removed:
            (cancelled if cancel else parts).append(
                remaining.loc[mask] if cancel else quarantine_rows(remaining, mask, column, reason))
            remaining = remaining.loc[~mask]

    if config.duplicates:
        columns = [c for c in remaining.columns if c != "row"]
        take("duplicates", remaining.duplicated(columns).to_numpy(), "order_id", "exact duplicate of an earlier line")
    if config.cancellations:
        take("cancellations", match_cancellations(remaining, config.cancellation_prefix), "order_id", "", cancel=True)
    if config.non_products and config.product_pattern:
        products = remaining["product_id"].astype(str)
        valid = products.drop_duplicates()
        valid = valid[valid.str.fullmatch(config.product_pattern)]
        take("non-product codes", ~products.isin(valid).to_numpy(), "product_id", "not a product code")
    column, values = config.excluded
    if config.non_products and column:
        take("non-product groups", remaining[column].isin(values).to_numpy(), column, "not a product of the shop")
    for column in config.required:
        take(f"unknown {column}", remaining[column].isna().to_numpy(), column, "the product table does not know it")
    if config.returns:
        take("returns", (remaining["quantity"] < 0).to_numpy(), "quantity", "negative quantity without an order")
    if config.zero_quantity:
        take("zero quantities", (remaining["quantity"] == 0).to_numpy(), "quantity", "zero quantity")
    price = remaining["unit_price"].to_numpy()
    refused = price <= 0 if config.prices == "positive" else price < 0
    take("prices", refused, "unit_price", "price not positive" if config.prices == "positive" else "negative price")
    if config.outliers != "keep" and len(remaining):
        product = pd.factorize(remaining["product_id"])[0]
        quantity = remaining["quantity"].to_numpy()
        limit = outlier_limit(quantity, product, config.outlier_width)
        if config.outliers == "quarantine":
            take("absurd quantities", quantity > limit, "quantity", "quantity beyond the robust limit of its product")
        else:
            steps.append((f"absurd quantities (capped {int((quantity > limit).sum())})", len(remaining), 0, 0))
            remaining = remaining.assign(quantity=np.minimum(quantity, np.floor(limit)))
    report = pd.DataFrame(steps, columns=["step", "before", "quarantined", "cancelled"])
    report["after"] = report["before"] - report["quarantined"] - report["cancelled"]
    quarantine = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=QUARANTINE_COLUMNS)
    result = Cleaned(remaining.reset_index(drop=True), quarantine, pd.concat(cancelled, ignore_index=True), report)
    if len(result.kept) + len(result.quarantine) + len(result.cancelled) != read:
        raise AssertionError("cleaning lost rows: kept + quarantined + cancelled differs from the input")
    return result
