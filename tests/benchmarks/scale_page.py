"""The book's page of large data, made from stored results: ``python -m tests.benchmarks.scale_page``.

``book/scale/scale.json`` holds what ``python -m tests.benchmarks.scale FOLDER --json book/scale/scale.json`` writes.
"""

from __future__ import annotations

from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from salesforecast_lib.files import atomically, project_root, read_json, write_text
from salesforecast_lib.pipeline.markdown import opening
from salesforecast_lib.production.distributed.paper_plan import Assumed, Measured, paper_plan, plan_found
from tests.benchmarks.boosting_words import section

STORED = project_root() / "book" / "scale" / "scale.json"
BOOSTING = STORED.with_name("boosting.json")
PAGE = project_root() / "book" / "scale.md"
FIGURE = project_root() / "book" / "static" / "scale.svg"
NAMES = {
    "in parts": "the library, in parts (two processes)",
    "in memory": "the library, all in memory",
    "pandas": "a pandas script",
    "polars": "a Polars script",
}
MARKS = {"in parts": "o-", "in memory": "s--", "pandas": "^:", "polars": "D-."}


def runs_of(result: dict[str, Any], way: str) -> list[dict[str, Any]]:
    """What one way took, by lines, rising."""
    return sorted((run for run in result["runs"] if run["way"] == way), key=lambda run: run["lines"])


def largest(result: dict[str, Any]) -> int:
    """The most lines that were tried."""
    return max(run["lines"] for run in result["runs"])


def meaning(result: dict[str, Any]) -> list[str]:
    """What a shop learns from it."""
    limit, most = result["limit_bytes"] / 1e9, largest(result)
    done = [way for way in NAMES if any(run["outcome"] == "done" for run in runs_of(result, way))]
    largest_done = {way: [run for run in runs_of(result, way) if run["outcome"] == "done"][-1] for way in done}
    top = [way for way in done if largest_done[way]["lines"] == most]
    ended = [way for way in NAMES if any(run["outcome"] == "out of memory" for run in runs_of(result, way))]
    tried = [way for way in NAMES if any(run["lines"] == most for run in runs_of(result, way))]
    found = ", ".join(NAMES[way] for way in top) or f"none of the {len(tried)} ways that were tried at that size"
    said = [f"With {limit:g} GB, {most:,} lines become a panel by: {found}."]
    ours = runs_of(result, "in parts")
    if ours and ours[-1]["lines"] < most:
        said[0] += f" The library in parts was measured up to {ours[-1]['lines']:,} lines."
    if ended:
        said.append(f"Ended because they needed more: {', '.join(NAMES[way] for way in ended)}.")
    both = [way for way in ("pandas", "polars") if way in done]
    for way in both:
        theirs = largest_done[way]
        ours = [run for run in runs_of(result, "in memory") if run["lines"] == theirs["lines"]]
        ours = [run for run in ours if run["outcome"] == "done"] or [
            run for run in runs_of(result, "in parts") if run["lines"] == theirs["lines"]
        ]
        if ours and ours[0]["outcome"] == "done":
            ratio = ours[0]["cpu_seconds"] / theirs["cpu_seconds"]
            word = "more" if ratio > 1 else "less"
            said.append(
                f"{NAMES[way][0].upper()}{NAMES[way][1:]} adds up units only; the library takes "
                f"{max(ratio, 1 / ratio):.1f} times {word} of the processor's time, and also "
                "cleans the lines and counts orders, customers and prices."
            )
    return said


def cell(run: dict[str, Any] | None, key: str, form: str) -> str:
    """A number of a run, or why there is none."""
    if run is None:
        return "–"
    if key in run and run["outcome"] == "done":
        return format(run[key], form)
    return str(run["outcome"])


def figure(result: dict[str, Any]) -> None:
    """Memory and processor's time over the number of lines."""
    plt.rcParams.update({"svg.hashsalt": "scale", "svg.fonttype": "none"})
    fig, axes = plt.subplots(1, 2, figsize=(8, 3.4))
    fig.patch.set_facecolor("white")  # readable on a dark page, too
    for way, mark in MARKS.items():
        runs = [run for run in runs_of(result, way) if "peak_mb" in run]
        done = [run for run in runs if run["outcome"] == "done"]
        lines = [run["lines"] / 1e6 for run in runs]
        (drawn,) = axes[0].plot(lines, [run["peak_mb"] / 1000 for run in runs], mark, label=NAMES[way])
        ended = [run for run in runs if run["outcome"] == "out of memory"]
        axes[0].plot(
            [run["lines"] / 1e6 for run in ended],
            [run["peak_mb"] / 1000 for run in ended],
            "x",
            color=drawn.get_color(),
            markersize=11,
        )
        axes[1].plot([run["lines"] / 1e6 for run in done], [run["cpu_seconds"] for run in done], mark)
    axes[0].axhline(result["limit_bytes"] / 1e9, color="grey", linewidth=1)
    axes[0].set(xscale="log", xlabel="million order lines", ylabel="peak memory, GB", ylim=(0, None))
    axes[1].set(xscale="log", yscale="log", xlabel="million order lines", ylabel="processor, seconds")
    fig.legend(loc="upper center", ncols=2, fontsize="small", frameon=False)
    fig.tight_layout(rect=(0, 0, 1, 0.86))
    atomically(FIGURE, lambda place: fig.savefig(place, format="svg", metadata={"Date": None}))


def table(result: dict[str, Any], key: str, form: str) -> list[str]:
    """Rows of a Markdown table: a way in each row, a number of lines in each column."""
    sizes = sorted({run["lines"] for run in result["runs"]})
    rows = [f"| | {' | '.join(f'{size:,} lines' for size in sizes)} |", f"|---|{'---:|' * len(sizes)}"]
    for way, words in NAMES.items():
        found = {run["lines"]: run for run in runs_of(result, way)}
        rows.append(f"| {words} | {' | '.join(cell(found.get(size), key, form) for size in sizes)} |")
    return rows


def page(result: dict[str, Any]) -> str:
    """Markdown of the page."""
    most = [run for run in runs_of(result, "in parts") if run["outcome"] == "done"][-1]
    assumed, loads = Assumed(), [run["load_before"] for run in result["runs"] if "load_before" in run]
    plan = paper_plan(Measured.of(result), assumed)
    lines = [
        "# Large data",
        "",
        *opening(
            "Time and memory from order lines in Parquet files to a daily panel of the best-selling "
            f"{result['series']:,} products, and what 10 billion lines a year would take.",
            f"Made order lines over {result['days']} days, of 100,000 products at the smallest size and a million at "
            "the others. No real shop.",
            "`python -m tests.benchmarks.scale FOLDER --json book/scale/scale.json`; "
            "`python -m tests.benchmarks.scale_page` makes the page of what it stored.",
            meaning(result),
        ),
        "The scripts are those that one writes first: read, drop duplicates and what was not sold, keep the best "
        "products, add up units by day, fill the days without a sale. They match no cancellation with its order, find "
        "no absurd order, and count no orders, customers or prices. A watchdog adds up the memory of all processes of "
        "a run ten times a second (pages that two of them share count twice) and ends it above the limit of "
        f"{result['limit_bytes'] / 1e9:g} GB. The machine has two cores and others used it: its load was "
        f"{min(loads):.1f} to {max(loads):.1f} before the runs, so the processor's seconds say more than the clock's.",
        "",
        "```{figure} static/scale.svg",
        ":name: fig-scale",
        ":alt: Two charts over the number of order lines. Left, peak memory, which rises with the lines; crosses at "
        "the grey limit mark what was ended. Right, seconds of the processor.",
        "",
        "Peak memory (grey: the limit; cross: ended there) and seconds of the processor, by the number of order lines.",
        "```",
        "",
        "Peak memory, MB:",
        "",
        *table(result, "peak_mb", ",.0f"),
        "",
        "Seconds of the processor:",
        "",
        *table(result, "cpu_seconds", ",.0f"),
        "",
        "Seconds by the clock:",
        "",
        *table(result, "seconds", ",.0f"),
        "",
        f"## Where {most['lines']:,} lines spend their time",
        "",
        f"The build works in {most['buckets']} buckets. It begins again where it was killed: each part and bucket that "
        "was finished has its file.",
        "",
        "| step | seconds by the clock |",
        "|---|---:|",
        *(f"| {name} | {seconds:,.0f} |" for name, seconds in sorted(most["steps"].items(), key=lambda i: -i[1])),
        "",
        "## Ten billion lines, on paper",
        "",
        plan_found(plan, assumed),
        "",
        "Each number follows from the largest build above and from these assumptions: "
        f"{assumed.cores} virtual cores and {assumed.memory_gb:g} GB a node, {assumed.node_hour} dollars an hour (list "
        "price of Amazon's m7i.4xlarge on demand in us-east-1; look up your own), disks that read or write "
        f"{assumed.disk_mb:g} MB a second for {assumed.gb_month} dollars a gigabyte and month, {assumed.seek_ms:g} "
        f"ms for each piece of a file, and {assumed.slack - 1:.0%} of waiting for the slowest. A virtual core is taken "
        "for as fast as one of this machine, which is generous.",
        "",
        "| what | value |",
        "|---|---:|",
        *(f"| {row.what} | {row.value} |" for row in plan.table().itertuples()),
        "",
        *section(read_json(BOOSTING)),
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
