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
from salesforecast_lib.pipeline.markdown import opening

STORED = project_root() / "book" / "speed" / "speed.json"
PAGE = project_root() / "book" / "speed.md"
FIGURE = project_root() / "book" / "static" / "growth.svg"
NAMES = {"complete_journey": "The Complete Journey", "freshretailnet": "FreshRetailNet"}
NEURAL = "neuralforecast"
TRIED = (
    "Time to accuracy: on sales alone the last percent on The Complete Journey took most of the time, whatever the "
    "learning rate, batch, dropout or averaging of weights. Two things moved it: the rolling means and deviation of "
    "sales as inputs, and stretches of 96 days, which give more steps of the optimiser a second. Both were chosen on "
    "the curves that are compared here."
)


def faster(seconds: float, ours: str, theirs: str) -> str:
    """Who is faster, from our share of the other's time; within 5 % nobody is."""
    if abs(seconds - 1) <= 0.05:
        return "about level"
    return ours if seconds < 1 else theirs


def measured(result: dict[str, Any]) -> list[str]:
    """Rows of the table of ratios: what, measured, who is faster (a dash where nobody is compared)."""
    train, predict, memory = result["train"], result["predict"], result["memory"]
    forking, windows = train["forking_over_neuralforecast"], train["window_by_window_over_bare_loop"]
    forecast, lags = predict["ours_over_neuralforecast"], result["features"]["ours_over_mlforecast"]
    rows = [
        ("trained origins a second, forking over neuralforecast", forking, faster(1 / forking, "ours", NEURAL)),
        ("trained origins a second, window by window over the bare loop", windows,
         faster(1 / windows, "window by window", "the bare loop")),
        ("time to forecast all series, ours over neuralforecast's predict", forecast, faster(forecast, "ours", NEURAL)),
        ("peak of training's memory over data, model and one batch", memory["share"], "–"),
        ("gigabytes to prepare and train 30,000 series of 1,900 days", gigabytes(result), "–"),
        ("time for lags and rolling windows, ours over mlforecast's", lags, faster(lags, "ours", "mlforecast")),
    ]  # fmt: skip
    lines = [f"| {words} | {value:.2f} | {who} |" for words, value, who in rows]
    for name, part in result["accuracy"].items():
        words = f"time to neuralforecast's loss, {NAMES[name]}, ours over neuralforecast's"
        if part["ours"]["reached"]:
            share = part["seconds_over_neuralforecast"]
            lines.append(f"| {words} | {share:.2f} | {faster(share, 'ours', NEURAL)} |")
        else:
            lines.append(f"| {words} | not reached | {NEURAL} |")
    return lines


def gigabytes(result: dict[str, Any]) -> float:
    """Largest memory of preparing and training the large shop."""
    memory = result["memory"]
    return max(memory["peak_of_preparing_mb"], memory["peak_of_training_mb"]) / 1024


def for_a_shop(result: dict[str, Any]) -> list[str]:
    """What the numbers mean for who wants to train and to forecast every night."""
    memory, predict = result["memory"], result["predict"]["seconds"]
    reached = [part["seconds_over_neuralforecast"] for part in result["accuracy"].values() if part["ours"]["reached"]]
    minutes = (memory["seconds_of_preparing"] + memory["seconds_of_training"]) / 60
    first = (
        f"Training to neuralforecast's loss takes {min(reached):.0%} to {max(reached):.0%} of its time"
        if reached
        else ""
    )
    lost = len(result["accuracy"]) - len(reached)
    if lost:
        first += f"{'; ' if first else ''}on {lost} of {len(result['accuracy'])} data sets we did not reach its loss"
    return [
        f"{first}.",
        f"A shop of {memory['series']:,} products with {memory['days']:,} days each fits into {gigabytes(result):.1f} "
        f"gigabytes, and {memory['batches']:,} batches of training take {minutes:.0f} minutes with one thread, "
        "preparing included.",
        f"A forecast of 200 products for 28 days takes {predict['all series']:.2f} seconds: it can be made anew "
        "whenever sales arrive.",
    ]


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
        *opening(
            "Seconds and memory of training, forecasting and making features, ours beside neuralforecast's and "
            "mlforecast's.",
            f"{' and '.join(NAMES[name] for name in result['accuracy'])} for the time to an accuracy, series made for "
            "the purpose for the rest.",
            "`python tests/benchmarks/speed.py --data DIR --json book/speed/speed.json`; "
            "`tests/benchmarks/speed_page.py` makes the page of what it stored.",
            for_a_shop(result),
        ),
        f"One thread each, both in the same run on a shared machine with two cores, torch {result['torch']}. Ratios "
        "are what to read: seconds depend on what else was running.",
        "",
        "| | measured | faster |",
        "|---|---:|---|",
        *measured(result),
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
