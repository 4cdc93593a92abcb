"""What to offer each customer: matrix factorisation against habit and popularity (chapter 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits

_BATCH = 200  # customers scored at a time, so that no (customers, products) table is ever dense
WEIGHTS = ((0.0, 0.0), (0.3, 0.0), (1.0, 0.0), (3.0, 0.0), (0.3, 0.03), (1.0, 0.1), (0.0, 0.01))


@dataclass(frozen=True)
class RecommendConfig:
    """Settings of the recommender.

    Parameters
    ----------
    factors, regularisation, iterations : of the alternating least squares (Hu, Koren and Volinsky 2008).
    half_life : days after which a purchase counts half.
    popular_days : days of purchases that make a product popular.
    least_buyers : customers a product needs to enter the factorisation.
    """

    factors: int = 32
    regularisation: float = 0.05
    iterations: int = 12
    half_life: float = 60.0
    popular_days: int = 56
    least_buyers: int = 5
    seed: int = 0


@dataclass(frozen=True)
class Purchases:
    """Purchases before a cutoff as matrices (customers, products).

    ``count`` holds orders with the product, ``habit`` the same with each order's weight halved every half-life,
    ``popular`` (products,) the recent buyers. Products and customers are numbered as in ``products``, ``customers``.
    """

    customers: np.ndarray
    products: np.ndarray
    count: sparse.csr_matrix
    habit: sparse.csr_matrix
    popular: np.ndarray


Scorer = Callable[[np.ndarray], np.ndarray]


def _matrix(weight: np.ndarray, row: np.ndarray, column: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    matrix = sparse.csr_matrix((weight.astype("float32"), (row, column)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def purchases(lines: pd.DataFrame, cutoff: pd.Timestamp, config: RecommendConfig) -> Purchases:
    """Matrices of what was bought before ``cutoff``; an order with two lines of a product counts once."""
    past = lines[lines["timestamp"] < cutoff].drop_duplicates(["customer_id", "product_id", "order_id"])
    row, customers = pd.factorize(past["customer_id"], sort=True)
    column, products = pd.factorize(past["product_id"], sort=True)
    shape = (len(customers), len(products))
    age = ((cutoff - past["timestamp"]).dt.total_seconds() / 86_400).to_numpy()
    count = _matrix(np.ones(len(past)), row, column, shape)
    habit = _matrix(np.exp2(-age / config.half_life), row, column, shape)
    recent = _matrix(
        np.ones((age <= config.popular_days).sum()), *(x[age <= config.popular_days] for x in (row, column)), shape
    )
    popular = np.bincount(recent.indices, minlength=len(products)).astype("float32")
    return Purchases(np.asarray(customers), np.asarray(products), count, habit, popular)


def bought_next(lines: pd.DataFrame, cutoff: pd.Timestamp, days: int, past: Purchases) -> sparse.csr_matrix:
    """What each known customer bought in the window after ``cutoff``: (customers, products + 1) of ones.

    Products that nobody had bought before have no column to be recommended from; each customer's are counted in the
    last column, so that they stay in the denominator of recall.
    """
    window = lines[(lines["timestamp"] >= cutoff) & (lines["timestamp"] < cutoff + pd.Timedelta(days=days))]
    window = window.drop_duplicates(["customer_id", "product_id"])
    row = pd.Index(past.customers).get_indexer(window["customer_id"])
    column = pd.Index(past.products).get_indexer(window["product_id"])
    column = np.where(column < 0, len(past.products), column)
    known = row >= 0
    return _matrix(np.ones(known.sum()), row[known], column[known], (len(past.customers), len(past.products) + 1))


def fit_factors(past: Purchases, config: RecommendConfig) -> Scorer:
    """Alternating least squares on the habit matrix; returns its scorer.

    One thread and a fixed seed: the same purchases give the same factors. The BLAS pool is held at one thread, which
    `implicit` asks for, since its own loop is what runs over customers.
    """
    buyers = np.bincount(past.count.indices, minlength=len(past.products))
    kept = np.flatnonzero(buyers >= min(config.least_buyers, buyers.max()))
    with threadpool_limits(1, user_api="blas"):
        model = AlternatingLeastSquares(
            min(config.factors, len(kept)),
            regularization=config.regularisation,
            iterations=config.iterations,
            num_threads=1,
            random_state=config.seed,
        )
        model.fit(past.habit[:, kept].tocsr(), show_progress=False)
    users, items = np.asarray(model.user_factors), np.asarray(model.item_factors)

    def score(customers: np.ndarray) -> np.ndarray:
        scores = np.full((len(customers), len(past.products)), -1.0, dtype="float32")
        scores[:, kept] = users[customers] @ items.T  # (customers, products)
        return scores

    return score


def scorers(past: Purchases, factors: Scorer) -> dict[str, Scorer]:
    """The four rankings: popularity, repeat purchase, factorisation, and nothing learned from the test window.

    Repeat purchase ranks the customer's own products by habit and fills up with popular ones.
    """
    popular = np.log1p(past.popular)
    share = popular / max(float(popular.max()), 1e-9)
    return {
        "popularity": lambda c: np.tile(share, (len(c), 1)),
        "repeat purchase": lambda c: past.habit[c].toarray() + 1e-3 * share,
        "factorisation": factors,
    }


def blend(past: Purchases, factors: Scorer, weights: tuple[float, float], repeat: bool = True) -> Scorer:
    """``habit + w factorisation + v log popularity``; without ``repeat`` for products never bought, where habit is 0."""
    w, v = weights
    popular = np.log1p(past.popular)

    def score(customers: np.ndarray) -> np.ndarray:
        base = past.habit[customers].toarray() if repeat else np.zeros((len(customers), len(popular)), "float32")
        return base + w * factors(customers) + v * popular + 1e-6 * popular

    return score


def _batches(size: int) -> Iterator[np.ndarray]:
    for start in range(0, size, _BATCH):
        yield np.arange(start, min(start + _BATCH, size))


def top(scores: np.ndarray, number: int) -> np.ndarray:
    """Columns of the ``number`` largest scores of each row, best first; ties go to the lower column."""
    number = min(number, scores.shape[1])
    limit = np.partition(scores, -number, axis=1)[:, -number][:, None]
    rank = np.where(scores >= limit, scores, -np.inf)
    if (np.isfinite(rank).sum(axis=1) == number).all():
        columns = np.argpartition(-rank, number - 1, axis=1)[:, :number]
        columns.sort(axis=1)
    else:
        columns = np.argsort(-rank, axis=1, kind="stable")[:, :number]
    order = np.argsort(-np.take_along_axis(rank, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)


def recall(past: Purchases, future: sparse.csr_matrix, score: Scorer, number: int = 10) -> pd.DataFrame:
    """Recall of each customer's list, by ``customer_id``: ``recall`` of all products, ``new`` of never bought ones.

    Hits over ``min(number, products bought)``, so that a perfect list of ten scores 1 also for who bought fifty. The
    list of ``new`` holds products the customer never bought. Customers who bought nothing (new) have NaN.
    """
    parts = []
    for rows in _batches(len(past.customers)):
        truth = future[rows].toarray() > 0  # (customers, products + 1)
        bought = past.count[rows].toarray() > 0
        scores = score(rows)
        values = {}
        for name, wanted, shown in (
            ("recall", truth, scores),
            ("new", truth & ~np.pad(bought, ((0, 0), (0, 1))), np.where(bought, -np.inf, scores)),
        ):
            hits = np.take_along_axis(wanted, top(shown, number), axis=1).sum(axis=1)
            size = wanted.sum(axis=1)
            values[name] = np.where(size > 0, hits / np.maximum(np.minimum(size, number), 1), np.nan)
        parts.append(pd.DataFrame(values, index=past.customers[rows]))
    return pd.concat(parts).rename_axis("customer_id")
