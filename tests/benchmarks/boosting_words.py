"""What `boosting_scale` measured, as a section of a page: a table for each panel, and which way is taken."""

from __future__ import annotations

from typing import Any

NAMES = {
    "draw": "a draw of rows, one process",
    "files": "as many rows, equal shares of eight files",
    "pairs of fits": "two such fits side by side",
    "cluster": "LightGBM's Dask trainer, the same rows",
    "more": "four times the rows, one process",
    "cluster, more": "LightGBM's Dask trainer, four times the rows",
}
ENOUGH = 0.01  # share by which an error has to be lower to be called lower


def table(panel: dict[str, Any]) -> list[str]:
    """Markdown rows of one panel."""
    rows = ["| | rows | error | seconds a fit | CPU seconds | GB |", "|---|---:|---:|---:|---:|---:|"]
    for key, words in NAMES.items():
        one = panel["variants"][key]
        numbers = f"{one['rows']:,} | {one['wape']:.4f} | {one['seconds a fit']:.1f}"
        rows.append(f"| {words} | {numbers} | {one['CPU seconds in all']:.0f} | {one['GB']:.1f} |")
    return rows


def verdict(panels: list[dict[str, Any]]) -> str:
    """Which way is taken, and on what that rests."""
    better, cpu = [], []
    for panel in panels:
        ways, base = panel["variants"], panel["variants"]["draw"]
        least = min(ways["cluster"]["wape"], ways["cluster, more"]["wape"])
        better.append(least < (1 - ENOUGH) * base["wape"])
        cpu.append(ways["cluster"]["CPU seconds in all"] / base["CPU seconds in all"])
    more = f"{min(cpu):.1f} to {max(cpu):.1f} times the processor's time of one process on the same rows"
    if all(better):
        return f"LightGBM's Dask trainer lowers the error by a hundredth or more on every panel, for {more}."
    where = "no panel" if not any(better) else f"{sum(better)} of {len(better)} panels"
    return (
        f"LightGBM's Dask trainer lowers the error by a hundredth or more on {where}, for {more}. So each fit draws "
        "its rows, and fits of members, levels and cutoffs are what is done side by side."
    )


def section(content: dict[str, Any]) -> list[str]:
    """Lines of Markdown of ``book/scale/boosting.json``."""
    panels = content["panels"]
    lines = ["## Boosting on several workers", "", verdict(panels), ""]
    for panel in panels:
        loads = [one["load before"] for one in panel["variants"].values()]
        name = panel["name"][0].upper() + panel["name"][1:]
        lines += [
            f"{name}, {panel['horizon']} periods ahead, {panel['cutoffs']} cutoffs before the scored part. The error "
            "is the weighted absolute percentage error; CPU seconds and memory are of all processes, with imports and "
            "reading, and of both fits where two are side by side. The load of the machine, of two cores, was "
            f"{min(loads):.1f} to {max(loads):.1f}.",
            "",
            *table(panel),
            "",
        ]
    return lines
