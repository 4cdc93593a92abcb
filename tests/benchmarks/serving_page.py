"""The book's page of the server, made from stored results: ``python tests/benchmarks/serving_page.py``.

``book/serving/serving.json`` holds what ``tests/benchmarks/serving.py RUN --json book/serving/serving.json`` writes.
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

STORED = project_root() / "book" / "serving" / "serving.json"
PAGE = project_root() / "book" / "serving.md"
FIGURE = project_root() / "book" / "static" / "serving.svg"


def best_rate(result: dict[str, Any]) -> float:
    """Most forecasts of one series a second, over the numbers of connections."""
    return max(float(each["per_second"]) for each in result["load"].values())


def of_a_free_core(result: dict[str, Any]) -> float:
    """Forecasts of one series that a second of the processor's time pays for, at the best number of connections."""
    return 1000 / min(float(each["cpu_ms_each"]) for each in result["load"].values())


def loads(result: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """What was measured, by the number of connections, rising."""
    return {int(name): result["load"][name] for name in sorted(result["load"], key=int)}


def measured(result: dict[str, Any]) -> list[tuple[str, str]]:
    """The figures that matter, in words and numbers."""
    chaos, memory, batch = result["chaos"], result["memory"], result["batch"]
    return [
        ("forecasts of one series a second, by the clock", f"{best_rate(result):,.0f}"),
        ("forecasts of one series that a second of the processor pays for", f"{of_a_free_core(result):,.0f}"),
        (
            "p99 at 200 requests a second, the worst of the runs, ms",
            f"{max(row['p99_ms'] for row in result['latency']['runs']):.1f}",
        ),
        (f"one request of {batch['series']:,} series, median, ms", f"{batch['p50_ms']:.0f}"),
        ("the processor's part of it, ms", f"{batch['cpu_ms_each']:.0f}"),
        (f"growth of memory over {memory['requests']:,} requests", f"{memory['growth']:.2%}"),
        (f"failed answers in {chaos['swaps']} swaps and {chaos['kills']} kills", f"{chaos['failed_answers']:,}"),
        (f"lost of {chaos['acknowledged']:,} acknowledged observations", f"{chaos['lost']:,}"),
        (
            f"errors of the server in {sum(result['fuzz']['answers'].values()):,} made-up requests",
            f"{result['fuzz']['server_errors']:,}",
        ),
    ]


def meaning(result: dict[str, Any]) -> list[str]:
    """What a shop learns from it."""
    chaos, peer = result["chaos"], result["peer"]
    each = 1000 / of_a_free_core(result)
    return [
        f"Forecasts of 30,000 products, each by a request of its own, take {30 * each:.0f} seconds of one core.",
        f"After a crash the server was back in {chaos['seconds_to_be_back']:.1f} seconds at most, and knew all of the "
        f"{chaos['acknowledged']:,} observations that it had acknowledged."
        if chaos["lost"] == 0
        else f"{chaos['lost']} of {chaos['acknowledged']:,} acknowledged observations were lost.",
        f"It answered {peer['times_as_many']:.0f} times as many requests as the peer."
        if peer["times_as_many"] >= 1.5
        else "The peer answered about as many requests.",
    ]


def figure(result: dict[str, Any]) -> None:
    """Forecasts a second over the number of connections, as measured and for a second of the processor's time."""
    plt.rcParams.update({"svg.hashsalt": "serving", "svg.fonttype": "none"})
    fig, ax = plt.subplots(figsize=(5.5, 3.2))
    connections, rows = list(loads(result)), list(loads(result).values())
    ax.plot(connections, [row["per_second"] for row in rows], marker="o", label="a second of the clock")
    free = [1000 / row["cpu_ms_each"] for row in rows]
    ax.plot(connections, free, marker="s", linestyle="--", label="a second of the processor")
    ax.set(xscale="log", xlabel="connections", ylabel="forecasts", ylim=(0, None), xticks=connections)
    ax.set_xticklabels([str(number) for number in connections])
    ax.minorticks_off()
    ax.legend()
    fig.tight_layout()
    atomically(FIGURE, lambda place: fig.savefig(place, format="svg", metadata={"Date": None}))


def _clock(load: float) -> str:
    """What times of the clock are worth at the highest load of the last minute."""
    if load > 2:
        return "others used it too, so times of the clock are those of a busy machine"
    return "nothing else ran, so times of the clock are what a shop would see"


def page(result: dict[str, Any]) -> str:
    """Markdown of the page."""
    peer, chaos = result["peer"], result["chaos"]
    busy = [row["machine_load"] for row in (*result["load"].values(), result["batch"], *result["latency"]["runs"])]
    answers = ", ".join(f"{count:,} x {status}" for status, count in sorted(result["fuzz"]["answers"].items()))
    lines = [
        "# The server under load",
        "",
        *opening(
            "What `salesforecast serve` bears on one core: requests a second, times of the answers, memory, and what "
            "is lost when models are swapped and the process is killed.",
            "The exported model of The Complete Journey (200 products, 28 days ahead), asked with made histories of "
            "56 days.",
            "`python tests/benchmarks/serving.py RUN --json book/serving/serving.json`; "
            "`tests/benchmarks/serving_page.py` makes the page of what it stored.",
            meaning(result),
        ),
        "The server has one core for itself, the client another one, on a machine of two cores whose load was "
        f"{min(busy):.1f} to {max(busy):.1f} meanwhile: {_clock(max(busy))}. Times of the processor are what the "
        "server itself needs.",
        "",
        "| | measured |",
        "|---|---:|",
        *(f"| {words} | {value} |" for words, value in measured(result)),
        "",
        "## Requests a second",
        "",
        "Requests that are there at the same time are computed together, and none waits for others to come. So more "
        "connections make a request cheaper.",
        "",
        "| connections | requests a second | median, ms | p99, ms | processor, ms each |",
        "|---:|---:|---:|---:|---:|",
        *(
            f"| {name} | {row['per_second']:,.0f} | {row['p50_ms']:.1f} | {row['p99_ms']:.1f} | "
            f"{row['cpu_ms_each']:.2f} |"
            for name, row in loads(result).items()
        ),
        "",
        "```{figure} static/serving.svg",
        ":name: fig-serving",
        ":alt: Two lines of forecasts over the number of connections: what a second of the processor pays for, and "
        "what a second of the clock gave.",
        "",
        "Forecasts of one series by the number of connections.",
        "```",
        "",
        "At 200 requests a second, which come at random and count from when they were due, three runs gave:",
        "",
        "| run | median, ms | p99, ms | longest, ms | load of the machine |",
        "|---:|---:|---:|---:|---:|",
        *(
            f"| {k} | {row['p50_ms']:.1f} | {row['p99_ms']:.1f} | {row['max_ms']:.1f} | {row['machine_load']:.1f} |"
            for k, row in enumerate(result["latency"]["runs"], 1)
        ),
        "",
        f"One request of {result['batch']['series']:,} series takes {result['batch']['p50_ms']:.0f} ms in the median; "
        f"the processor works on each for {result['batch']['cpu_ms_each']:.0f} ms in the mean.",
        "",
        "## Swaps and kills",
        "",
        f"Clients observed day after day of {chaos['products']} products and asked for forecasts, while the model was "
        f"swapped {chaos['swaps']} times and the process killed {chaos['kills']} times (kill -9). Of "
        f"{chaos['answers']:,} "
        f"answers {chaos['failed_answers']} were failures; {chaos['lost']} of {chaos['acknowledged']:,} acknowledged "
        f"observations were missing at the end. The forecasts then differed by {chaos['state_differs_by']:g} from "
        "those "
        "of a state that was made anew from the store. After a kill it was back within "
        f"{chaos['seconds_to_be_back']:.1f} seconds.",
        "",
        "## Wrong requests",
        "",
        f"schemathesis made requests from the server's own description. Answers by status: {answers}.",
        "",
        "## What a user would do today",
        "",
        "mlforecast with LightGBM (100 trees, lags and rolling means) behind the same FastAPI, with the same reader "
        "and "
        "writer of JSON, on the same core. It gives a mean and no quantiles, and it makes a table of each request and "
        "28 "
        "steps, one after the other. A fast server of its trees could be written by hand; this is what the library "
        "offers.",
        "",
        "| | requests a second | median, ms | processor, ms each | 1,000 series, ms | memory, MB |",
        "|---|---:|---:|---:|---:|---:|",
        *(
            f"| {name} | {row['single']['per_second']:,.0f} | {row['single']['p50_ms']:.1f} | "
            f"{row['single']['cpu_ms_each']:.2f} | {row['batch']['p50_ms']:,.0f} | {row['megabytes']:.0f} |"
            for name, row in ((name, peer[name]) for name in ("ours", "mlforecast"))
        ),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write page and figure."""
    result = read_json(STORED)
    figure(result)
    write_text(page(result), PAGE)
    print(PAGE)


if __name__ == "__main__":
    main()
