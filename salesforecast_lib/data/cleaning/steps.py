"""What each step of the cleaning finds: masks of order lines (chapter 01)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

_LEAST_SPREAD = 0.5  # of log1p(quantity): most products sell one piece a line, their MAD is zero


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


def beyond_limit(lines: pd.DataFrame, alive: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
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


def beyond_account_limit(lines: pd.DataFrame, alive: np.ndarray, width: float) -> np.ndarray:
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
