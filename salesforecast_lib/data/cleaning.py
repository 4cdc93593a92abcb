"""Cleaning of order lines: documented, switchable steps whose counts always add up (chapter 01)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.schema import QUARANTINE_COLUMNS, quarantine_rows

_LEAST_SPREAD = 0.5  # of log1p(quantity): most products sell one piece a line, their MAD is zero


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


def repeated(lines: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """Mask of lines equal in all ``columns`` to an earlier one.

    Only lines that share order and product with another one are compared in every column: that takes less memory.
    """
    mask = lines.duplicated(["order_id", "product_id"], keep=False).to_numpy()
    mask[mask] = lines.loc[mask, columns].duplicated().to_numpy()
    return mask


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
    return np.expm1(centre + width * np.maximum(spread, _LEAST_SPREAD)).to_numpy()


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
    near = _shares(lines["product_id"], is_cancel)
    if "customer_id" in lines:
        near &= _shares(lines["customer_id"], is_cancel)
    taken[near] = _cancelled(lines.loc[near], is_cancel[near])
    return taken


def _shares(values: pd.Series, wanted: np.ndarray) -> np.ndarray:
    """Mask of lines whose value, as text, is that of a ``wanted`` one: the others need no longer key."""
    codes, names = pd.factorize(values, use_na_sentinel=False)
    texts = pd.Series(names).astype(str)
    return texts.isin(texts[np.unique(codes[wanted])]).to_numpy()[codes]


def _cancelled(lines: pd.DataFrame, is_cancel: np.ndarray) -> np.ndarray:
    """`match_cancellations` among lines that share product and customer with a cancellation."""
    taken = is_cancel.copy()
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


def cancelled_orders(lines: pd.DataFrame, column: str, values: Sequence[str]) -> np.ndarray:
    """Mask of the lines of orders that hold one of ``values`` in ``column`` on any line (anything when it is empty).

    Raises ValueError when the lines have no such column.
    """
    if column not in lines:
        raise ValueError(
            f"cleaning: cancelled_when names the column {column!r}, which the orders do not have; expected one of "
            f"{[str(name) for name in lines.columns if name != 'row'][:30]}"
        )
    state = lines[column].astype("string").str.strip().fillna("")
    hit = state.isin([str(value).strip() for value in values]) if values else state != ""
    return lines["order_id"].isin(lines.loc[hit.to_numpy(bool), "order_id"]).to_numpy()


def _absurd(lines: pd.DataFrame, alive: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Mask of live lines beyond their product's limit, and all quantities capped at it.

    No limit can be below that of a product with median zero, so only products with a larger quantity are looked at.
    """
    quantity = lines["quantity"].to_numpy()
    large = alive & (quantity > np.expm1(width * _LEAST_SPREAD))
    looked_at = alive & lines["product_id"].isin(lines["product_id"].to_numpy()[large]).to_numpy()
    limit = np.full(len(lines), np.inf)
    codes = pd.factorize(lines["product_id"].to_numpy()[looked_at])[0]
    limit[looked_at] = outlier_limit(quantity[looked_at], codes, width)
    return alive & (quantity > limit), np.minimum(quantity, np.floor(limit))


def _hoarded(lines: pd.DataFrame, alive: np.ndarray, width: float) -> np.ndarray:
    """Mask of live lines of customers whose total of a product in four weeks is beyond the limit of such totals."""
    who = lines["customer_id"]
    looked_at = alive & who.notna().to_numpy()
    weeks = lines["timestamp"].to_numpy().astype("datetime64[D]").astype("int64")[looked_at]
    weeks = (weeks.max(initial=0) - weeks) // 28  # counted back from the end, so that the latest four are whole
    product = pd.factorize(lines["product_id"].to_numpy()[looked_at])[0].astype("int64")
    customer = pd.factorize(who.to_numpy()[looked_at])[0].astype("int64")
    pair = pd.factorize(product * (customer.max(initial=0) + 1) + customer)[0].astype("int64")
    cell, first, place = np.unique(pair * (weeks.max(initial=0) + 1) + weeks, return_index=True, return_inverse=True)
    total = np.bincount(place, lines["quantity"].to_numpy()[looked_at], len(cell))
    limit = outlier_limit(total, product[first], width)
    mask = np.zeros(len(lines), dtype=bool)
    mask[looked_at] = (total > limit)[place]
    return mask


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
        absurd, capped = _absurd(lines, alive, config.outlier_width)
        if config.outliers == "quarantine":
            take("absurd quantities", absurd, "quantity", "quantity beyond the robust limit of its product")
        else:
            steps.append((f"absurd quantities (capped {int(absurd.sum())})", int(alive.sum()), 0, 0))
    if config.account_totals and "customer_id" in lines:
        mask = _hoarded(lines, alive, config.outlier_width)
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
