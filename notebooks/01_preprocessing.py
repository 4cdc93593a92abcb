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
# - read order lines and refuse bad rows without losing one;
# - read the marks, dates and codes of another country without guessing;
# - clean them step by step, and see for each step which lines it takes and why;
# - tell a day without a sale from a day on which the shop was closed;
# - aggregate to a panel at the level and frequency that the decision needs;
# - scale series with what the training part knows, and back.
#
# *Prerequisites:* pandas. *Running time:* see the [status page](../book/status.md).

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from salesforecast_lib import data
from salesforecast_lib.data import availability, reading, scaling
from salesforecast_lib.data.prepare import save_prepared
from salesforecast_lib.files import resolve
from salesforecast_lib.plots import figure_text, use_book_style

use_book_style()

# %% tags=["parameters", "hide-input"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of everything random
dataset: str = "complete_journey"  # or another name that data.load knows
path: str = ""  # file of order lines (or of a panel)
columns: dict = {}  # our name: name in the file
country: str = "US"  # whose holidays, or the column that names it (own data)
timezone: str = ""  # of the shop; without it each stamp's own clock counts
decimal: str = ""  # decimal mark, found where it is empty (own data)
thousands: str = ""  # mark of thousands, found where it is empty (own data)
date_order: str = ""  # dmy, mdy or ymd, found where it is empty (own data)
encoding: str = ""  # of the file, found where it is empty (own data)
sheet: str = ""  # worksheet of a workbook (own data)
customer_ids: str = "hashed"  # or plain: as in the file (own data)
static: list = []  # attribute columns kept as categories (own data)
future: list = []  # columns known ahead, such as promotion, price
historical: list = []  # columns known only afterwards
plan_file: str = ""  # what you know ahead: product, days, columns
plan_columns: dict = {}  # our name: name in the plan file
plan_encoding: str = ""  # of the plan file, found where it is empty
plan_sheet: str = ""  # worksheet of the plan file
cleaning: dict = {}  # switches of CleaningConfig to change
level: str = "product_type"  # column whose values become the series
freq: str = "D"  # D days, W weeks (W-SAT: that end on Saturday) or M months
by_location: bool = False  # one series per product and location
n_series: int = -1  # best sellers kept, 0 all; -1: all of own data, else 200
delisted_after: int = 0  # periods without a sale that end a product, 0 never
stockout_odds: float = 0.0  # a gap less probable is out of stock, 0 never
missing_price: str = "ffill"  # ffill, median or keep
missing_y: str = "zero"  # zero, unavailable, interpolate, closed (own panels)
horizon: int = 28  # periods to forecast
cutoffs: int = 3  # rolling origins of the evaluation

# %% [markdown]
# ## A dirty file
#
# We begin with a file small enough to check by eye. It was made for this chapter in the style of Online Retail II, the
# order lines of a British gift shop {cite:p}`chen2012`: the same columns, and the kinds of dirt that those data have.
# Its customers and numbers are invented. Each row keeps its number in the file.

# %%
orders = reading.open_table("data/dirty_orders.csv").frame
orders.iloc[[0, 3, 8, 9, 14, 17, 27, 28, 42, 48, 65]]

# %% tags=["nbval-check-output"]
print(f"{len(orders)} rows, {orders['StockCode'].nunique()} spellings of codes")
print(f"{orders['Customer ID'].isna().sum()} rows without a customer")

# %% [markdown]
# Summing `Quantity` by day would count postage as a product, orders that nobody wanted in the end, and typing errors.
# We take the dirt out in steps. Each step is written here in its simplest form; at the end we check that the library's
# `data.clean` took the same rows for the same reasons.
#
# ### Read: names, spelling, types
#
# The columns get our names. Codes are told apart without regard to case and outer blanks: `85123a` is `85123A`. What
# cannot be read as a date or a number becomes missing.

# %%
names = {
    "Invoice": "order_id",
    "StockCode": "product_id",
    "Quantity": "quantity",
    "InvoiceDate": "timestamp",
    "Price": "unit_price",
    "Customer ID": "customer_id",
    "Country": "location_id",
}
lines = orders.rename(columns=names)[list(names.values())]
lines["product_id"] = lines["product_id"].str.strip().str.upper()
lines["timestamp"] = pd.to_datetime(lines["timestamp"], errors="coerce")
for name in ("quantity", "unit_price"):
    lines[name] = pd.to_numeric(lines[name], errors="coerce")

# %% [markdown]
# A row that cannot be read is not dropped. It goes to the *quarantine* with its row number and the reason, so that
# somebody can repair it. `taken` is our quarantine: for each reason, the rows.

# %%
known = lines[["timestamp", "quantity", "unit_price"]].notna().all(axis=1)
taken = {"unreadable": lines.index[~known]}
lines = lines[known]
orders.loc[taken["unreadable"]]

# %% [markdown]
# ### Duplicates
#
# A line equal to an earlier one in every column was most likely written twice. One of these rows differed in a blank
# only: that is why spelling comes first.

# %%
twice = lines.duplicated()
taken["duplicate"] = lines.index[twice]
lines = lines[~twice]
orders.loc[taken["duplicate"]]

# %% [markdown]
# ### Cancellations
#
# An order number that begins with `C` cancels an order. The customer wanted nothing in the end, so the cancelling line
# *and* the order it cancels must go. Taking only the negative line would leave demand that never was; summing both on
# different days would leave a peak and a hole. We take the latest earlier order of the same customer, product and
# quantity, each order once.

# %%
cancelled = []
free = {}  # open orders of each (customer, product, quantity), oldest first
for row, line in lines.sort_values("timestamp", kind="stable").iterrows():
    size = abs(line["quantity"])
    key = (str(line["customer_id"]), line["product_id"], size)
    if line["order_id"].startswith("C") and line["quantity"] < 0:
        cancelled.append(row)
        if free.get(key):
            cancelled.append(free[key].pop())
    elif line["quantity"] > 0:
        free.setdefault(key, []).append(row)
taken["cancelled"] = pd.Index(sorted(cancelled))
lines = lines.drop(index=cancelled)
orders.loc[taken["cancelled"]]

# %% tags=["nbval-check-output"]
gone = orders.loc[taken["cancelled"]]
codes = gone["Invoice"].str.startswith("C")
print(f"{codes.sum()} cancelling lines, {(~codes).sum()} orders found")

# %% [markdown]
# The largest order of the file went with its cancellation, sixteen minutes later. Where no order matches, the
# cancelling line goes alone: its order lies before the file begins, or only part of it was sent back. Of a part sent
# back the whole order stays, so demand is a little too high there.
#
# ### Lines that are no product
#
# Postage, bank charges, vouchers, tests and written-off debt have order lines too. Here a product has five digits and
# at most two letters. The letters count: `47566B` is a product of its own.

# %%
product = lines["product_id"].str.fullmatch(r"\d{5}[A-Z]{0,2}")
taken["not a product"] = lines.index[~product]
lines = lines[product]
orders.loc[taken["not a product"]]

# %% [markdown]
# ### Stock corrections, nothing sold, nothing paid
#
# A negative quantity that cancels no order is a correction of stock: broken, lost or counted anew. A line of zero
# pieces sold nothing. A price of zero is a sample or a correction. None of them is demand.

# %%
rules = {
    "negative": lines["quantity"] < 0,
    "zero": lines["quantity"] == 0,
    "no price": (lines["quantity"] > 0) & (lines["unit_price"] <= 0),
}
for reason, mask in rules.items():
    taken[reason] = lines.index[mask]
lines = lines.drop(index=np.concatenate([taken[name] for name in rules]))
orders.loc[np.concatenate([taken[name] for name in rules])]

# %% [markdown]
# ### Absurd quantities
#
# Order sizes are multiplicative: ten times the usual is as odd for a product sold by one as for a product sold by
# a hundred. So the limit of a product is set on $\log(1+q)$, where $q$ is the quantity of a line. Its centre is the
# median and its spread the median absolute deviation (MAD), because an absurd order can move neither:
#
# ```{math}
# :label: eq-outlier
# q_{\max} = \exp\bigl(\operatorname{med} + w \max(1.4826\,\mathrm{MAD},\ 0.5)\bigr) - 1 .
# ```
#
# The width $w$ says how many spreads are still credible; it is the switch `outlier_width`, 8 unless changed. The floor
# of 0.5 is for products whose lines are nearly all alike, so that their MAD is near zero.

# %%
w = data.CleaningConfig().outlier_width
code = lines["product_id"]
logs = np.log1p(lines["quantity"])
centre = logs.groupby(code).transform("median")
mad = (logs - centre).abs().groupby(code).transform("median")
limit = np.expm1(centre + w * np.maximum(1.4826 * mad, 0.5))
absurd = lines["quantity"] > limit
taken["absurd"] = lines.index[absurd]
orders.loc[taken["absurd"]]

# %% mystnb={"figure": {"caption": "Quantity of each line left, and the limit of its product (bars). The axis is logarithmic.", "name": "fig-absurd"}, "image": {"alt": "Dot plot of order quantities by product on a logarithmic axis, with a bar for each product's limit: all lines lie well below their bars, save one order of 1,200 cakestands (22423), far above its own."}}
fig, ax = plt.subplots()
ax.scatter(code, lines["quantity"], alpha=0.6, label="order line")
ax.scatter(code, limit, marker="_", s=900, color="black", label="limit")
ax.set(yscale="log", xlabel="product", ylabel="pieces in a line")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1), markerscale=0.6)
plt.show()

# %% tags=["nbval-check-output"]
for row in taken["absurd"]:
    line = lines.loc[row]
    print(f"row {row}: {line['quantity']:.0f} pieces of {line['product_id']},")
    print(f"the limit of this product is {limit[row]:.0f}")
lines = lines[~absurd]

# %% [markdown]
# Robust rules need company: with two lines of a product, a typing error cannot be told from a large order.
#
# ### The same with the library
#
# `data.load` reads the file and says which cleaning fits it; `data.clean` runs the steps and keeps count.

# %% tags=["nbval-check-output"]
source = data.load("online_retail_ii", "data/dirty_orders.csv")
cleaned = data.clean(source.lines, source.cleaning, source.quarantine)
print(cleaned.report.to_string(index=False))

# %% [markdown]
# Every line has one fate. The rows that the library kept, and those of each of its reasons, are the ones that we found
# by hand.

# %%
refused = cleaned.quarantine.set_index("row")
refused.sort_index().head(8)

# %% tags=["nbval-check-output"]
reasons = {
    "unreadable": "not a date|not a finite",
    "duplicate": "duplicate",
    "not a product": "not a product",
    "negative": "negative quantity",
    "zero": "zero quantity",
    "no price": "price not positive",
    "absurd": "robust limit",
}
for reason, text in reasons.items():
    theirs = refused.index[refused["reason"].str.contains(text)]
    assert set(theirs) == set(taken[reason]), reason
assert set(cleaned.cancelled["row"]) == set(taken["cancelled"])
mine, theirs = lines.reset_index(drop=True), cleaned.kept[list(lines)]
pd.testing.assert_frame_equal(mine, theirs, check_dtype=False)
fates = [len(lines), len(refused), len(cleaned.cancelled)]
print(f"{sum(fates)} rows = {fates[0]} kept + {fates[1]} quarantined", end="")
print(f" + {fates[2]} cancelled; by hand and in the library the same")

# %% [markdown]
# ## The same lines, written in another country
#
# Files differ in more than their names. Here are the first rows of a made German export, as bytes. It is neither UTF-8
# nor does it separate its fields by commas, and every row ends in a separator that the header does not have.

# %% tags=["nbval-check-output"]
raw = resolve("data/german_orders.csv").read_bytes()
for line in raw.splitlines()[:4]:
    print(line)

# %% [markdown]
# Is `1.500` one and a half, or fifteen hundred? The cell alone does not say. A *column* may: `48,87` can only have a
# decimal comma, and the marks of one file are the same in all its columns. Is `03.02.2025` in February or in March? The
# row with `13.02.2025` decides it for all. What each cell proves:

# %% tags=["nbval-check-output"]
for text in ["500", "1.500", "48,87", "1,200.50", "1 200,50", "(3,50)"]:
    cell = reading.cells.parse_cell(text)
    print(f"{text:9s} decimal {cell.decimal or '?'}", end="  ")
    values = [cell.value(mark) for mark in ".,"]
    print("read with . or , :", *values)

# %% [markdown]
# Where neither the column nor the file proves anything, the library refuses the file and shows both readings. It never
# decides row by row: the wrong quantity that looks right is the worst thing that a plan can hold.

# %% tags=["nbval-check-output"]
german = {
    "order_id": "Bestellnummer",
    "product_id": "Artikel",
    "timestamp": "Datum",
    "quantity": "Menge",
    "unit_price": "Preis",
}
options = reading.ReadOptions(columns=german)
read = data.read_orders("data/german_orders.csv", options)
for what, value in read.report.table().itertuples(index=False):
    print(f"{what:22s} {value}")

# %% [markdown]
# This is the *reading report*: how the file was read, what came out, what was repaired, with examples, and what was
# not read. `salesforecast check-data FILE` prints it for your file. Ids are text without outer blanks, so `00123` keeps
# its zeros, and a product may be called `NA`. A sale at 24:00 belongs to the day that begins then. A single date in 1970
# would have made the first day of every series: it is in the quarantine, as is the row with the totals.

# %% tags=["nbval-check-output"]
shown = read.frame[["row", "product_id", "timestamp", "quantity"]]
print(shown.to_string(index=False))
assert read.frame.loc[1, "quantity"] == 1500
assert read.report.rows == len(read.frame) + len(read.quarantine)

# %% [markdown]
# ## Closed or unsold?
#
# A day on which others sold and this product did not is a true zero. A day without any order left says nothing about
# demand: the shop counts as closed. By hand, with one column for each product:

# %%
day = lines["timestamp"].dt.normalize().rename("ds")
pieces = lines.groupby([day, "product_id"])["quantity"].sum()
units = pieces.unstack().asfreq("D")
closed = units.isna().all(axis=1)
units.assign(closed=closed)

# %% tags=["nbval-check-output"]
dates = pd.to_datetime(orders["InvoiceDate"], errors="coerce").dt.normalize()
for when in units.index[closed]:
    rows = (dates == when).sum()
    print(f"{when.date()} counts as closed:", end=" ")
    print(f"{rows} rows in the file, none stays")

# %% [markdown]
# The first closed day has rows in the file, but cleaning left none of them: an order, its cancellation and postage.
# Closed days are found *after* cleaning, so that a day with nothing but cancelled orders does not become a day of zero
# demand. In the panel `available` is 0 on closed days, and no model learns from those zeros. A product's rows begin with
# its first sale: before its launch it has no demand to forecast.
#
# With `by_location` each place is open or closed on its own: on a Sunday without an order at a place that sells on all
# other days, that place was closed, even where others sold. At a place that sells now and then, a day without an order
# stays a true zero. After the end of the data a place is open on the weekdays on which it was; a public holiday on which
# it always was closed before is closed again, unless the plan says otherwise.

# %% tags=["nbval-check-output"]
panel = data.build_panel(cleaned.kept)
table = panel.pivot(index="ds", columns="unique_id", values="y")
assert (table.fillna(0) == units.fillna(0)).all(axis=None)
assert (panel.groupby("ds")["available"].first() == ~closed).all()
bunting = panel[panel["unique_id"] == "47566B"]
print(bunting[["ds", "y", "available", "price"]].head(4).to_string(index=False))

# %% [markdown]
# ### Sold out?
#
# Order lines do not say when a shelf was empty, but a product that sells on nine open days of ten and then not for a
# week was hardly unwanted. Let $p$ be the share of days with a sale so far. Then $r$ days without a sale have the
# probability $(1-p)^r$. With `stockout_odds` a gap counts as out of stock from the day on where that falls below the
# odds; what came later is not looked at. (One day with and one without a sale are added to $p$, so that it is never 0
# or 1.) It is off where it is not asked for: a shop that keeps stock records knows better.

# %% tags=["nbval-check-output"]
sold = [True] * 9 + [False] + [True] * 10 + [False] * 6 + [True] * 2
odds, sales, days, run, gap = 0.001, 0, 0, 0, []
for today in sold:
    run = 0 if today else run + 1
    if today:
        sales, days = sales + 1, len(gap) + 1  # up to the last sale
    gap.append((1 - (sales + 1) / (days + 2)) ** run < odds)
is_open = np.ones(len(sold), dtype=bool)
marked = availability.likely_stockouts(np.array([sold]), is_open, odds)
assert (marked[0] == gap).all()
print("sold        ", "".join("x" if one else "." for one in sold))
print("out of stock", "".join("o" if one else "." for one in gap))

# %% [markdown]
# ## The order lines of this run
#
# Now the same steps for a whole data set. `data.prepare` is the loading, the cleaning and the aggregation that you have
# just seen, in one call.

# %% tags=["hide-input"]
config = data.PanelConfig(
    level=level,
    freq=freq,
    by_location=by_location,
    n_series=n_series,
    delisted_after=delisted_after,
    stockout_odds=stockout_odds,
    missing_price=missing_price,
)

# %% tags=["hide-input"]
options = reading.ReadOptions(
    columns=columns,
    timezone=timezone,
    decimal=decimal,
    thousands=thousands,
    date_order=date_order,
    encoding=encoding,
    sheet=sheet,
    customer_ids=customer_ids,
)
plan_options = reading.ReadOptions(
    columns=plan_columns,
    decimal=decimal,
    thousands=thousands,
    date_order=date_order,
    encoding=plan_encoding,
    sheet=plan_sheet,
    prefix="plan_",
)

# %% tags=["hide-input", "nbval-check-output"]
prepared = data.prepare(
    dataset,
    config,
    horizon,
    path=path,
    reading=options,
    country=country,
    static=tuple(static),
    future=tuple(future),
    historical=tuple(historical),
    plan_file=plan_file,
    plan_reading=plan_options,
    switches=cleaning,
    missing_y=missing_y,
)
print(prepared.note, *prepared.notes, sep="\n")

# %% [markdown]
# How was the file read?

# %% tags=["nbval-check-output"]
if prepared.reading is None:
    print("These data come with a loader that knows their form.")
else:
    for what, value in prepared.reading.table().itertuples(index=False):
        print(f"{what:22s} {value}")

# %% [markdown]
# Where did the lines go? Each row of the report adds up from `before` to `after`.

# %% tags=["nbval-check-output"]
report = prepared.report
lost = report["quarantined"] + report["cancelled"]
assert (report["before"] - lost == report["after"]).all()
print(report.to_string(index=False))
kept = report["after"].iloc[-1]
print(f"input {report['before'].iloc[0]} = {kept} kept + {lost.sum()} taken")

# %%
prepared.quarantine.head(5)

# %% tags=["nbval-check-output"]
reasons = prepared.quarantine.groupby(["column", "reason"]).size()
print(reasons.to_string() if len(reasons) else "nothing refused")

# %% [markdown]
# The panel has one row for each series and period, from the series' first sale on.

# %%
panel, meta = prepared.panel, prepared.meta
panel.head(3)

# %% tags=["nbval-check-output"]
first, last = panel["ds"].min().date(), panel["ds"].max().date()
series = panel["unique_id"].nunique()
print(f"{series} series, {len(panel)} rows, {first} to {last}")
is_open = panel.groupby("ds")["open"].max()
closed = is_open.index[is_open == 0].date
print(f"periods in which all were closed: {len(closed)}", *closed[:3])
print(f"share of periods without a sale: {(panel['y'] == 0).mean():.3f}")
print(availability.period_report(panel).to_string(index=False))

# %% mystnb={"figure": {"caption": "Units of all series together, per period. Dotted lines are the cutoffs of the evaluation.", "name": "fig-panel-total"}, "image": {"alt": "Line chart of total units per period over the whole history, with a regular rhythm of peaks and dotted lines at the evaluation cutoffs in its last part; closed periods fall to zero."}}
total = panel.groupby("ds")["y"].sum()
ends = data.cutoffs_within(panel["ds"], meta["freq"], horizon, cutoffs)
fig, ax = plt.subplots(figsize=(7, 3))
ax.plot(total.index, total, linewidth=1)
for end in ends:
    ax.axvline(end, color="0.3", linestyle=":")
ax.set(xlabel="period", ylabel="units", ylim=(0, None))
plt.show()

# %% mystnb={"figure": {"caption": "Three series of different size: the largest, one in the middle and the smallest; their last 91 periods.", "name": "fig-panel-series"}, "image": {"alt": "Three line charts of units per period, one above the other, each with a scale of its own: the larger the series, the smaller its swings beside its level; the smallest falls near zero again and again."}}
size = panel.groupby("unique_id")["y"].sum().sort_values(ascending=False)
chosen = [size.index[0], size.index[len(size) // 2], size.index[-1]]
fig, axes = plt.subplots(3, 1, sharex=True, figsize=(7, 4.5))
for ax, name in zip(axes, chosen, strict=True):
    one = panel[panel["unique_id"] == name].tail(91)
    ax.plot(one["ds"], one["y"], linewidth=0.8)
    ax.set(ylabel="units", title=figure_text(name), ylim=(0, None))
axes[-1].set(xlabel="period")
axes[-1].tick_params(axis="x", rotation=30)
plt.show()

# %% [markdown]
# ## Scaling, with what the training part knows
#
# Fitting a scaler on the whole series tells the past how high the future will be. Ours sees rows up to the cutoff only
# and is inverted exactly. To check it, we replace all sales after the cutoff by a million: the scaler must not notice.

# %% tags=["nbval-check-output"]
ids, y = panel["unique_id"], panel["y"]
spoiled = panel.assign(y=y.where(panel["ds"] <= ends[0], 1e6))
for method in scaling.METHODS:
    scaler = scaling.fit_scaler(panel, ends[0], method)
    error = abs(scaler.inverse(ids, scaler.transform(ids, y)) - y).max()
    blind = scaling.fit_scaler(spoiled, ends[0], method) == scaler
    print(f"{method:9s} inverse exact: {error < 1e-6}; blind: {blind}")

# %% tags=["hide-input"]
save_prepared(prepared, run_dir)

# %% [markdown]
# ## Summary
#
# - We read order lines; refused rows kept their number, value and reason.
# - We cleaned a dirty file step by step by hand, and the library took the same rows for the same reasons.
# - We told closed periods (`available` 0) from periods without a sale, after cleaning and not before.
# - We aggregated to the panel `unique_id, ds, y` that every library of the field reads.
# - We scaled with the training part only, invertibly.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-cancellation
# A customer orders 16 birds twice and cancels 16 once (rows of customer 15012). Which order does the cleaning take out,
# and why does it not matter for weekly data but for daily data?
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
# Change `outlier_width` to 3: `data.clean(source.lines, source.cleaning.change({"outlier_width": 3}))`. What is refused
# now, and what would happen to wholesale buyers?
# ```
#
# ```{solution} ex-outlier
# :class: dropdown
# Look at the `absurd quantities` row of the report before narrowing. Orders of wholesale buyers are credible but large; a
# narrow limit quarantines them and the panel underestimates demand.
# ```
#
# ## References
#
# Exact definitions of the data sets are given by their publishers; the gift shop's data are described in
# {cite:p}`chen2012`, forecasting data of shops in {cite:p}`hyndman2021`.
