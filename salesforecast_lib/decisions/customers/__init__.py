"""Chapter 10, customers: who buys again, what, and how customers differ.

- `read_customers`: Load and clean a data set as chapter 01 does, and keep the lines of known customers.
- `known_customers`: Lines with a customer in the chapter's columns; at most so many customers, drawn at random.
- `control_market`: A simulated market whose true segments and chances are known.
- `shown_shop`: The run's own customers, or the stand-in's where the run's data cannot carry the chapter.
- `rfm`: Recency, orders and spend of each customer before a date, with scores from 1 to 5.
- `log_rfm`: Logarithms of recency, orders and spend, to form segments from.
- `behaviour`: What customers buy rather than how much: log lifts against the shop.
- `top_categories`: The categories with the most customers, largest first.
- `make_windows`: Test on the last window, calibrate on the one before, train on earlier ones.
- `make_history`: Order lines added up to what the features of customers and pairs need.
- `outcomes`: Who bought, and for how much, in the window that begins at a cutoff.
- `learn_intention`: Train and calibrate the probabilities of buying on the windows before the predicted one.
- `RecommendConfig`: Settings of the recommender.
- `fit_recommender`: Alternating least squares on the habit matrix, and the pool of products to offer.
- `write_customer_files`: The tables and ``customers.json``; rows of a stand-in are not written.

The modules: `purchases` (lines, RFM, behaviour), `segments`, `history` and `intention` (who buys), `recommend` (what
to offer), `scores` (how good both are), `tables` (the files' rows), `control` (the same on a simulated market) and
`study` (the chapter's case and its verdicts).
"""

from salesforecast_lib.decisions.customers.control import control_market
from salesforecast_lib.decisions.customers.history import make_history, make_windows, outcomes
from salesforecast_lib.decisions.customers.purchases import (
    behaviour,
    known_customers,
    log_rfm,
    read_customers,
    rfm,
    top_categories,
)
from salesforecast_lib.decisions.customers.recommend import RecommendConfig, fit_recommender
from salesforecast_lib.decisions.customers.scores import learn_intention
from salesforecast_lib.decisions.customers.study import shown_shop, write_customer_files

__all__ = [
    "read_customers",
    "known_customers",
    "control_market",
    "shown_shop",
    "rfm",
    "log_rfm",
    "behaviour",
    "top_categories",
    "make_windows",
    "make_history",
    "outcomes",
    "learn_intention",
    "RecommendConfig",
    "fit_recommender",
    "write_customer_files",
]
