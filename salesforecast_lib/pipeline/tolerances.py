"""How far published numbers move between processors, measured: what the tests hold them by.

Training a network adds numbers in an order that depends on the processor's vectors, and the last digits with it. The
same shift can be had on one machine, by telling the libraries to leave newer instructions alone. A tolerance is
absolute (a bias near zero has no relative one) and comes from runs under several such settings, with several seeds.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

from salesforecast_lib.files import project_root, read_json, write_json
from salesforecast_lib.pipeline.execute import StageError

# Instructions that the libraries may use: all that this processor has, those of 2013, or those of 2006.
PROCESSORS: dict[str, dict[str, str]] = {
    "native": {},
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    },
    "default": {
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    },
}
# A tolerance is so many times the widest range seen. Of three runs at each of two seeds the widest range is about 2.1
# standard deviations of a run; twice that is three standard deviations of the difference between two runs.
FACTOR = 2.0
STILL = 1e-6  # of a number's size: what moves less does not depend on the processor

Path_ = tuple[str, ...]


def numbers(values: Any, path: Path_ = ()) -> Iterator[tuple[Path_, float]]:
    """Every number below ``values`` with the names that lead to it; truth values are no numbers."""
    if isinstance(values, Mapping):
        for name, inner in values.items():
            yield from numbers(inner, (*path, str(name)))
    elif isinstance(values, list):
        for place, inner in enumerate(values):
            yield from numbers(inner, (*path, str(place)))
    elif isinstance(values, (int, float)) and not isinstance(values, bool):
        yield path, values


def tolerances(runs: Mapping[int, Sequence[Any]]) -> dict[Path_, float]:
    """Absolute tolerance of every number: `FACTOR` times its widest spread over processors at one seed.

    A number that stood still beside others of its table that moved may have been lucky (a count, a share of few rows):
    it takes the widest spread of the same name elsewhere, or else the usual one of its table relative to its size.

    Parameters
    ----------
    runs : seed → the same key numbers, once for each processor.
    """
    spread: dict[Path_, float] = {}
    size: dict[Path_, float] = {}
    for processors in runs.values():
        tables = [dict(numbers(table)) for table in processors]
        for path in tables[0]:
            found = [table[path] for table in tables if path in table]
            spread[path] = max(spread.get(path, 0.0), max(found) - min(found))
            size[path] = max(size.get(path, 0.0), *map(abs, found))
    moved = {path for path, width in spread.items() if width > STILL * max(size[path], STILL)}
    tables_moved = {path[:-1] for path in moved}
    by_name: dict[tuple[str, str], float] = {}
    by_table: dict[Path_, list[float]] = {}
    for path in moved:
        name = (path[0], path[-1])
        by_name[name] = max(by_name.get(name, 0.0), spread[path])
        by_table.setdefault(path[:-1], []).append(spread[path] / size[path])
    result = {}
    for path, width in spread.items():
        if path not in moved and path[:-1] in tables_moved:
            width = by_name.get((path[0], path[-1]), median(by_table[path[:-1]]) * size[path])
        result[path] = max(FACTOR * width, STILL * size[path], STILL * STILL)
    return result


def nested(flat: Mapping[Path_, float]) -> dict[str, Any]:
    """Numbers by their names as the tables they came from; a list becomes a table with its places as names."""
    result: dict[str, Any] = {}
    for path, value in flat.items():
        inner = result
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = float(f"{value:.3g}")
    return result


def differences(reference: Any, found: Any, allowed: Any, chapter: str) -> list[str]:
    """Sentences that name chapter, number, published and found value of everything that moved beyond its tolerance."""
    new, bounds, moved = dict(numbers(found)), dict(numbers(allowed)), []
    for path, old in numbers(reference):
        name = " · ".join(path)
        if path not in new:
            moved.append(f"{chapter} · {name}: was {old:.5g}, is missing")
        elif path not in bounds:
            moved.append(f"{chapter} · {name}: has no tolerance; run 'salesforecast tolerances'")
        elif abs(new[path] - old) > bounds[path]:
            moved.append(f"{chapter} · {name}: was {old:.5g}, is {new[path]:.5g}, may move by {bounds[path]:.2g}")
    return moved


def printed(notebook: Path) -> list[tuple[str, str]]:
    """First line and printed text of each cell whose output nbval checks."""
    import nbformat  # it and what publishes take seconds, which an error message need not wait for

    cells = []
    for cell in nbformat.read(notebook, 4).cells:
        if "nbval-check-output" in cell.metadata.get("tags", []):
            text = "".join(
                output["text"] if output.output_type == "stream" else output.get("data", {}).get("text/plain", "")
                for output in cell.outputs
                if output.get("name") != "stderr"
            )
            cells.append((cell.source.strip().splitlines()[0], text))
    return cells


def unsteady(folders: Sequence[Path]) -> list[str]:
    """Checked cells whose printed text is not the same in all run folders: nbval would fail on another processor."""
    found = []
    for notebook in sorted((folders[0] / "notebooks").glob("[0-9]*.ipynb")):
        copies = [printed(folder / "notebooks" / notebook.name) for folder in folders]
        for texts in zip(*copies, strict=True):
            if len({text for _, text in texts}) > 1:
                found.append(f"{notebook.stem}: {texts[0][0]}")
    return found


def run_on(processor: str, seed: int, folder: Path) -> Path:
    """Run the default profile with ``seed`` into ``folder``, as if on another processor.

    Raises
    ------
    StageError
        With the last lines of the run when it fails.
    """
    command = [sys.executable, "-m", "salesforecast_lib.pipeline.cli", "run", "--profile", "default", "--no-book"]
    done = subprocess.run(
        [*command, "-p", f"seed={seed}", "--run-dir", str(folder)],
        cwd=project_root(),
        env={**os.environ, "OMP_NUM_THREADS": "1", **PROCESSORS[processor]},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise StageError(f"{processor}, seed {seed}: " + "\n".join((done.stdout + done.stderr).splitlines()[-10:]))
    return folder


def measure(seeds: Sequence[int], processors: Sequence[str], jobs: int = 2) -> list[str]:
    """Run all pairs (stale stages only), write ``tests/reference/tolerances.json``, return unsteady checked cells."""
    from salesforecast_lib.pipeline.publish import key_numbers

    root = project_root()
    pairs = [(processor, seed) for seed in seeds for processor in processors]

    def run_pair(pair: tuple[str, int]) -> Path:
        processor, seed = pair
        return run_on(processor, seed, root / "runs" / "tolerances" / f"{processor}-{seed}")

    with ThreadPoolExecutor(jobs) as pool:
        folders = dict(zip(pairs, pool.map(run_pair, pairs), strict=True))
    write_tolerances({seed: [key_numbers(folders[name, seed]) for name in processors] for seed in seeds}, processors)
    return unsteady([folders[name, seeds[0]] for name in processors])


def write_tolerances(runs: Mapping[int, Sequence[Any]], processors: Sequence[str]) -> Path:
    """Write the `tolerances` of ``runs``, and how they were measured, beside the reference numbers."""
    measured = {
        "factor": FACTOR,
        "processors": {name: PROCESSORS[name] for name in processors},
        "seeds": list(runs),
        "tolerances": nested(tolerances(runs)),
    }
    return write_json(measured, project_root() / "tests" / "reference" / "tolerances.json")


def read_tolerances() -> dict[str, Any]:
    """Tolerances of the published numbers, nested as those are."""
    return read_json(project_root() / "tests" / "reference" / "tolerances.json")["tolerances"]
