"""Sentences about losses name a winner only where another processor would name it, too."""

import pytest

from salesforecast_lib.models.training import compare_losses, describe_stop


def test_losses_that_a_processor_could_swap_are_level():
    assert compare_losses({"windows": 0.1140, "forking": 0.1132}) == "windows and forking are about level"
    assert compare_losses({"windows": 0.1131, "forking": 0.1139}) == "windows and forking are about level"


def test_a_clear_winner_is_named():
    assert compare_losses({"windows": 0.12, "forking": 0.11, "other": 0.3}) == "forking has the lowest loss"
    assert compare_losses({"windows": 0.1140, "forking": 0.1132}, margin=0.0) == "forking has the lowest loss"
    with pytest.raises(ValueError, match="at least two"):
        compare_losses({"windows": 0.12})


def test_the_end_of_a_training_is_told():
    assert "stopped by itself" in describe_stop([0.3, 0.2, 0.25], 10)
    assert "used all its epochs" in describe_stop([0.3, 0.2, 0.25], 3)
    with pytest.raises(ValueError, match="no epoch"):
        describe_stop([], 3)
