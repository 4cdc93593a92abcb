"""A known table in any dialect comes back as it was, or the file is refused: never another table."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from tests.unit.data.reading.dialects import read_back, written


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(case=written())
def test_a_table_in_any_dialect_comes_back_or_is_refused(case):
    with tempfile.TemporaryDirectory() as folder:
        read_back(case, Path(folder))
