"""The section on boosting says what was measured, whichever way that went."""

from copy import deepcopy

import pytest

from salesforecast_lib.files import project_root, read_json
from tests.benchmarks.boosting_scale import VARIANTS
from tests.benchmarks.boosting_words import NAMES, section, verdict


@pytest.fixture
def content():
    return read_json(project_root() / "book" / "scale" / "boosting.json")


def test_every_variant_of_every_panel_has_its_row(content):
    text = "\n".join(section(content))
    assert set(NAMES) == set(VARIANTS)
    for panel in content["panels"]:
        for each in panel["variants"].values():
            assert f"| {each['rows']:,} | {each['wape']:.4f} | {each['seconds a fit']:.1f} |" in text


@pytest.mark.parametrize(
    ("factors", "words"),
    [((1.0, 1.0), "on no panel"), ((0.9, 1.0), "on 1 of 2 panels"), ((0.9, 0.9), "more on every panel")],
)
def test_the_verdict_follows_the_errors(content, factors, words):
    panels = deepcopy(content["panels"])[:2]
    for panel, factor in zip(panels, factors, strict=True):
        for name in ("cluster", "cluster, more"):
            panel["variants"][name]["wape"] = factor * panel["variants"]["draw"]["wape"]
    said = verdict(panels)
    assert words in said and ("draws its rows" in said) == (words != "more on every panel")


def test_the_verdict_says_what_the_trainer_costs(content):
    panels = deepcopy(content["panels"])
    for panel, seconds in zip(panels, (30.0, 45.0), strict=True):
        panel["variants"]["cluster"]["CPU seconds in all"] = seconds
        panel["variants"]["draw"]["CPU seconds in all"] = 15.0
    assert "2.0 to 3.0 times the processor's time" in verdict(panels)
