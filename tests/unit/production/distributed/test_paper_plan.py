"""A plan on paper follows from the measurement and from what is assumed."""

from dataclasses import replace

import pytest

from salesforecast_lib.production.distributed.build import BUCKET
from salesforecast_lib.production.distributed.lines import PART
from salesforecast_lib.production.distributed.paper_plan import Assumed, Measured, paper_plan, plan_found

RESULT = {
    "runs": [
        {"way": "in parts", "lines": 10, "outcome": "done"},
        {
            "way": "in parts",
            "lines": 1_000_000,
            "outcome": "done",
            "cpu_seconds": 10.0,
            "input_bytes": 20e6,
            "peak_mb": 4000,
            "bytes": {"lines": 30e6, "clean": 20e6, "panel": 1e6},
        },
        {"way": "in parts", "lines": 5_000_000, "outcome": "out of memory"},
        {"way": "pandas", "lines": 9_000_000, "outcome": "done"},
    ]
}


def test_the_largest_finished_build_is_what_is_measured():
    assert Measured.of(RESULT) == Measured(1e6, 1e-5, 20.0, 50.0, 2.0)
    with pytest.raises(ValueError, match="no build in parts"):
        Measured.of({"runs": RESULT["runs"][2:]})


def test_the_numbers_by_hand():
    assumed = Assumed(lines=3.6e9, hours=10, cores=8, memory_gb=8, node_hour=2, disk_mb=100, seek_ms=1, slack=1)
    plan = paper_plan(Measured.of(RESULT), assumed)
    assert plan.workers == 4 and plan.cpu_hours == pytest.approx(10)  # 2 GB each; 36,000 s
    assert plan.hours["disks"] * plan.nodes == pytest.approx(3.6e9 * 170 / 1e8 / 3600)
    pieces = (3.6e9 / PART) * (3.6e9 / BUCKET)
    assert plan.pieces == pieces
    assert plan.hours["small reads"] * plan.nodes == pytest.approx(pieces / 1000 / 3600 / 4)
    assert plan.nodes == 1 and plan.dollars == pytest.approx(2 * sum(plan.hours.values()))


@pytest.mark.parametrize("factor", [2, 7])
def test_pieces_grow_with_the_square_of_the_lines(factor):
    few, many = (paper_plan(Measured.of(RESULT), Assumed(lines=n)) for n in (1e9, factor * 1e9))
    assert many.pieces == pytest.approx(few.pieces * factor**2) and many.cpu_hours == pytest.approx(
        few.cpu_hours * factor
    )


def test_the_sentence_names_what_takes_longest():
    measured = Measured.of(RESULT)
    for name, assumed in {
        "computing": Assumed(seek_ms=0, disk_mb=1e6),
        "disks": Assumed(seek_ms=0, disk_mb=1),
        "small reads": Assumed(seek_ms=100),
    }.items():
        plan = paper_plan(measured, assumed)
        assert plan.bottleneck == name and name in plan_found(plan, assumed)
        assert sum(plan.hours.values()) <= assumed.hours
    with pytest.raises(ValueError, match="memory_gb=1"):
        paper_plan(measured, replace(Assumed(), memory_gb=1.0))
