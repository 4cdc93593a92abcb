"""What to offer each customer: matrix factorisation against habit and popularity (chapter 10)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from threadpoolctl import threadpool_limits

_BATCH = 500  # customers scored at a time, so that no (customers, products) table is ever dense
Weights = tuple[float, float, float]  # of habit, of factorisation, of log popularity
POPULARITY: Weights = (0.0, 0.0, 1.0)
REPEAT: Weights = (1.0, 0.0, 1e-4)  # the customer's own products by habit, filled up with popular ones
FACTORS: Weights = (0.0, 1.0, 0.0)
BLENDS: tuple[Weights, ...] = (
    *((1.0, w, v) for w in (0.3, 1.0, 3.0) for v in (0.03, 0.1)),
    *(REPEAT, (1.0, 3.0, 1.0), POPULARITY, FACTORS),
)
NEW_BLENDS: tuple[Weights, ...] = (POPULARITY, FACTORS, *((0.0, 1.0, v) for v in (0.03, 0.1, 0.3)))


@dataclass(frozen=True)
class RecommendConfig:
    """Settings of the recommender.

    Parameters
    ----------
    factors, regularisation, iterations : of the alternating least squares (Hu, Koren and Volinsky 2008).
    half_life : days after which a purchase counts half.
    popular_days : days of purchases that make a product popular.
    least_buyers : customers a product needs to enter the factorisation.
    pool : best-selling products that may be offered to who never bought them.
    """

    factors: int = 32
    regularisation: float = 0.05
    iterations: int = 12
    half_life: float = 60.0
    popular_days: int = 56
    least_buyers: int = 5
    pool: int = 5_000
    seed: int = 0


@dataclass(frozen=True)
class Purchases:
    """Purchases before a cutoff as matrices (customers, products).

    ``count`` holds orders with the product, ``habit`` the same with each order's weight halved every half-life,
    ``last`` the days since the last of them, ``popular`` (products,) the recent buyers. Rows are ``customers``, columns
    ``products``.
    """

    customers: np.ndarray
    products: np.ndarray
    count: sparse.csr_matrix
    habit: sparse.csr_matrix
    last: sparse.csr_matrix
    popular: np.ndarray


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
    pair, place = np.unique(row * shape[1] + column, return_inverse=True)  # in the order of the matrices' entries
    youngest = np.full(len(pair), np.inf)
    np.minimum.at(youngest, place, age)
    last = _matrix(youngest, pair // shape[1], pair % shape[1], shape)
    near = age <= config.popular_days
    recent = _matrix(np.ones(int(near.sum())), row[near], column[near], shape)
    popular = np.bincount(recent.indices, minlength=len(products)).astype("float32")
    return Purchases(np.asarray(customers), np.asarray(products), count, habit, last, popular)


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


@dataclass(frozen=True)
class Recommender:
    """Scores ``a habit + w factorisation + v log popularity`` of every product a customer bought, and of the pool."""

    past: Purchases
    users: np.ndarray  # (customers, factors)
    items: np.ndarray  # (products, factors), zero for products with too few buyers
    pool: np.ndarray  # (pool,), columns of the best-selling products

    @property
    def popularity(self) -> np.ndarray:
        """Logarithm of the recent buyers of each product, (products,)."""
        return np.log1p(self.past.popular)

    def own(self, weights: Weights, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Columns and scores of each customer's best own products, (customers, number); -1 and -inf fill up."""
        habit, (a, w, v) = self.past.habit, weights
        row = np.repeat(np.arange(habit.shape[0]), np.diff(habit.indptr))
        taste = np.einsum("nf,nf->n", self.users[row], self.items[habit.indices])
        score = a * habit.data + w * taste + v * self.popularity[habit.indices]
        order = np.lexsort((habit.indices, -score, row))
        place = np.arange(len(row)) - habit.indptr[row]
        best = order[place < number]
        columns = np.full((habit.shape[0], number), -1)
        scores = np.full((habit.shape[0], number), -np.inf)
        columns[row[best], place[place < number]] = habit.indices[best]
        scores[row[best], place[place < number]] = score[best]
        return columns, scores

    def new(self, weights: Weights, number: int) -> tuple[np.ndarray, np.ndarray]:
        """The same of products that the customer never bought; habit has no say in them."""
        _, w, v = weights
        place = np.full(len(self.past.products), -1)
        place[self.pool] = np.arange(len(self.pool))
        parts = []
        for start in range(0, len(self.users), _BATCH):
            count = self.past.count[start : start + _BATCH]
            score = w * self.users[start : start + _BATCH] @ self.items[self.pool].T  # (batch, pool)
            score = score + v * self.popularity[self.pool]
            row, column = np.repeat(np.arange(count.shape[0]), np.diff(count.indptr)), place[count.indices]
            score[row[column >= 0], column[column >= 0]] = -np.inf
            best = _top(score, number)
            parts.append((self.pool[best], np.take_along_axis(score, best, axis=1)))
        columns, scores = (np.concatenate(part) for part in zip(*parts, strict=True))
        return np.where(np.isfinite(scores), columns, -1), scores

    def best(self, weights: Weights, number: int) -> np.ndarray:
        """Columns of the best of all, own and new; (customers, number)."""
        found = [self.own(weights, number), self.new(weights, number)]
        columns, scores = (np.concatenate(part, axis=1) for part in zip(*found, strict=True))
        order = np.argsort(-scores, axis=1, kind="stable")[:, :number]
        return np.take_along_axis(columns, order, axis=1)


def _top(scores: np.ndarray, number: int) -> np.ndarray:
    """Columns of the largest scores of each row, best first; equal scores in the order of the columns."""
    number = min(number, scores.shape[1])
    least = -np.partition(-scores, number - 1, axis=1)[:, number - 1 : number]
    above, level = scores > least, scores == least
    first = np.cumsum(level, axis=1) <= number - above.sum(axis=1, keepdims=True)  # a partition leaves ties to chance
    columns = np.nonzero(above | (level & first))[1].reshape(len(scores), number)
    order = np.argsort(-np.take_along_axis(scores, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)


def fit_recommender(past: Purchases, config: RecommendConfig) -> Recommender:
    """Alternating least squares on the habit matrix, and the pool of products to offer.

    One thread and a fixed seed: the same purchases give the same factors. The BLAS pool is held at one thread, which
    `implicit` asks for, since its own loop is what runs over customers.
    """
    from implicit.cpu.als import AlternatingLeastSquares

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
    items = np.zeros((len(past.products), model.item_factors.shape[1]), dtype="float32")
    items[kept] = model.item_factors
    pool = np.sort(np.argsort(-past.popular, kind="stable")[: config.pool])
    return Recommender(past, np.asarray(model.user_factors), items, pool)


def _hits(columns: np.ndarray, truth: sparse.csr_matrix) -> np.ndarray:
    """Number of listed products of each customer that stand in ``truth``."""
    width = truth.shape[1]
    row = np.repeat(np.arange(truth.shape[0]), np.diff(truth.indptr))
    listed = np.arange(len(columns))[:, None] * width + columns
    return (np.isin(listed, row * width + truth.indices) & (columns >= 0)).sum(axis=1)


def recall(
    recommender: Recommender, future: sparse.csr_matrix, weights: Weights, new: bool = False, number: int = 10
) -> pd.Series:
    """Recall of each customer's list, by ``customer_id``; with ``new`` of products never bought before.

    Hits over ``min(number, products bought)``, so that a perfect list of ten scores 1 also for who bought fifty. NaN
    where nothing (new) was bought.
    """
    past = recommender.past
    truth, columns = future, None
    if new:
        known = sparse.csr_matrix((past.count.data > 0, past.count.indices, past.count.indptr), shape=future.shape)
        truth = (future - future.multiply(known)).tocsr()
        truth.eliminate_zeros()
        columns = recommender.new(weights, number)[0]
    else:
        columns = recommender.best(weights, number)
    size = np.diff(truth.indptr)
    value = np.where(size > 0, _hits(columns, truth) / np.maximum(np.minimum(size, number), 1), np.nan)
    return pd.Series(value, index=pd.Index(past.customers, name="customer_id"))
