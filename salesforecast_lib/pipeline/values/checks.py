"""What every parameter may be, in one table, so that a wrong value is refused before anything runs."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Any

from salesforecast_lib.pipeline.values.places import known_country, known_zone
from salesforecast_lib.pipeline.values.rule import Rule, above, at_least, one_of, share, some_of

# Names that the library gives things; the tests hold them to the library, which takes seconds to import.
OWN_DATASETS = ("own_data", "own_panel")
DATASETS = ("complete_journey", "online_retail_ii", "marketplace", "own_data", "own_panel")
ENCODERS = ("rnn", "gru", "lstm", "bidirectional_lstm", "attention_lstm", "transformer", "mlp")
HEADS = ("quantiles", "negative_binomial", "tweedie", "gaussian")
METHODS = ("mean", "median", "inverse_error", "greedy", "stacking_nnls", "stacking")
LOCAL_MODELS = ("SeasonalNaive", "WindowAverage", "AutoETS", "Theta", "CrostonOptimized", "TSB", "AutoARIMA")
# "auto": an own panel's dates tell it; chapter 01 refuses it for orders
FREQUENCIES = ("D", "M", "ME", "MS", "W", *(f"W-{day}" for day in "MON TUE WED THU FRI SAT SUN".split()), "auto")
SWITCHES = (
    *("duplicates", "cancellations", "cancellation_prefix", "cancelled_when", "returns", "non_products"),
    *("product_pattern", "excluded", "required", "prices", "zero_quantity", "outliers", "outlier_width"),
    "account_totals",
)
MEMBERS = ("LSTM", "LightGBM", "LightGBMDirect", "Ridge", *LOCAL_MODELS)
FORECAST_MODELS = (
    "Champion", "LSTM", "Boosting", "Networks",
    "LightGBM", "LightGBMDirect", "Ridge", "AutoETS", "Theta", "WindowAverage", "SeasonalNaive",
)  # fmt: skip


def _encoding(value: str) -> bool:
    try:
        return not value or bool(codecs.lookup(value))
    except LookupError:
        return False


def _switches(value: Mapping[str, Any]) -> bool:
    unknown = sorted(set(map(str, value)) - set(SWITCHES))
    if unknown:
        raise ValueError(f"cleaning: unknown switches {unknown}; expected some of {', '.join(SWITCHES)}")
    from salesforecast_lib.data.cleaning import CleaningConfig

    CleaningConfig().change(value)
    return True


# what a file may not have: the map says so with nothing behind the name, even where a column bears it
MAY_LACK = ("order_id", "customer_id", "location_id", "discount", "promotion")


def _column_map(value: Mapping[str, Any]) -> bool:
    for ours, theirs in value.items():
        if not isinstance(theirs, str) or not (theirs or ours in MAY_LACK):
            raise ValueError(
                f"no header is named for {ours!r}; a header that holds a comma, a colon or # needs quotes, "
                'for example columns: {unit_price: "Price, EUR"}'
            )
    return True


def _texts(value: list[Any]) -> bool:
    return all(isinstance(text, str) and text for text in value)


NOT_NEGATIVE, POSITIVE = at_least(0), at_least(1)
SHARE, SHARE_0, SHARE_1, SHARE_01 = share(), share(True), share(False, True), share(True, True)
COLUMN_NAME = Rule("the name of a column", lambda value: bool(value.strip()))
MODEL = one_of(FORECAST_MODELS, any_case=True)
FILE = Rule("a file", lambda value: True, "file")  # that it exists is seen where its path is made absolute
TEXTS = Rule("a list of texts such as [brand, category]", _texts, "text")

RULES: dict[str, Rule] = {
    # 01 and what reads files
    "seed": Rule("a whole number from 0 to 4294967295", lambda value: 0 <= value < 2**32),
    "dataset": one_of(DATASETS),
    "path": FILE,
    "plan": FILE,
    "plan_file": FILE,
    "stock_file": FILE,
    "juice_folder": Rule("a folder", lambda value: True, "folder"),
    "columns": Rule("our name: name in the file", _column_map, "text"),
    "country": Rule("a country", known_country),
    "timezone": Rule("a time zone", known_zone),
    "decimal": one_of(("", ".", ",")),
    "thousands": one_of(("", ".", ",", " ", "'")),
    "date_order": one_of(("", "dmy", "mdy", "ymd")),
    "encoding": Rule("the name of an encoding such as cp1252, or nothing", _encoding),
    "customer_ids": one_of(("hashed", "plain")),
    "stock_encoding": Rule("the name of an encoding such as cp1252, or nothing", _encoding),
    "stock_columns": Rule("unique_id and stock: name in the file", _column_map, "text"),
    "static": TEXTS,
    "future": TEXTS,
    "historical": TEXTS,
    "plan_columns": Rule("unique_id, ds, end and planned columns: name in the plan file", _column_map, "text"),
    "plan_encoding": Rule("the name of an encoding such as cp1252, or nothing", _encoding),
    "cleaning": Rule("switches of CleaningConfig", _switches),
    "level": COLUMN_NAME,
    "freq": Rule(
        "D (days), W (weeks Monday to Sunday), W-MON … W-SUN (weeks that end on that day) or M (months)",
        lambda value: value.strip() in FREQUENCIES,
    ),
    "n_series": at_least(-1),
    "delisted_after": NOT_NEGATIVE,
    "stockout_odds": SHARE_0,
    "missing_price": one_of(("ffill", "median", "keep")),
    "missing_y": one_of(("zero", "unavailable", "interpolate", "closed")),
    "horizon": POSITIVE,
    "cutoffs": POSITIVE,
    # 02 to 05: features, training and search
    "ablation_seeds": NOT_NEGATIVE,
    "window": POSITIVE,
    "encoder": one_of(ENCODERS),
    "head": one_of(HEADS),
    "hidden_size": POSITIVE,
    "embedding_size": POSITIVE,
    "num_layers": POSITIVE,
    "dropout": SHARE_0,
    "optimizer": one_of(("adam", "sgd")),
    "learning_rate": above(0),
    "weight_decay": NOT_NEGATIVE,
    "batch_size": POSITIVE,
    "max_epochs": POSITIVE,
    "epoch_steps": POSITIVE,
    "patience": POSITIVE,
    "clip": above(0),
    "stride": POSITIVE,
    "stretches": POSITIVE,
    "steps": POSITIVE,
    "market_products": POSITIVE,
    "market_epochs": POSITIVE,
    "device": Rule("cpu, cuda or cuda:0", lambda value: value in ("cpu", "cuda") or value[:5] == "cuda:"),
    **{f"search_{of}": POSITIVE for of in ("series", "trials", "epochs", "steps", "origins", "stride", "workers")},
    "comparison_seeds": POSITIVE,
    "regularisation_seeds": POSITIVE,
    "regularisation_epochs": POSITIVE,
    # 06 and 07: committee, champion and judgement
    "threads": POSITIVE,
    "local_models": some_of(LOCAL_MODELS),
    "committee": some_of(MEMBERS),
    "chosen": one_of(METHODS),
    "budget_minutes": above(0),
    "whatif_products": at_least(8),
    "whatif_markets": NOT_NEGATIVE,
    "direct_rows": POSITIVE,
    "arima_series": NOT_NEGATIVE,
    "adaptation": SHARE_1,
    "replicates": at_least(2),
    "pages": NOT_NEGATIVE,
    # 08 and 09: stock and alerts
    "model": MODEL,
    "lead_time": NOT_NEGATIVE,
    "review_period": POSITIVE,
    "holding_cost": NOT_NEGATIVE,
    "shortage_cost": NOT_NEGATIVE,
    "order_cost": NOT_NEGATIVE,
    "costs_as": one_of(("unit", "price")),
    "minimum_order": NOT_NEGATIVE,
    "missing_stock": one_of(("unknown", "zero")),
    "case_pack": POSITIVE,
    "shelf_life": NOT_NEGATIVE,
    "order_budget": NOT_NEGATIVE,
    "markdown_cost": NOT_NEGATIVE,
    "return_cost": NOT_NEGATIVE,
    "censored_products": POSITIVE,
    "alert_model": MODEL,
    "alert_budget": above(0),
    "alert_epochs": POSITIVE,
    "alert_products": POSITIVE,
    # 10 and 11: customers and channels
    "customers": NOT_NEGATIVE,
    "intention_days": POSITIVE,
    "intention_categories": POSITIVE,
    "mix_categories": POSITIVE,
    "segment_replicates": POSITIVE,
    "factors": POSITIVE,
    "list_length": POSITIVE,
    "ad_products": POSITIVE,
    "particles": POSITIVE,
    "margin": SHARE_1,
    "shops": POSITIVE,
    # 12 and 13: promotions and prices
    "plan_products": POSITIVE,
    "plan_weeks": POSITIVE,
    "plan_budget": NOT_NEGATIVE,
    "cost_share": SHARE_01,
    "promotion_fee": NOT_NEGATIVE,
    "promotion_budget": NOT_NEGATIVE,
    "promotions_per_week": POSITIVE,
    "placebo_repeats": POSITIVE,
    "duels": NOT_NEGATIVE,
    "priced_products": POSITIVE,
    "market_days": POSITIVE,
    "min_margin": SHARE_0,
    "max_change": SHARE,
    "confidence": SHARE,
    "cost_doubt": SHARE_0,
    "price_tests": NOT_NEGATIVE,
    "longest_test": at_least(6),
    # 14: deployment
    "live_epochs": POSITIVE,
    "prune_share": SHARE_0,
    # 15: monitoring
    "watched_products": at_least(8),
    "watched_markets": POSITIVE,
    "played_weeks": at_least(4),
    "retrain_rows": at_least(500),
    # 16: trust
    **dict.fromkeys(("gradient_products", "shuffles"), at_least(2)),
    "known_products": at_least(20),
    "known_horizons": POSITIVE,
    # 16b: robustness, fairness and privacy
    "price_band": Rule("a share above 0 and below 1", lambda value: 0 < value < 1),
    "attacked_products": POSITIVE,
    "group_replicates": at_least(50),
    "tested_products": at_least(2),
    "membership_trials": at_least(4),
    # 18: scaling out
    "made_products": at_least(200),
    "made_lines": at_least(10_000),
    "train_epochs": POSITIVE,
    **{name: above(0) for name in ("plan_lines", "plan_hours", "node_hour")},
}
# Every value of the declared type will do: truth values, and texts whose meaning only the data know.
FREE = frozenset(
    (
        *("run_dir", "forking", "by_location", "lost_sales", "allow_outside", "sheet", "plan_sheet", "stock_sheet"),
        *("category", "price_category", "instrument", "randomised_prices", "example_nights", "explained_product"),
    )
)


def check_value(name: str, value: Any) -> None:
    """Raise ValueError with one sentence when ``value``, of the declared type, breaks the rule of ``name``."""
    rule = RULES.get(name)
    if rule is None:
        return
    try:
        broken = f"expected {rule.expected}" if not rule.holds(value) else ""
    except (ValueError, TypeError) as error:
        broken = str(error)
    if broken:
        raise ValueError(f"parameter {name}={value!r}: {broken}")
