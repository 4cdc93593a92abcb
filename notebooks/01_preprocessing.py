# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# (ch-preprocessing)=
# # From order lines to a panel
#
# A shop keeps order lines; a forecast needs, for every product, a regular series of what was *demanded*. This chapter
# answers one question: **what did customers want to buy, day by day?** In it we will
#
# - read order lines from any file through a column map, and refuse bad rows without losing one;
# - clean them with steps that can be switched, and count what each step takes;
# - tell a day without a sale from a day on which the shop was closed;
# - aggregate to a panel at the level and frequency that the decision needs;
# - scale series with what the training part knows, and back.
#
# *Prerequisites:* pandas. *Running time:* see the [status page](../book/status.md).

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from salesforecast_lib.data.cleaning import CleaningConfig, clean, outlier_limit
from salesforecast_lib.data.panel import PanelConfig, build_panel, likely_stockouts, period_report, rolling_cutoffs
from salesforecast_lib.data.prepare import prepare, save_prepared
from salesforecast_lib.data.scaling import METHODS, fit_scaler
from salesforecast_lib.data.schema import validate_order_lines
from salesforecast_lib.plots import use_book_style

use_book_style()

# %% [markdown]
# ## Parameters
#
# Papermill replaces these values; `salesforecast run -p name=value` does it for you.

# %% tags=["parameters"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of everything random
dataset: str = "complete_journey"  # complete_journey, online_retail_ii, marketplace, own_data or own_panel
path: str = ""  # file of order lines (or of a panel)
columns: dict = {}  # our name: name in the file
country: str = "US"  # whose holidays (own data)
timezone: str = ""  # of the shop, when time stamps are in UTC (own data)
static: list = []  # attribute columns kept as categories (own data)
cleaning: dict = {}  # switches of CleaningConfig to change
level: str = "product_type"  # column whose values become the series
freq: str = "D"  # D days or W weeks
by_location: bool = False  # one series per product and location
n_series: int = 200  # best-selling series kept, 0 keeps all
delisted_after: int = 0  # periods without a sale that end a product, 0 never
stockout_odds: float = 0.0  # a gap in sales less probable than this counts as out of stock, 0 never
missing_price: str = "ffill"  # ffill, median or keep
missing_y: str = "zero"  # zero, unavailable or interpolate (own panels)
horizon: int = 28  # periods to forecast
cutoffs: int = 3  # rolling origins of the evaluation

# %% [markdown]
# ## A dozen order lines by hand
#
# Before the real data, a shop small enough to check by eye. It has an order that was cancelled two days later, a
# duplicate, postage sold as a "product", a free sample, a typing error of three zeros, and a row without a date.
# (With two lines of its product the typing error cannot be told from a large order, and stays: robust rules need company.)

# %%
toy = pd.DataFrame(
    [
        ("1", "85123A", "2024-03-01 10:00", 6, 2.5),
        ("1", "85123A", "2024-03-01 10:00", 6, 2.5),
        ("2", "85123A", "2024-03-01 12:00", 4, 2.5),
        ("C3", "85123A", "2024-03-03 09:00", -4, 2.5),
        ("4", "POST", "2024-03-03 09:30", 1, 18.0),
        ("5", "22423", "2024-03-03 11:00", 2, 0.0),
        ("6", "22423", "2024-03-05 11:00", 3, 12.5),
        ("7", "22423", "2024-03-05 13:00", 3000, 12.5),
        ("8", "22423", "not a date", 1, 12.5),
    ],
    columns=["order_id", "product_id", "timestamp", "quantity", "unit_price"],
)
lines, refused = validate_order_lines(toy)
print(refused.to_string(index=False))

# %% [markdown]
# The schema took the line without a date. It is not dropped: it sits in the quarantine with its row number, the column,
# the value and the reason. The cleaning steps do the same, one after the other.

# %% tags=["nbval-check-output"]
toy_clean = clean(lines, CleaningConfig(product_pattern=r"\d{5}[A-Z]?"), refused)
print(toy_clean.report.to_string(index=False))

# %% tags=["nbval-check-output"]
kept, quarantined, cancelled = len(toy_clean.kept), len(toy_clean.quarantine), len(toy_clean.cancelled)
assert kept + quarantined + cancelled == len(toy)
print(f"{len(toy)} lines = {kept} kept + {quarantined} quarantined + {cancelled} cancelled")
print(toy_clean.quarantine.to_string(index=False))

# %% [markdown]
# A cancellation takes the order it cancels with it: the customer wanted nothing in the end. Cancelling only the negative
# line would leave demand that never was; summing both on different days would leave a peak and a hole.
#
# ### What is an absurd quantity?
#
# Order sizes are multiplicative: ten times the usual is as odd for a product sold by one as for a product sold by
# a hundred. So the limit is set on $\log(1+q)$, with the median and the median absolute deviation (MAD), which an absurd
# order cannot move:
#
# ```{math}
# :label: eq-outlier
# q_{\max} = \exp\bigl(\operatorname{med} + w \max(1.4826\,\mathrm{MAD},\ 0.5)\bigr) - 1 .
# ```

# %% tags=["nbval-check-output"]
sizes = pd.Series([1, 1, 2, 1, 3, 2, 1, 1000])
limit = outlier_limit(sizes.to_numpy(), sizes.to_numpy() * 0, CleaningConfig().outlier_width)
print(f"largest credible order: {limit[0]:.0f} pieces; refused: {sizes[sizes > limit].tolist()}")

# %% [markdown]
# ### Closed or unsold?
#
# Nothing was sold on 2 March and on 4 March. Nobody ordered anything at all on those days: the shop counts as closed,
# `available` is 0, and no model will learn from the zero. A day on which others sold and this product did not is a
# true zero.

# %% tags=["nbval-check-output"]
toy_panel = build_panel(toy_clean.kept, PanelConfig())
print(toy_panel[["unique_id", "ds", "y", "available"]].to_string(index=False))

# %% [markdown]
# ### Sold out?
#
# Order lines do not say when a shelf was empty, but a product that sells on nine open days of ten and then not for a week
# was hardly unwanted. With `stockout_odds` such a gap counts as out of stock (`available` 0) from the day on where chance
# would make it less probable than that; what came later is not looked at. It is off where it is not asked for: a shop
# that keeps stock records knows better.

# %% tags=["nbval-check-output"]
often = np.array([[True] * 9 + [False] + [True] * 10 + [False] * 6 + [True] * 2])
gap = likely_stockouts(often, np.ones(often.shape[1], dtype=bool), odds=0.001)
print("sold        ", "".join("x" if day else "." for day in often[0]))
print("out of stock", "".join("o" if day else "." for day in gap[0]))

# %% [markdown]
# ## The real order lines
#
# The same steps, for the whole data set. `prepare` is the loader, the cleaning and the aggregation you have just
# seen, in one call.

# %%
config = PanelConfig(
    level=level,
    freq=freq,
    by_location=by_location,
    n_series=n_series,
    delisted_after=delisted_after,
    stockout_odds=stockout_odds,
    missing_price=missing_price,
)
prepared = prepare(
    dataset,
    config,
    horizon,
    path=path,
    columns=columns,
    country=country,
    timezone=timezone,
    static=tuple(static),
    switches=cleaning,
    missing_y=missing_y,
)
panel, meta = prepared.panel, prepared.meta
print(prepared.note)

# %% [markdown]
# Where did the lines go? Every row adds up from `before` to `after`.

# %% tags=["nbval-check-output"]
report = prepared.report
assert (report["before"] - report["quarantined"] - report["cancelled"] == report["after"]).all()
print(report.to_string(index=False))
total = report["quarantined"].sum() + report["cancelled"].sum() + report["after"].iloc[-1]
print(f"input {report['before'].iloc[0]} = kept + quarantined + cancelled = {total}")

# %% [markdown]
# The quarantine keeps what was refused, so that a shop can repair its source instead of guessing.

# %%
print(prepared.quarantine.groupby(["column", "reason"]).size().rename("lines").to_string())
print(prepared.quarantine.head(5).to_string(index=False))

# %% [markdown]
# ## The panel
#
# One row per series and period, from the series' first sale on: before its launch a product has no demand to
# forecast, and zeros there would teach a model that new products do not sell.

# %% tags=["nbval-check-output"]
print(
    f"{panel['unique_id'].nunique()} series, {len(panel)} rows, {panel['ds'].min().date()} to {panel['ds'].max().date()}"
)
closed = panel.loc[panel["open"] == 0, "ds"].dt.date.unique()
print(f"periods without any order in the shop: {len(closed)}; the first: {[str(day) for day in closed[:3]]}")
print(period_report(panel).to_string(index=False))
print(f"share of zero periods: {(panel['y'] == 0).mean():.3f}")
print(f"columns: {', '.join(panel.columns)}")

# %% mystnb={"figure": {"caption": "Units of all series together, per period. Dotted lines are the cutoffs of the evaluation.", "name": "fig-panel-total"}, "image": {"alt": "Line chart of total units per period over the whole history with a strong weekly or seasonal rhythm and dotted lines at the evaluation cutoffs."}}
total = panel.groupby("ds")["y"].sum()
ends = rolling_cutoffs(panel["ds"].max(), freq, horizon, cutoffs)
fig, ax = plt.subplots()
ax.plot(total.index, total)
for end in ends:
    ax.axvline(end, color="0.3", linestyle=":")
ax.set(xlabel="period", ylabel="units", ylim=(0, None))
plt.show()

# %% mystnb={"figure": {"caption": "Three series of different size: the largest, one in the middle and the smallest.", "name": "fig-panel-series"}, "image": {"alt": "Three stacked line charts of units per period: the largest series is smooth, the smallest is noisy and often near zero."}}
size = panel.groupby("unique_id")["y"].sum().sort_values(ascending=False)
chosen = [size.index[0], size.index[len(size) // 2], size.index[-1]]
fig, axes = plt.subplots(3, 1, sharex=True, figsize=(7.5, 5))
for ax, name in zip(axes, chosen, strict=True):
    one = panel[panel["unique_id"] == name]
    ax.plot(one["ds"], one["y"], linewidth=0.8)
    ax.set(ylabel="units", title=name, ylim=(0, None))
axes[-1].set(xlabel="period")
plt.show()

# %% [markdown]
# ## Scaling, with what the training part knows
#
# Fitting a scaler on the whole series tells the past how high the future will be. Ours sees rows up to the cutoff only
# and is inverted exactly.

# %% tags=["nbval-check-output"]
for method in METHODS:
    scaler = fit_scaler(panel, ends[0], method)
    scaled = scaler.transform(panel["unique_id"], panel["y"])
    error = abs(scaler.inverse(panel["unique_id"], scaled) - panel["y"]).max()
    future = panel["y"].where(panel["ds"] <= ends[0], 1e6)
    blind = fit_scaler(panel.assign(y=future), ends[0], method) == scaler
    print(f"{method:9s} inverse exact: {error < 1e-6}; blind to the future: {blind}")

# %% [markdown]
# ## Store the panel
#
# Each file is written under a temporary name and renamed, so a killed run leaves nothing half-written.

# %%
save_prepared(prepared, run_dir)

# %% [markdown]
# ## Summary
#
# - We read order lines through a column map; refused rows kept their number, value and reason.
# - We cleaned them in switchable steps whose counts add up to the input.
# - We told closed periods (`available` 0) from periods without a sale.
# - We aggregated to the panel `unique_id, ds, y` that every library of the field reads.
# - We scaled with the training part only, invertibly.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-cancellation
# A customer orders 4 pieces twice and cancels 4 once. Which order does the cleaning take out, and why does it not matter
# for weekly data but for daily data?
# ```
#
# ```{solution} ex-cancellation
# :class: dropdown
# The latest order before the cancellation. Within one week both orders fall into the same sum; by day the choice moves
# demand from one day to another.
# ```
#
# ```{exercise}
# :label: ex-outlier
# Change `outlier_width` to 3 through `-p "cleaning={outlier_width: 3}"`. What happens to wholesale buyers?
# ```
#
# ```{solution} ex-outlier
# :class: dropdown
# Their orders are credible but large; a narrow limit quarantines them and the panel underestimates demand. Look at the
# `absurd quantities` row of the report before narrowing.
# ```
#
# ## References
#
# Exact definitions of the data set are given by its publisher; the gift shop's data are described in {cite:p}`chen2012`,
# forecasting data of shops in {cite:p}`hyndman2021`.
