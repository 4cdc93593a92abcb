"""The solver's own words do not end in a notebook, ours do."""

import os

import numpy as np
from scipy.optimize import Bounds

from salesforecast_lib.decisions.solver import _no_standard_output, milp


def test_only_what_compiled_code_writes_inside_is_dropped(capfd):
    print("before")
    with _no_standard_output():
        os.write(1, b"debugging line of a solver\n")
    os.write(1, b"after\n")
    assert capfd.readouterr().out == "before\nafter\n"


def test_answer_is_scipys():
    done = milp(-np.array([2.0, 3.0]), integrality=np.ones(2), bounds=Bounds(0, [1.5, 2.5]))
    assert done.success and done.x.tolist() == [1.0, 2.0]
