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
# (ch-scaling-out)=
# # When does one machine stop being enough?
#
# A shop with a thousand products needs no cluster. A marketplace with a million products has order lines that do not fit
# into memory, and a night that is too short for one process. This chapter answers: **when does one machine stop being
# enough, and what then?** In it we will
#
# - see what makes a panel big: not the sales, but the days without any;
# - add up order lines without a table of all products and all days, and get the same panel;
# - cut order lines into buckets by a checksum of the product, and build the panel bucket by bucket;
# - kill the work in the middle, begin it again, and find that nothing was done twice;
# - hand the same tasks to two processes and to a cluster, where a worker that dies changes nothing;
# - train one network with two processes that share each batch;
# - reckon on paper what ten billion lines would take.
#
# *Prerequisites:* {ref}`ch-preprocessing`, {ref}`ch-training`. *Running time:* see the [status page](../book/status.md).

# %% tags=["hide-input"]
import json
import tempfile
import zlib
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from salesforecast_lib import data
from salesforecast_lib.data import schema, series
from salesforecast_lib.data.prepare import load_panel
from salesforecast_lib.files import project_root, write_json
from salesforecast_lib.plots import use_book_style
from salesforecast_lib.production import distributed
from salesforecast_lib.production.distributed import examples, paper_plan

use_book_style()

# %% tags=["parameters", "hide-input"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of everything random
made_products: int = 2_000  # products of the made order lines
made_lines: int = 30_000  # order lines that are made
train_epochs: int = 2  # epochs of the network that two processes train
plan_lines: float = 10.0e9  # order lines a year, of the plan on paper
plan_hours: float = 4.0  # hours in which they should become a panel
node_hour: float = 0.8064  # dollars for an hour of a node

# %% [markdown]
# ## What makes a panel big
#
# Order lines say what was sold. A panel also says when nothing was: one row for each product and day. How many of the
# rows of this run hold a sale?

# %%
panel, meta = load_panel(run_dir)
own = examples.density(panel)
own

# %% [markdown]
# These are series that were chosen because they sell often. Most products do not. We make order lines as a marketplace
# has them: few products sell every day, most sell a handful of times a year.


# %%
def make_orders(rng: np.random.Generator) -> pd.DataFrame:
    """Order lines of products whose sales fall with their rank."""
    rank = (made_products + 1) ** rng.random(made_lines)
    hours = np.sort(rng.integers(0, 365 * 24, made_lines))
    order = np.sort(rng.integers(0, made_lines // 3, made_lines))
    return pd.DataFrame(
        {
            "order_id": [f"A{n}" for n in order],
            "product_id": [f"P{n}" for n in rank.astype(int)],
            "timestamp": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(hours, "h"),
            "quantity": rng.integers(1, 5, made_lines).astype(float),
            "unit_price": np.round(2 + rank % 90, 2),
            "customer_id": [f"K{n}" for n in rng.integers(0, 900, made_lines)],
        }
    )


orders = make_orders(np.random.default_rng(seed))
product, names = pd.factorize(orders["product_id"])
day = (orders["timestamp"].dt.normalize() - orders["timestamp"].min()).dt.days
day = day.to_numpy() - day.min()
days = day.max() + 1

# %% [markdown]
# ## Dense and sparse
#
# The simplest way to a panel is a table of all products × all days, to which each line adds its units. The table grows
# with the number of products, whatever they sell:

# %%
dense = np.zeros((len(names), days))
np.add.at(dense, (product, day), orders["quantity"])

# %% [markdown]
# The other way numbers the cells, and keeps those that have lines. A cell is `product * days + day`, one number, and
# sorting these numbers brings the lines of a cell together:

# %%
cell, place = np.unique(product * days + day, return_inverse=True)
units = np.bincount(place, orders["quantity"])

# %% tags=["nbval-check-output"]
theirs = series.rank_cells(product, day, orders["quantity"].to_numpy(), days)
assert np.array_equal(cell, theirs[0]) and np.array_equal(units, theirs[1])
assert np.array_equal(dense.ravel()[cell], units)
print(f"cells with a sale: {len(cell) / dense.size:.1%}")
print(f"dense:  {dense.nbytes / 1e6:5.1f} MB")
print(f"sparse: {(cell.nbytes + units.nbytes) / 1e6:5.1f} MB")

# %% [markdown]
# For a million products over two years the dense table of units alone takes 8 bytes × products × days, and a panel has
# several such columns:

# %%
products = np.array([1e3, 1e4, 1e5, 1e6])
table = pd.DataFrame({"products": products.astype(int)})
table["dense, GB"] = 8 * products * 730 / 1e9
table["sparse, GB"] = 16 * products * 730 * len(cell) / dense.size / 1e9
table.round(3)

# %% [markdown]
# Which products are kept, those that sell on most days, can be told from the cells. Only those are laid out day by day.
# So the panel of the best hundred costs a hundred rows of the table, not all:

# %% tags=["nbval-check-output"]
sold = np.bincount(cell // days, minlength=len(names))
best = np.sort(np.argsort(-sold, kind="stable")[:100])
chosen = series.choose_series(cell, units, dense.shape, keep=100)
assert sold[chosen].sum() == sold[best].sum()
config = data.PanelConfig(n_series=100)
lines, refused = schema.validate_order_lines(orders.copy())
cleaned = data.clean(lines, quarantined=refused)
whole = data.build_panel(cleaned.kept, config)
print(f"{whole['unique_id'].nunique()} series of {len(names)}")

# %% [markdown]
# ## Buckets
#
# What if not even the lines fit into memory? Then they are sorted into buckets that do. All lines of a product have to
# go into the same bucket, or its duplicates, cancellations and absurd orders could not be found. A checksum of the name
# does that, in one pass and without a list of all products. Python's own `hash` would not do: it differs from process to
# process.

# %%
buckets = 6
bucket = np.array([zlib.crc32(name.encode()) % buckets for name in names])
lines_in = np.bincount(bucket[product], minlength=buckets)

# %% tags=["nbval-check-output"]
assert np.array_equal(bucket, distributed.bucket_of(names, buckets))
homes = pd.Series(bucket[product]).groupby(product).nunique()
print("buckets of each product:", homes.unique().tolist())

# %% [markdown]
# The buckets are not of one size: the best-selling product is never divided. The largest bucket says how much memory a
# process needs:

# %% mystnb={"figure": {"caption": "Order lines in each bucket; the part of the best-selling product is darker.", "name": "fig-buckets"}, "image": {"alt": "Bars of the number of order lines in six buckets, of about equal height; one of them holds the best-selling product."}}
counts = np.bincount(product, minlength=len(names))
top = counts.argmax()
fig, ax = plt.subplots(figsize=(5, 2.6))
ax.bar(range(buckets), lines_in, color="tab:blue", alpha=0.6)
ax.bar(bucket[top], counts[top], color="tab:blue", hatch="//")
ax.set(xlabel="bucket", ylabel="order lines")
plt.show()

# %% [markdown]
# The library reads a folder of Parquet files part by part, sorts each part's lines into buckets, cleans each bucket,
# ranks its products, and lays out those that are chosen. `salesforecast build-panel FOLDER --out PLACE` does the same.

# %%
place = Path(tempfile.mkdtemp(prefix="scaling-"))
(place / "orders").mkdir()
for number, part in enumerate(np.array_split(np.arange(len(orders)), 3)):
    file = place / "orders" / f"{number}.parquet"
    orders.iloc[part].to_parquet(file, index=False, row_group_size=4_000)
sizes = made_lines // 4, made_lines // 6  # lines of a part, of a bucket
told = {"config": config, "sizes": sizes}
with distributed.open_engine(workers=1) as engine:
    built = distributed.build_panel_folder(
        place / "orders", place / "built", engine, **told
    )

# %% tags=["nbval-check-output"]
parts = [pd.read_parquet(f) for f in built.folder.glob("*.parquet")]
joined = pd.concat(parts).sort_values(["unique_id", "ds"], ignore_index=True)
pd.testing.assert_frame_equal(joined, whole, check_exact=True)
print(f"{built.buckets} buckets, the same panel bit for bit")

# %% [markdown]
# Some questions cannot be asked bucket by bucket: an order that is cancelled as a whole has lines of several products,
# and whether a *place* was closed is told by all its orders. The library refuses these in parts, and says so, rather than
# answer them nearly right.
#
# ## Killed in the middle
#
# A build of hours is ended by a power cut in the middle. Every part and bucket writes its file under another name and
# renames it when it is whole. What has its file is not done again. We end the build at its fourth bucket:


# %%
class PowerCut(Exception):
    """Ends the build."""


def cut(text: str) -> None:
    """Called with what is at work."""
    if text.startswith("clean bucket 4"):
        raise PowerCut


with distributed.open_engine(workers=1) as engine:
    again = (place / "orders", place / "again", engine)
    try:
        distributed.build_panel_folder(*again, **told, say=cut)
    except PowerCut:
        left = {f: f.stat().st_mtime_ns for f in again[1].rglob("*.parquet")}
    second = distributed.build_panel_folder(*again, **told)

# %% tags=["nbval-check-output"]
kept = all(file.stat().st_mtime_ns == when for file, when in left.items())
assert kept and second.rows == built.rows
print(f"files of the first try: {len(left)}, made again: {0 if kept else '?'}")

# %% [markdown]
# ## Somebody hands out the tasks
#
# Once the work is cut into tasks that need nothing of each other, who does them is a detail. An *engine* takes a function
# and a list of tasks: in this process, in several of this machine, or on a cluster of dask {cite:p}`rocklin2015`. It
# promises the same of all three: results in order, three attempts, and a worker that dies takes only its own task along.

# %%
same = {}
for name, options in {
    "two processes": {"engine": "local", "workers": 2},
    "a cluster of two": {"engine": "dask", "workers": 2},
}.items():
    with distributed.open_engine(**options) as engine:
        out = place / name.replace(" ", "-")
        made = distributed.build_panel_folder(
            place / "orders", out, engine, **told
        )
    same[name] = examples.same_tables(made.folder, built.folder)

# %% tags=["nbval-check-output"]
assert all(same.values())
print(pd.Series(same, name="same panel").to_string())

# %% [markdown]
# Does a dead worker change anything? One of these tasks ends its own process the first time it is tried, as the
# operating system does with a process that takes too much memory:

# %% tags=["nbval-check-output"]
with distributed.open_engine("dask", workers=2) as engine:
    results = engine.run_tasks(
        examples.dies_once, range(8), shared=(str(place / "deaths"), 3)
    )
deaths = len(list((place / "deaths").glob("*")))
assert results.values == [n * n for n in range(8)] and not results.failures
print(f"workers that died: {deaths}; results missing: {len(results.failures)}")

# %% [markdown]
# `salesforecast forecast`, `run`, `sweep` and `build-panel` take `--engine dask` and the address of a cluster. Is it
# worth it? Handing out a task costs milliseconds; a task should take seconds.
#
# ### A task that hands out tasks
#
# The stages of a run are tasks, and a stage may have tasks of its own: {ref}`ch-features` fits small models for each
# group of features and stretch, {ref}`ch-champion` one for each member and cutoff. On a cluster they go to
# its workers too. There lies a trap: two stages on two workers hand out tasks and wait, and the tasks wait for a worker
# that the stages hold. Nobody would ever go on. So a worker gives its place back while a stage runs in a process of its
# own, and a stage hands out as many tasks at a time as there are workers without another stage, and one for itself.
#
# Not everything is worth it. The features of a panel are built where they are until it has hundreds of thousands of
# rows: asking a cluster takes as long as building them. The policies of {ref}`ch-inventory` are played in one process,
# since each works on all products at once.
#
# ## One network, two processes
#
# Training is harder to share: every step needs the weights of the step before. Two processes can halve the batch
# {cite:p}`li2020ddp`. Each computes the gradient of its half, and the two gradients are averaged before the step:
#
# ```{math}
# :label: eq-halves
# \nabla \frac1B\sum_{i=1}^{B}\ell_i
#   = \frac12\Big(\nabla\frac2B\sum_{i\le B/2}\ell_i+\nabla\frac2B\sum_{i>B/2}\ell_i\Big).
# ```
#
# So nothing changes but the order in which numbers are added. We train a small network on this run's features, alone and
# with two processes:

# %%
small = {"max_epochs": train_epochs, "hidden_size": 8, "steps": 32}
curves, same_curve = examples.shared_training(run_dir, small)
curves.pivot(index="epoch", columns="processes", values="train").round(3)

# %% tags=["nbval-check-output"]
assert curves.empty or "the same losses" in same_curve
print(same_curve)

# %% [markdown]
# The averaging itself takes time, and so does starting a process. For a network that trains in seconds two processes may
# well be no faster than one; they are meant for networks of hours, and for machines with several GPUs.
#
# ## Ten billion lines, on paper
#
# The benchmark of this project measures 1, 10 and 100 million lines ([page](../book/scale.md)). What would a marketplace
# with many more need? The plan takes processor's time and bytes of a line from the largest build that was measured, and
# assumes the price and the size of a node.

# %%
file = project_root() / "book" / "scale" / "scale.json"
measured = paper_plan.Measured.of(json.loads(file.read_text()))
assumed = paper_plan.Assumed(
    lines=plan_lines, hours=plan_hours, node_hour=node_hour
)
plan = paper_plan.paper_plan(measured, assumed)
plan.table()

# %%
paper_plan.plan_found(plan, assumed)

# %% [markdown]
# One number does not grow like the others. Every bucket reads a piece of every part, so the pieces grow with the square
# of the lines:

# %% tags=["nbval-check-output"]
twice = paper_plan.paper_plan(measured, paper_plan.Assumed(2 * plan_lines))
once = paper_plan.paper_plan(measured, paper_plan.Assumed(plan_lines))
print(f"twice the lines, {twice.pieces / once.pieces:.0f} times the pieces")
found = {
    "lines": len(orders),
    "filled": round(len(cell) / dense.size, 4),
    "buckets": built.buckets,
    "same_panel": {"local": True, **same},
    "workers_died": deaths,
    "curves": same_curve,
    "plan": plan.bottleneck,
}
_ = write_json(found, Path(run_dir) / "scaling.json")

# %% [markdown]
# ## Summary
#
# - Most cells of a panel of rarely sold products are empty; only those with lines, and then only the chosen series, need
#   memory.
# - A checksum of the product sorts lines into buckets, and the panel that comes out is the same bit for bit.
# - Work that writes its results under another name and renames them can be killed at any time and goes on.
# - Two processes and a cluster gave the same panel, and a worker that died changed nothing.
# - Two processes that share each batch compute the gradient of one, but for rounding.
# - The plan on paper names what takes longest, and the pieces that grow with the square of the lines.
#
# ```{admonition} What to do on Monday
# :class: tip
# 1. Measure first: how many lines, how much memory at the worst moment, how long the night? Below a tenth of the machine's
#    memory, stay on one machine.
# 2. Export order lines as Parquet, with stamps and numbers typed, one file a day or month: they
#    can be read in parts then.
# 3. Keep the series that you order for. A panel of everything ever sold is a panel of zeros.
# ```
#
# ## Exercises
#
# ```{exercise}
# :label: ex-scaling-skew
# Sort the made lines into 2 to 64 buckets. How much larger is the largest bucket than the mean, and why can more buckets
# not mend that?
# ```

# %% tags=["hide-cell"]
for number in (2, 8, 32, 64):
    home = distributed.bucket_of(names, number)[product]
    sizes = np.bincount(home, minlength=number)
    print(f"{number:2d} buckets: {sizes.max() / sizes.mean():.1f} times")

# %% [markdown]
# ```{solution} ex-scaling-skew
# :class: dropdown
# The cell above. The best-selling product lies in one bucket whole, however many there are: its lines are the least that
# one process has to hold.
# ```
#
# ```{exercise}
# :label: ex-scaling-hash
# Somebody sorts lines by the *length* of the product's name instead of a checksum. All lines of a product still lie
# together. What goes wrong?
# ```

# %% tags=["hide-cell"]
lengths = np.array([len(name) % buckets for name in names])
sizes = np.bincount(lengths[product], minlength=buckets)
print("lines in the buckets:", sizes.tolist())

# %% [markdown]
# ```{solution} ex-scaling-hash
# :class: dropdown
# The panel is right, but some buckets are empty and one holds nearly everything. A checksum spreads names that look alike.
# ```
#
# ## References
#
# Partitioned computation {cite:p}`dean2004`, dask {cite:p}`rocklin2015`, data-parallel training {cite:p}`li2020ddp`.
