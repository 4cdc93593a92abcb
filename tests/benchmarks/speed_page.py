"""The book's page of speed, made from stored results: ``python tests/benchmarks/speed_page.py``.

``book/speed/speed.json`` holds what ``tests/benchmarks/speed.py --data DIR --json book/speed/speed.json`` writes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

if __name__ == "__main__":  # a script's own folder comes first: add the project's root
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from salesforecast_lib.files import atomically, project_root, read_json, write_text

STORED = project_root() / "book" / "speed" / "speed.json"
PAGE = project_root() / "book" / "speed.md"
FIGURE = project_root() / "book" / "static" / "growth.svg"
NAMES = {"complete_journey": "The Complete Journey", "freshretailnet": "FreshRetailNet"}
TRIED = (
    "Time to accuracy: on sales alone the last percent on The Complete Journey took most of the time, whatever the "
    "learning rate, batch, dropout or averaging of weights. Two things moved it: the rolling means and deviation of "
    "sales as inputs, and stretches of 96 days, which give more steps of the optimiser a second. Both were chosen on "
    "the curves that are compared here."
)


def verdict(value: float, goal: float, at_most: bool) -> str:
    """Whether a goal is met."""
    return "met" if (value <= goal) == at_most else "missed"


def goals(result: dict[str, Any]) -> list[str]:
    """Rows of the table of goals: what, measured, goal, verdict."""
    train, predict, memory = result["train"], result["predict"], result["memory"]
    rows = [
        ("trained origins a second, forking over neuralforecast", train["forking_over_neuralforecast"], 10, False),
        ("window by window over the bare loop", train["window_by_window_over_bare_loop"], 0.9, False),
        ("forecasting all series over neuralforecast's predict", predict["ours_over_neuralforecast"], 1, True),
        ("peak of training over data, model and one batch", memory["share"], 1.3, True),
        ("gigabytes to prepare and train 30,000 series of 1,900 days",
         max(memory["peak_of_preparing_mb"], memory["peak_of_training_mb"]) / 1024, 8, True),
        ("lags and rolling windows over mlforecast's", result["features"]["ours_over_mlforecast"], 1, True),
    ]  # fmt: skip
    for name, part in result["accuracy"].items():
        share = part["seconds_over_neuralforecast"] if part["ours"]["reached"] else float("inf")
        rows.append((f"time to neuralforecast's loss, {NAMES[name]}", share, 0.2, True))
    lines = []
    for words, value, goal, at_most in rows:
        wanted = f"{'at most' if at_most else 'at least'} {goal:g}"
        lines.append(f"| {words} | {value:.2f} | {wanted} | **{verdict(value, goal, at_most)}** |")
    return lines


def figure(rows: list[dict[str, float]]) -> None:
    """Time of an epoch and of preparing over the number of series, both axes logarithmic."""
    plt.rcParams.update({"svg.hashsalt": "growth", "svg.fonttype": "none"})
    fig, ax = plt.subplots(figsize=(5.5, 3.2))
    series = [row["series"] for row in rows]
    for name, label in (("epoch_seconds", "one epoch of training"), ("prepare_seconds", "preparing the data")):
        ax.plot(series, [row[name] for row in rows], marker="o", label=label)
    first = rows[0]["epoch_seconds"]
    ax.plot(series, [first * n / series[0] for n in series], color="0.4", linestyle=":", label="linear")
    ax.set(xscale="log", yscale="log", xlabel="series of 300 days", ylabel="seconds")
    ax.legend()
    fig.tight_layout()
    atomically(FIGURE, lambda place: fig.savefig(place, format="svg", metadata={"Date": None}))


def cuda_lines(part: dict[str, Any]) -> list[str]:
    """What a CUDA device gave, or why there is nothing."""
    if "skipped" in part:
        return [f"On a CUDA device: not measured ({part['skipped']})."]
    rates = (f"| {name} | {value:,.0f} |" for name, value in part["origins_per_second"].items())
    return [
        f"On a CUDA device ({part['device']}):",
        "",
        "| trainer | forecast origins a second |",
        "|---|---:|",
        *rates,
    ]


def page(result: dict[str, Any]) -> str:
    """Markdown of the page."""
    rates, seconds, growth = result["train"]["origins_per_second"], result["predict"]["seconds"], result["growth"]
    best, sizes = (result["train"][f"neuralforecast_{key}"] for key in ("windows_batch_size", "by_windows_batch_size"))
    lines = [
        "# Speed",
        "",
        "Made by `tests/benchmarks/speed_page.py` from what `tests/benchmarks/speed.py` measured: one thread each, both"
        f" in the same run on a shared machine with two cores, torch {result['torch']}. Ratios are what to read: "
        "seconds depend on what else was running.",
        "",
        "| | measured | goal | |",
        "|---|---:|---:|---|",
        *goals(result),
        "",
        TRIED,
        "",
        *cuda_lines(result.get("cuda", {"skipped": "the part was not run"})),
        "",
        "## Training and forecasting",
        "",
        "| trainer | forecast origins a second |",
        "|---|---:|",
        *(f"| {name} | {value:,.0f} |" for name, value in rates.items()),
        "",
        f"neuralforecast takes {best} windows in a batch there, the fastest for it of {', '.join(sizes)}.",
        "",
        "| forecast of 200 series, 28 days | seconds |",
        "|---|---:|",
        *(f"| {name} | {value:.3f} |" for name, value in seconds.items()),
        "",
        "Both networks read 56 days there; one that was trained by forking may read further back, or keep its state "
        "and read one day.",
        "",
        "## Time to accuracy",
        "",
        "| data set | neuralforecast: loss after its steps | its seconds | ours: loss | seconds |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {NAMES[name]} | {part['neuralforecast']['loss']:.4f} ({part['neuralforecast']['steps']:,} steps) | "
            f"{part['neuralforecast']['seconds']:.1f} | {part['ours']['loss']:.4f} | {part['ours']['seconds']:.1f} |"
            for name, part in result["accuracy"].items()
        ),
        "",
        "Both see sales and nothing else. Ours reads their rolling means and deviation beside them (chapter 02), and "
        "the time to make these counts. The loss is that of the seven quantiles at later origins.",
        "",
        "## Growth",
        "",
        "```{figure} static/growth.svg",
        ":name: fig-growth",
        ":alt: Two rising lines over the number of series on logarithmic axes: the time of an epoch lies on the "
        "dotted linear line, and preparing the data stays far below it.",
        "",
        f"Time of an epoch grows with the number of series to the power of {growth['exponent']:.2f}.",
        "```",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write page and figure."""
    result = read_json(STORED)
    figure(result["growth"]["rows"])
    write_text(page(result), PAGE)
    print(PAGE)


if __name__ == "__main__":
    main()
