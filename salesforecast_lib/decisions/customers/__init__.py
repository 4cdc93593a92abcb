"""Chapter 10, customers: who buys again, what, and how customers differ.

- `read_customers`: Load and clean a data set as chapter 01 does, and keep the lines of known customers.
- `known_customers`: Lines with a customer in the chapter's columns; at most ``customers`` of them (0 all), drawn at
  random.
- `rfm`: Recency (days since the last order), orders and spend of each customer before ``end``, by ``customer_id``.
- `behaviour`: What customers buy rather than how much: log lifts against the shop, by ``customer_id``.
- `top_categories`: The categories with the most customers, largest first.
- `fit_segments`: Fit ``number`` segments: a Gaussian "mixture" with a covariance each, or "k-means"; the best of some
  starts.
- `bootstrap_stability`: Adjusted Rand index between the model's segments and those of models fitted on resamples,
  (replicates,).
- `segment_names`: Names made from the profile: the features that set a segment apart most, in plain words.
- `make_history`: Add order lines up for `customer_snapshot` and `category_snapshot`; lines of other categories make
  no pairs.
- `make_windows`: Test on the last window, calibrate on the one before, train on up to ``train`` earlier ones.
- `outcomes`: ``bought`` (0 or 1) and ``spend`` of each row of ``index`` in the window that begins at ``cutoff``.
- `learn_intention`: Train and calibrate on the windows before the one that is to be predicted; of pairs with
  ``by_category``.
- `RecommendConfig`: Settings of the recommender.
- `fit_recommender`: Alternating least squares on the habit matrix, and the pool of products to offer.
- `purchases`: Matrices of what was bought before ``cutoff``; an order with two lines of a product counts once.
"""

from salesforecast_lib.decisions.customers.history import make_history, make_windows, outcomes
from salesforecast_lib.decisions.customers.purchases import (
    behaviour,
    known_customers,
    read_customers,
    rfm,
    top_categories,
)
from salesforecast_lib.decisions.customers.recommend import RecommendConfig, fit_recommender, purchases
from salesforecast_lib.decisions.customers.scores import learn_intention
from salesforecast_lib.decisions.customers.segments import bootstrap_stability, fit_segments, segment_names

__all__ = [
    "read_customers",
    "known_customers",
    "rfm",
    "behaviour",
    "top_categories",
    "fit_segments",
    "bootstrap_stability",
    "segment_names",
    "make_history",
    "make_windows",
    "outcomes",
    "learn_intention",
    "RecommendConfig",
    "fit_recommender",
    "purchases",
]
