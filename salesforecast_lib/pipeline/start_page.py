"""The picture that opens a book: one product's sales, the fan of its forecast, and the order that follows from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.decisions.driving import driven_by, read_forecasts
from salesforecast_lib.decisions.inventory.orders import order_up_to_level
from salesforecast_lib.decisions.inventory.simulator import SimulationConfig
from salesforecast_lib.decisions.inventory.today import demand_today
from salesforecast_lib.decisions.workbook.sheets import read_decisions
from salesforecast_lib.files import read_json
from salesforecast_lib.pipeline.markdown import between, plain
from salesforecast_lib.pipeline.parameters import declared
from salesforecast_lib.pipeline.stages import STAGES
from salesforecast_lib.plots import COLOURS, small_png, use_book_style
from salesforecast_lib.wording import counted

START, END = "<!-- picture and order, written by make refresh -->", "<!-- end -->"
PICTURE = "static/start.png"
_SHOWN = {"D": 70, "W": 52, "M": 36}  # periods of history in the picture
_BLUE = np.array(to_rgb(COLOURS[0]))
_FAN = tuple(  # interval, its quantiles, its tint: opaque, so that the legend shows the colour of the picture
    (f"{share} %", f"q{low}", f"q{high}", tuple(1 - (1 - _BLUE) * depth))
    for share, low, high, depth in ((90, 0.05, 0.95, 0.25), (80, 0.1, 0.9, 0.45), (50, 0.25, 0.75, 0.75))
)


@dataclass(frozen=True)
class Start:
    """What a run knows of one product: its sales, its forecast, and the order that follows; in units.

    ``stock`` is not a number where it is unknown; so it is of ``unknown_stock`` products.

    ``made_of`` says what the forecast of ``model`` consists of. ``history`` has ``ds, y``; ``fan`` has ``ds, mean`` and
    the quantiles, one row a period ahead. ``demand`` is the sum over the ``protection`` periods that an order has to
    last: its quantiles by name (``q0.1``) and its ``mean``.
    """

    product: str
    history: pd.DataFrame
    fan: pd.DataFrame
    period: str
    model: str
    lead_time: int
    protection: int
    demand: dict[str, float]
    stock: float
    order: int
    level: float
    service_level: float
    risk_before_delivery: float
    simulated_stock: bool
    unknown_stock: int = 0
    made_of: str = ""


def choose(plan: pd.DataFrame, panel: pd.DataFrame, shown: int) -> str:
    """The product with the largest order among those with ``shown`` periods of history (else among all).

    Ties, and a plan without orders, go to the larger expected demand; products whose stock is unknown come last.
    """
    periods = panel.groupby("unique_id").size()
    old = plan[plan["unique_id"].map(periods).fillna(0) >= shown]
    rows = old if len(old) else plan
    order = pd.to_numeric(rows["order_quantity"], errors="coerce")  # of unknown stock: none
    rows = rows.assign(order_quantity=order).sort_values(
        ["order_quantity", "expected_demand"], kind="stable", na_position="first"
    )
    return str(rows["unique_id"].iloc[-1])


def read_start(folder: Path) -> Start:
    """Read it from the panel, the forecasts and the plan of a finished run."""
    meta, values = read_json(folder / "panel.json"), read_json(folder / "parameters.json")
    planning = next(stage for stage in STAGES if "replenishment.csv" in stage.writes)
    known = {name: values.get(name, parameter.default) for name, parameter in declared(planning.source).items()}
    frequency = check_freq(str(meta.get("freq", "D")))
    panel = pd.read_parquet(folder / "panel.parquet")
    forecasts, model = read_forecasts(folder, known["model"])
    plan = read_decisions(folder / "replenishment.csv")
    shown = _SHOWN[frequency.kind]
    product = choose(plan, panel, shown)
    row = plan[plan["unique_id"] == product].iloc[0]
    config = SimulationConfig(known["lead_time"], known["review_period"])
    coming = demand_today(forecasts, panel, model, config, meta.get("season_length", 7), meta["dataset"] == "own_panel")
    mean, sd = (values[[coming.ids.index(product)]] for values in coming.moments["interval"])
    names = [name for _, low, high, _ in _FAN for name in (low, high)]
    demand = {name: float(order_up_to_level(mean, sd, float(name[1:]))[0]) for name in names}
    ahead = forecasts["y"].isna() & (forecasts["cutoff"] == forecasts["cutoff"].max())
    own = (forecasts["model"] == model) & (forecasts["unique_id"] == product)
    return Start(
        product=product,
        history=panel[panel["unique_id"] == product].sort_values("ds")[["ds", "y"]].tail(shown),
        fan=forecasts[ahead & own].sort_values("ds")[["ds", "mean", *names]],
        period=frequency.period,
        model=model,
        made_of=driven_by(folder, model),
        lead_time=config.lead_time,
        protection=config.protection,
        demand={**demand, "mean": float(mean[0])},
        stock=_number(row["stock"]),
        order=int(np.nan_to_num(_number(row["order_quantity"]))),
        level=float(row["order_up_to_level"]),
        service_level=float(read_json(folder / "inventory.json")["service_level"]),
        risk_before_delivery=_number(row["risk_before_delivery"]),
        simulated_stock=row["stock_source"] == "simulated",
        unknown_stock=int(pd.to_numeric(plan["stock"], errors="coerce").isna().sum()),
    )


def _number(cell: object) -> float:
    """A cell of the plan; an empty one is not a number."""
    return float(pd.to_numeric(pd.Series([cell]), errors="coerce").iloc[0])


def sentence(start: Start) -> str:
    """What is expected, what is there, and what to order."""
    low, high = (round(start.demand[name]) for name in ("q0.1", "q0.9"))
    expected = (
        f"Of {plain(start.product)} we expect {low:,} to {high:,} units in the next "
        f"{counted(start.protection, start.period)} (80 %); "
    )
    if not np.isfinite(start.stock):
        return f"{expected}its stock is unknown, so count it, and order up to {start.level:,.0f}."
    stock, source = round(start.stock), " (simulated stock: an example)" if start.simulated_stock else ""
    order = f"{start.order:,}" if start.order else "nothing"
    return f"{expected}{stock:,} {'is' if stock == 1 else 'are'} in stock or on order{source}, so order {order}."


def alt_text(start: Start) -> str:
    """What the picture shows, for who cannot see it."""
    y, mean = start.history["y"], start.fan["mean"]
    width = start.fan["q0.95"] - start.fan["q0.05"]
    bar = "no bar, for the stock is unknown"
    if np.isfinite(start.stock):
        bar = f"a bar of {start.stock:,.0f} units of stock" + (f" and {start.order:,} to order" if start.order else "")
    low, high = start.demand["q0.1"], start.demand["q0.9"]
    place = "above" if start.level > high else "inside" if start.level >= low else "below"
    return (
        f"Sales of {' '.join(start.product.split())} over {counted(len(y), start.period)}, between {y.min():,.0f} and "
        f"{y.max():,.0f} units a {start.period}; then a fan over {counted(len(mean), start.period)} whose mean lies "
        f"between {mean.min():,.0f} and {mean.max():,.0f} and whose 90 % band is {width.min():,.0f} to "
        f"{width.max():,.0f} units wide. Beside it the demand of the next {counted(start.protection, start.period)}, "
        f"80 % from {low:,.0f} to {high:,.0f} units, and {bar}; the level to order up to, {start.level:,.0f}, lies "
        f"{place} that range."
    )


def _draw_fan(ax: Axes, start: Start) -> None:
    last = start.history.iloc[-1]
    dates = pd.concat([pd.Series([last["ds"]]), start.fan["ds"]])
    step = dates.iloc[1] - dates.iloc[0]
    ax.axvspan(last["ds"], last["ds"] + start.protection * step, color="0.9", zorder=0)
    ax.plot(start.history["ds"], start.history["y"], color="0.25", linestyle="-", linewidth=1.1, label="sales")
    for label, low, high, tint in _FAN:
        bottom, top = (np.append(last["y"], start.fan[name]) for name in (low, high))
        ax.fill_between(dates, bottom, top, color=tint, linewidth=0, label=label)
    ax.plot(start.fan["ds"], start.fan["mean"], color="black", linestyle="--", linewidth=1.3, label="expected")
    ax.axvline(last["ds"], color="0.25", linestyle=":", linewidth=1)
    ax.set(ylabel=f"units a {start.period}", ylim=(0, None))
    ax.margins(x=0.01)
    ax.text(
        last["ds"] + 0.2 * step,
        0.02,
        f"next {counted(start.protection, start.period)}".replace("next 1 ", "next "),
        transform=ax.get_xaxis_transform(),
        ha="left",
        va="bottom",
        fontsize="small",
    )
    ax.xaxis.set_major_locator(AutoDateLocator(maxticks=7))
    ax.xaxis.set_major_formatter(ConciseDateFormatter(ax.xaxis.get_major_locator()))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=5, fontsize="small", frameon=False, columnspacing=1)


def _draw_order(ax: Axes, start: Start) -> None:
    for _, low, high, tint in _FAN:
        height = start.demand[high] - start.demand[low]
        ax.bar(0, height, 0.5, bottom=start.demand[low], color=tint, linewidth=0)
    ax.hlines(start.demand["mean"], -0.25, 0.25, color="black", linestyle="--", linewidth=1.3)
    parts = ((start.stock, 0.0, "stock", "0.6", ""), (start.order, start.stock, "order", COLOURS[4], "///"))
    for height, bottom, name, colour, hatch in parts:
        if height > 0:
            ax.bar(1, height, 0.5, bottom=bottom, color=colour, hatch=hatch, edgecolor="0.25", linewidth=0.6)
            ax.text(1.3, bottom + height / 2, f"{name}\n{height:,.0f}", va="center", fontsize="small")
    ax.hlines(start.level, -0.35, 1.25, color="0.25", linestyle=":", linewidth=1.3)
    ax.text(0.4, start.level, f" order up to {start.level:,.0f}", va="bottom", fontsize="small")
    top = max(start.level, start.demand["q0.95"], float(np.nan_to_num(start.stock)) + start.order)
    span = counted(start.protection, start.period)
    ax.set(xlim=(-0.45, 2.0), ylim=(0, 1.12 * max(top, 1)), ylabel=f"units in {span}")
    ax.set_xticks([0, 1], ["demand", "supply"])
    ax.grid(visible=False, axis="x")


def draw(start: Start) -> bytes:
    """The picture as a PNG with a small palette: history and fan on the left, the order on the right."""
    with plt.rc_context():
        use_book_style()
        figure = Figure(figsize=(7.5, 3.3), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(2.5, 1))
        _draw_fan(left, start)
        _draw_order(right, start)
        return small_png(figure, 48)


def block(start: Start, shop: str) -> str:
    """Markdown of the figure and the sentences beneath it."""
    name = plain(start.product)
    protection = counted(start.protection, start.period)
    rule = "the largest order of its plan" if start.order else "the largest expected demand; nothing has to be ordered"
    if not np.isfinite(start.stock):
        rule = "the largest expected demand; no product's stock is known"
    late = ""
    if start.unknown_stock:
        late = f"The stock of {counted(start.unknown_stock, 'product')} is unknown: see the [decisions](decisions.md). "
    if start.risk_before_delivery > 0.5:
        late += f"Stock will probably run out before it arrives (chance {100 * start.risk_before_delivery:.0f} %). "
    lines = [
        f"```{{figure}} {PICTURE}",
        f":alt: {json.dumps(alt_text(start), ensure_ascii=False)}",
        ":name: fig-start",
        "",
        f"{name}, the product of {plain(shop)} with {rule}: sales, what they may be next (the {plain(start.model)}'s "
        "mean and intervals of 50, 80 and 90 %), and the order that follows.",
        "```",
        "",
        f"**{sentence(start)}** An order placed today arrives in {counted(start.lead_time, start.period)} and lasts "
        f"until the next one does, {protection} from now. The level to order up to, {start.level:,.0f} units, covers "
        f"the demand until then with a chance of {100 * start.service_level:.0f} %. {late}"
        "{ref}`ch-inventory` derives it.",
        *(("", f"**Forecast.** {plain(start.made_of)}.") if start.made_of else ()),
        "",
    ]
    return "\n".join(lines)


def start_pages(folder: Path, shop: str, intro: str) -> dict[str, str | bytes]:
    """``intro.md``, which is ``intro`` with this run's block, and its picture; by file name in ``book/``."""
    start = read_start(folder)
    return {"intro.md": between(intro, START, END, block(start, shop)), PICTURE: draw(start)}
