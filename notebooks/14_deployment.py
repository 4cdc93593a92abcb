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
# (ch-deployment)=
# # Deployment
#
# A run is an afternoon's report: nobody can ask it anything. This chapter answers: **how does a forecast answer a
# request, tonight and every night after?** In it we will
#
# - train one small network that reads what a shop has at hand, beside the champion;
# - write it as a graph that runs without torch, and do one step of its LSTM by hand;
# - store its weights in one byte each, first one matrix by hand, and hold what comes out against four gates;
# - carry its state on: a new day is one step, however long the history is;
# - serve it, ask it, and stop it.
#
# *Prerequisites:* {ref}`ch-training` for the network, {ref}`ch-champion` for the committee. *Running time:* see the
# [status page](../book/status.md).

# %% tags=["hide-input"]
import tempfile
from collections import Counter
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import onnx
import pandas as pd
import torch

from salesforecast_lib.data.features import load_features
from salesforecast_lib.files import resolve, write_json
from salesforecast_lib.models.champion import load_champion
from salesforecast_lib.models.ensembles.members import read_known
from salesforecast_lib.pipeline import serving
from salesforecast_lib.plots import use_book_style
from salesforecast_lib.production import export, live
from salesforecast_lib.production.export import study

use_book_style()

# %% tags=["parameters", "hide-input"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of everything random
live_epochs: int = 20  # passes of the live network's training, at most
prune_share: float = 0.5  # of the weights, tried as zeros

# %% tags=["hide-input"]
torch.set_num_threads(1)  # a server has one core for each of its processes
run = resolve(run_dir)
table, meta = load_features(run)
known = read_known(run, table)
stored = load_champion(run / "champion")
today, horizon = stored.cutoff, int(meta["horizon"])

# %% [markdown]
# ## From a report to a service
#
# The champion is a committee of trees, networks and rules. It reads features with a long memory and takes seconds to
# minutes for all products: a matter for the night, whose table waits in the morning. A request with *new* sales
# cannot wait for it. For that one there is a second model, the *live network*. Every answer says which of the two
# gave it.
#
# What does a request bring along? Sales, whether the product was available, what is planned, and the categories. All
# that follows from the date is in the model. The features of {ref}`ch-features` that are made from history are not
# there, and the LSTM has to make its own.

# %% tags=["nbval-check-output"]
config = export.live_config(table, meta, seed=seed, epochs=live_epochs)
words = study.inputs_of(table, config)
for name, columns in words.items():
    print(f"{name}: {len(columns)} columns")
print("left out:", ", ".join(config.without))

# %% [markdown]
# Is it worth it? We train it as of a day whose following horizons lie *before* the months that the run is scored on.
# What is chosen in this chapter is chosen there.

# %%
judged = export.earlier_cutoffs(table.frame, today, meta["freq"], horizon)
early = export.fit_live_network(table, meta, judged[0], config)
print(f"trained until {judged[0].date()}, judged on the {len(judged)} "
      "horizons after it")

# %% [markdown]
# ## Export
#
# A graph is a list of operations with their weights, in a format that torch writes and onnxruntime reads: no Python,
# no torch, a file. Sizes that differ from request to request stay open: the number of products and the length of the
# window.

# %% tags=["nbval-check-output"]
folder = Path(tempfile.mkdtemp())
graph = export.write_window_graph(early, folder / "network.onnx")
read = onnx.load(graph)
kinds = Counter(node.op_type for node in read.graph.node)
print(f"LSTM: {kinds['LSTM']}, MatMul: {kinds['MatMul']}")
for each in read.graph.input:
    sizes = each.type.tensor_type.shape.dim
    print(each.name, [d.dim_param or d.dim_value for d in sizes])

# %% [markdown]
# Such a translation can go wrong without a word, so we compare. The same windows go through both:

# %% tags=["nbval-check-output"]
trial = study.unpublished(early, run, folder / "trial")
names, raw = export.windows_at(trial, table.frame, known, judged[0])
apart = study.apart(early, trial, raw)
assert apart < 1e-3
print("torch and the graph agree to a thousandth:", apart < 1e-3)

# %% [markdown]
# ### One step by hand
#
# What happens in the LSTM's node when one more day comes? From {ref}`ch-lstm-derivation`: four gates from the input $x$
# and the last state $h$, and the cell $c$ that remembers.
#
# ```{math}
# \begin{aligned}
# i,f,o&=\sigma(W x+U h+b),\quad g=\tanh(W x+U h+b),\\
# c'&=f\odot c+i\odot g,\quad h'=o\odot\tanh c'.
# \end{aligned}
# ```


# %%
def sigmoid(x):
    """The logistic function."""
    return 1 / (1 + np.exp(-x))


def lstm_step(x, h, c, W, U, b):
    """One step: x (inputs,), h and c (hidden,), W, U and b of four gates."""
    i, f, g, o = np.split(W @ x + U @ h + b, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


# %% tags=["nbval-check-output"]
cell = early.model.encoder.cell
W, U, *b = [w.detach().double().numpy() for w in cell.parameters()]
b = sum(b)
rng = np.random.default_rng(seed)
x = rng.normal(size=W.shape[1])
h, c = rng.normal(size=(2, U.shape[1])) / 2
by_hand = np.concatenate(lstm_step(x, h, c, W, U, b))
step = export.write_step_graph(early, folder / "step.onnx")
given = {"inputs": x[None], "carried": np.concatenate([h, c])[None]}
given = {name: values.astype("float32") for name, values in given.items()}
(by_graph,) = live.open_session(step).run(None, given)
assert np.allclose(by_hand, by_graph[0], atol=1e-5)
print(f"{U.shape[1]} numbers of h and as many of c, by hand as by the graph")

# %% [markdown]
# ## Compress
#
# A weight takes four bytes. One byte has 256 values: is that enough? With a scale $s=\max|W|/127$ a weight is stored
# as the whole number $q=\operatorname{round}(W/s)$ and read as $s\,q$. No weight is off by more than half a step.

# %% tags=["nbval-check-output"]
s = np.abs(U).max() / 127
q = np.round(U / s).astype("int8")
worst = np.abs(U - s * q).max() / s
print(f"{U.nbytes // 2} bytes become {q.nbytes}")
print("off by half a step at most:", worst <= 0.5 + 1e-9)

# %% [markdown]
# What the network needs is not a weight but a sum of many products, in which the errors cancel partly. How many bits
# would do?

# %%
bits = range(2, 11)
errors = [study.product_error(U, h, count) for count in bits]
print(study.bits_found(bits, errors))

# %% [markdown]
# The library does so for all matrices of the graph, and quantises what they are multiplied with as it comes. Two
# other ways were tried: *pruning*, where the smallest weights become zero and the rest is trained on, and
# *distillation*, where the champion is the teacher. Here is the first. The second needs the champion at many earlier
# days, which takes minutes: `tests/benchmarks/export_table.py` has both beside the champion itself. There, on the
# published data, the teacher made the quantiles better and the WAPE worse: the live network learns from sales alone.

# %%
small = export.quantise_graph(graph, folder / "int8.onnx")
thin = study.pruned(early, table, judged[0], config, prune_share)
forms = study.Forms(early, thin, graph, small)
compared = study.compare(forms, trial, table.frame, known, judged)
compared.round(3)

# %% [markdown]
# The error is that of the horizons after the cutoffs above, which none has seen. Zeros make a file
# smaller only where it is packed, and a processor multiplies by zero as fast as by any number.

# %%
print(*study.found(compared), sep="\n")

# %% [markdown]
# ### Gates
#
# A small network is not published because it is small. It has to keep the error, and it has to be worth it:

# %%
final = export.fit_live_network(table, meta, today, config)
place = serving.publish_run(run, forecaster=final)
model = live.LiveModel.load(place)
gates = study.gates_of(model)
for gate in gates:
    print(f"{gate.name}: {gate.figure:.3f}, at most {gate.limit:.3f}",
          f"({gate.words})")

# %% tags=["nbval-check-output"]
assert all(gate.passed for gate in gates)
print("gates kept:", ", ".join(gate.name for gate in gates))

# %% [markdown]
# A network that loses too much in one byte is published in four, and the model says so. One that is slower than it
# has to be is not published at all: the version before goes on to answer.
#
# ### A folder that is whole
#
# The champion, the graphs, the calendar of the next years, the state of every product and a list of all files with
# their checksums lie in one folder. It is written beside its place and renamed. What was changed since is refused:

# %% tags=["nbval-check-output"]
print(*sorted(path.name for path in place.iterdir()), sep="  ")
copy = study.damaged_copy(place, folder / "damaged", "step.onnx")
try:
    live.LiveModel.load(copy)
except ValueError as error:
    print(str(error).replace(str(copy), "FOLDER"))

# %% [markdown]
# ## Carry the state
#
# The LSTM has read the history once. What it remembers, and what the level needs, is one row of numbers for each
# product. A new day is one step from there, and no window is read again.

# %% tags=["nbval-check-output"]
states = model.state()
print(f"{len(states)} products, {states.numbers.shape[1]} numbers each")
best = table.frame.groupby("unique_id")["y"].sum().idxmax()
past = table.frame[table.frame["unique_id"] == best]

# %% [markdown]
# We begin that product anew, before its first day, and take one step for each of its days. At the end the state must
# be the one in the folder.

# %% tags=["nbval-check-output"]
groups = past[list(model.static)].iloc[:1].to_numpy(dtype=object)
before = pd.date_range(end=past["ds"].iloc[0], periods=2, freq=model.freq)[0]
state = model.begin([best], before, groups)
seen = past[["y", "available"]].to_numpy()
future = past[list(model.future)].to_numpy()
medians = []
for (sold, there), day in zip(seen, future, strict=True):
    medians.append(study.next_period(model, state))
    state = model.step(state, [sold], [there], day[None])
mine = states.take([model.ids.index(best)])
assert np.allclose(state.numbers, mine.numbers, rtol=1e-3, atol=1e-3)
print("step by step the same state:", str(state.at[0]) == str(mine.at[0]))

# %% mystnb={"figure": {"caption": "The best-seller, one period ahead from the carried state: sales, the median and the interval of 80 per cent, over the last eight cycles.", "name": "fig-carried"}, "image": {"alt": "A line of sales with a shaded band around a line of medians that follows its weekly rhythm; most of the sales lie in the band."}}
shown = 8 * model.season
band = np.array(medians)[-shown:]
days, sales = past["ds"].tail(shown), past["y"].tail(shown)
fig, ax = plt.subplots()
ax.fill_between(days, band[:, 0], band[:, 2], alpha=0.3, label="80 %")
ax.plot(days, band[:, 1], label="median")
ax.plot(days, sales, ".", color="black", label="sales")
ax.set(ylabel="units")
ax.legend()
plt.show()

# %%
names, raw = export.windows_at(model, table.frame, known, today)
one = raw.take(np.flatnonzero(names == best))
print(study.carried_found(model, mine, one))

# %% tags=["hide-input"]
told = {name: model.info[name] for name in ("precision", "gates")}
_ = write_json({"version": place.name, **told}, run / "deployment.json")

# %% [markdown]
# ## Serve
#
# `salesforecast serve RUN` starts a process that reads the folder and listens on a port of this computer. It holds no
# torch. We start the real one, on a copy: what we tell it did not happen in the shop.

# %% tags=["nbval-check-output"]
trial = serving.trial_run(run, folder / "served")
server = serving.start(trial)
about = server.get("/model")
print("version:", about["version"] == place.name)
print("all products:", about["products"] == len(model.ids))

# %% [markdown]
# A product of the run is asked for by its name. Until something new is observed, the champion answers, from its table
# of the night:

# %% tags=["nbval-check-output"]
asked = {"ids": [best], "horizon": min(7, model.horizon)}
(answer,) = server.post("/forecast", asked)["forecasts"]
print("by the", answer["model"], "for", len(answer["mean"]), "periods")
night = answer["mean"]

# %% [markdown]
# A request may bring a history instead. Then the live network answers. Nothing but sales and their last date is needed;
# what is planned, categories and availability may be told.

# %% tags=["nbval-check-output"]
recent = past["y"].tolist()[-model.window:]
own = {"history": recent, "last_date": str(today.date()), "id": "mine"}
(mine_now,) = server.post("/forecast", {"series": [own]})["forecasts"]
print(mine_now["id"], mine_now["model"], min(mine_now["mean"]) >= 0)

# %% [markdown]
# ### Observe
#
# The next day is over, and twice as much was sold as the champion had said. The server writes it to its disk, moves the
# state one step on, and only then answers. From now on the live network answers for this product. The same observation
# sent again, as programs do when an answer gets lost, changes nothing.

# %% tags=["nbval-check-output"]
sold = {"id": best, "date": answer["dates"][0], "y": round(2 * night[0])}
for _ in range(2):
    taken = server.post("/observe", {"observations": [sold]})
    print(taken["accepted"], "new,", taken["known_already"], "known")
(moved,) = server.post("/forecast", {"ids": [best]})["forecasts"]
print(moved["model"], moved["dates"][0] == answer["dates"][1])

# %%
later = moved["mean"][:len(night) - 1]
both = {"night's table": night[1:], "after the day": later}
pd.DataFrame(both, index=answer["dates"][1:]).round(1)

# %% [markdown]
# What should be ordered today? The server asks {ref}`ch-inventory`'s rule, with the forecast of this moment:

# %%
item = {"id": best, "stock": 20, "lead_time": 2, "service_level": 0.95}
(order,) = server.post("/replenish", {"items": [item]})["orders"]
print(order["order"], "units:", order["why"])

# %% [markdown]
# ### A wrong request
#
# It gets a sentence that names the field and says what is expected there. The log gets the route, the status and the
# time, and neither products nor figures.

# %% tags=["nbval-check-output"]
wrong = {**own, "history": [*recent[:-1], -3]}
print(server.post("/forecast", {"series": [wrong]})["error"].split(", got")[0])
late = {**sold, "date": answer["dates"][-1]}
print(server.post("/observe", {"observations": [late]})["field"])
print("a product in the log:", best in server.log.read_text())

# %% [markdown]
# ### Another model, and a crash
#
# A line in the log names another version, and the server takes it while it runs: requests under way end with the model
# that they began with. Then we kill the process, as a power cut would. What it had acknowledged is there when it comes
# back.

# %% tags=["nbval-check-output"]
other = serving.copy_version(trial)
print("swapped:", server.wait_for(other))
server.kill()
server = serving.start(trial)
(back,) = server.post("/forecast", {"ids": [best]})["forecasts"]
print("as before the kill:", back == moved)
print("version:", server.get("/ready")["version"] == other)

# %% [markdown]
# How many requests it bears, what is lost when it is killed again and again, and what another library does behind the
# same framework is on the [page of the benchmark](../book/serving.md).

# %%
_ = server.stop()

# %% [markdown]
# ## Summary
#
# - A live network beside the champion reads what a request brings along; the champion's table is made in the night.
# - Its graph gave torch's numbers, and one step of its LSTM by hand gave the graph's.
# - One byte a weight left the error where it was; four gates say so before a model is published.
# - A folder holds all that production needs, with checksums; a changed file was refused by name.
# - From the carried state a new day is one step, and step by step we came to the state in the folder.
# - The server answered by name and from a history, took a day in, refused what was wrong by its field, changed its
#   model while it ran, and knew after a kill what it had acknowledged.
#
# ```{admonition} What to do on Monday
# :class: tip
# 1. Export the run: `salesforecast export RUN`. Read the gates it prints.
# 2. Decide which questions need an answer at once. What can wait for the morning gets the champion's.
# 3. Keep the folder of the version before: going back is a line in a log.
# ```
#
# ## Exercises
#
# ```{exercise}
# :label: ex-deployment-rows
# One scale for the whole matrix is set by its largest weight. Give each row of `U` a scale of its own. How much
# smaller is the error of the product?
# ```
#
# ````{solution} ex-deployment-rows
# :class: dropdown
# ```python
# s = np.abs(U).max(axis=1, keepdims=True) / 127
# rows = np.linalg.norm(s * np.round(U / s) @ h - U @ h)
# s = np.abs(U).max() / 127
# whole = np.linalg.norm(s * np.round(U / s) @ h - U @ h)
# print(rows / whole)
# ```
# Most rows have no weight near the largest of the matrix, and their steps become finer. It costs a number more for
# each row.
# ````
#
# ```{exercise}
# :label: ex-deployment-missed
# A day's sales do not arrive. Compare three ways to go on from `mine`: a step with zero sales that were available, a
# step that was not available, and no step at all. Which of them may a server take?
# ```
#
# ````{solution} ex-deployment-missed
# :class: dropdown
# ```python
# day = model.today(mine.at, 1, ids=[best])
# for sold, there in ((0, 1), (0, 0)):
#     after = model.step(mine, [sold], [there], day)
#     ahead = model.ahead(after.at, 1, ids=[best])
#     print(sold, there, model.decode(after, ahead)[0][0, :3].round(1))
# ```
# Zero sales with stock say that demand fell, and the forecast follows. *Not available* says that nothing is known of
# the day, which is what is true. Without a step every later day would be read as the day before it.
# ````
#
# ## References
#
# Fewer weights by magnitude {cite:p}`han2015`; a large model as the teacher of a small one {cite:p}`hinton2015`.
