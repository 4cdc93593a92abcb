"""How many processes a stage may use."""

import os

import pytest

from salesforecast_lib.processes import PROCESSES, allowed, processes


@pytest.mark.parametrize("said", ["0", "-1", "two", "1.5", ""])
def test_what_is_no_number_of_processes_is_refused(said, monkeypatch):
    monkeypatch.setenv(PROCESSES, said)
    with pytest.raises(ValueError, match=f"{PROCESSES}={said!r}"):
        processes()


def test_a_run_says_how_many_and_the_users_word_goes_first(monkeypatch):
    monkeypatch.delenv(PROCESSES, raising=False)
    with allowed(2):
        assert processes() == 2
    assert processes() == 1 and PROCESSES not in os.environ
    monkeypatch.setenv(PROCESSES, "3")
    with allowed(2):
        assert processes() == 3
    assert processes() == 3
